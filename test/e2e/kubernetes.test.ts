/** Control Tower's image as it is started in a cluster, and its chart: rendered by the real helm, judged by Kubernetes' schemas. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { helmProgram } from '../../scripts/lib/helm.ts';
import { freePort } from '../../src/adapters/serve/sockets.ts';
import { readActions } from '../../src/cli/tower/actions.ts';
import { readLogin } from '../../src/cli/tower/login.ts';
import { temporaryFolder } from '../helpers/repo.ts';
import { postgresIsMissing, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { airflowPrograms } from '../support/real-airflow.ts';
import { imagesAreMissing, makeRootFolder } from '../support/registry.ts';

const root = join(import.meta.dirname, '../..');
const chart = join(root, 'src/tower/chart');
const helm = helmProgram(root);
const python = airflowPrograms(3);
const digest = `sha256:${'a'.repeat(64)}`;
const needed = ['--set', 'database.existingSecret=tower-db', '--set', 'writeToken.existingSecret=tower-token'];

type Fields = Readonly<Record<string, unknown>>;

describe.skipIf(helm === null)('the chart', () => {
  const template = (...more: string[]) =>
    spawnSync(helm ?? '', ['template', 'tower', chart, ...more], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: '/nonexistent' },
    });
  const rendered = (...more: string[]): string => {
    const { status, stdout, stderr } = template(...needed, ...more);
    expect(status, stderr).toBe(0);
    return stdout;
  };
  const full = [
    ...[
      '--set',
      'gitlab.issuers={https://a.example.com,https://b.example.com}',
      '--set',
      'gitlab.audience=https://tower.example.com',
      '--set',
      'gitlab.acceptFirst=https://a.example.com',
    ],
    ...['--set', 'ingress.enabled=true', '--set', 'ingress.host=tower.example.com', '--set', 'ingress.tlsSecret=tls'],
    ...[
      '--set',
      `image.digest=${digest}`,
      '--set',
      'imagePullSecrets[0].name=pull',
      '--set',
      'publicUrl=https://tower.example.com',
    ],
    ...[
      '--set-json',
      'actions={"webhooks":{"x":{"url":"https://h.example.com","secret":"HOOK"}},"airflow":{"main":{"url":"https://airflow.example.com","token":"HOOK"}},"repositories":{"risk":["issue","webhook:x"]}}',
    ],
    ...[
      '--set-json',
      'login={"issuer":"https://id.example.com/realms/a/","clientId":"tower","clientSecret":"HOOK","roles":[{"group":"platform","role":"admin"}]}',
    ],
    ...['--set-json', 'secretEnv=[{"name":"HOOK","secret":"hooks","key":"x"}]', '--set', 'nodeSelector.pool=a'],
    ...['--set-json', 'tolerations=[{"key":"x","operator":"Exists"}]', '--set', 'podLabels.team=a'],
    ...[
      '--set-json',
      'affinity={"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"z","operator":"In","values":["a"]}]}]}}}',
    ],
  ];
  const objects = (text: string): Fields[] =>
    parseAllDocuments(text)
      .map((each) => each.toJS() as Fields)
      .filter((each) => each !== null);
  const deploymentOf = (text: string) => {
    const found = objects(text).find(({ kind }) => kind === 'Deployment') as
      | { spec: { replicas: number; template: { spec: Fields & { containers: readonly Fields[]; securityContext: Fields } } } }
      | undefined;
    const pod = found?.spec.template.spec;
    return { pod, container: pod?.containers[0] ?? {} };
  };

  test.skipIf(python === null)('is valid for Kubernetes, with the least and with all values', () => {
    for (const [more, kinds] of [
      [[], ['PodDisruptionBudget', 'ServiceAccount', 'Service', 'Deployment']],
      [
        ['--set', 'replicas=1', '--set', 'serviceAccount.create=false'],
        ['Service', 'Deployment'],
      ],
      [full, ['PodDisruptionBudget', 'ServiceAccount', 'ConfigMap', 'ConfigMap', 'Service', 'Deployment', 'Ingress']],
    ] as const) {
      const script = join(root, 'test/support/validate_kubernetes.py');
      const answer = execFileSync(join(python ?? '', 'python'), [script], { input: rendered(...more), encoding: 'utf8' });
      expect(JSON.parse(answer)).toEqual({ kinds, problems: [] });
    }
  });

  test('runs as nobody on a read-only root, is probed, and holds secrets by name alone', () => {
    const { pod, container } = deploymentOf(rendered(...full));
    expect(pod).toMatchObject({ automountServiceAccountToken: false, securityContext: { runAsNonRoot: true, runAsUser: 10001 } });
    expect(container).toMatchObject({
      image: `registry.example.com/mlops/flightcheck/tower:0.1.0@${digest}`,
      securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      livenessProbe: { httpGet: { path: '/healthz' } },
      readinessProbe: { httpGet: { path: '/readyz' } },
      env: expect.arrayContaining([
        { name: 'DATABASE_URL', valueFrom: { secretKeyRef: { name: 'tower-db', key: 'url' } } },
        { name: 'HOOK', valueFrom: { secretKeyRef: { name: 'hooks', key: 'x' } } },
      ]),
    });
    expect(container.args).toContain('--gitlab-issuer=https://a.example.com,https://b.example.com');
    expect(container.args).toContain('--accept-first-gitlab=https://a.example.com');
  });

  test('every argument of the container is one that the command has', () => {
    const { container } = deploymentOf(rendered(...full));
    const help = execFileSync(process.execPath, ['--import', 'tsx', join(root, 'src/cli/main.ts'), 'tower', 'serve', '--help'], {
      encoding: 'utf8',
      cwd: root,
    });
    for (const argument of container.args as string[]) expect(help).toContain(`${argument.split('=')[0]} <value>`);
  });

  test('the files of actions and login hold what the server takes', () => {
    const folder = temporaryFolder();
    const text = rendered(...full);
    const fileOf = (name: string): string => {
      const { data } = objects(text).find((one) => (one.metadata as Fields).name === `tower-control-tower-${name}`) as {
        data: Record<string, string>;
      };
      writeFileSync(join(folder, `${name}.json`), data[`${name}.json`] ?? '');
      return join(folder, `${name}.json`);
    };
    const env = { HOOK: 'a-secret' };
    const actions = readActions(fileOf('actions'), env);
    expect([...actions.airflows.keys()]).toEqual(['main']);
    expect(actions.repositories).toEqual([{ namespace: 'risk', actions: ['issue', 'webhook:x'] }]);
    expect(readLogin(fileOf('login'), env)).toMatchObject({
      issuer: 'https://id.example.com/realms/a/',
      clientSecret: 'a-secret',
    });
    expect(deploymentOf(text).container.args).toContain('--login=/etc/flightcheck/login/login.json');
  });

  test.each([
    [['--set', 'writeToken.existingSecret=t'], 'database'],
    [[...needed, '--set', 'replica=3'], 'replica'],
    [[...needed, '--set', 'replicas=0'], 'replicas'],
    [[...needed, '--set', 'image.digest=latest'], 'digest'],
    [[...needed, '--set', 'ingress.enabled=true'], 'ingress.host is needed'],
    [[...needed, '--set', 'login.issuer=https://a.example.com'], 'publicUrl is needed'],
    [[...needed, '--set', 'login.password=x'], 'password'],
  ])('refuses %j', (values, says) => {
    const { status, stderr } = template(...values);
    expect(status).not.toBe(0);
    expect(stderr).toContain(says);
  });
});

test('README and schema of the chart name every value, with its default', () => {
  const values = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Fields;
  const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as { properties: Fields };
  const readme = readFileSync(join(chart, 'README.md'), 'utf8');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const about = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as Fields;
  expect([about.version, about.appVersion]).toEqual([version, version]);
  expect(
    Object.keys(schema.properties)
      .filter((name) => name !== 'global')
      .sort(),
  ).toEqual(Object.keys(values).sort());
  for (const [name, value] of Object.entries(values)) {
    const inner = (schema.properties[name] as { properties?: Fields }).properties;
    if (!inner) expect(readme).toContain(`| \`${name}\` |`);
    else for (const key of Object.keys(value as Fields)) expect(readme).toContain(`| \`${name}.${key}\` |`);
  }
});

describe.skipIf(imagesAreMissing !== null || postgresIsMissing !== null)('the image', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());

  test('is built of the archive, runs as nobody, and serves a Control Tower on PostgreSQL', async () => {
    const folder = temporaryFolder();
    const store = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
    const buildah = (...args: string[]) =>
      execFileSync('buildah', [...store, ...args], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    // Stands for Debian: no registry is reached from here.
    makeRootFolder(folder, process.execPath, ['mkdir', 'ln', 'readlink', 'dirname']);
    writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY root /\n');
    buildah('bud', '--isolation', 'chroot', '--quiet', '--tag', 'localhost/base', folder);
    if (!existsSync(join(root, 'dist/main.js'))) execFileSync('npm', ['run', '-s', 'build'], { cwd: root });
    execFileSync('npm', ['run', '-s', 'archive'], { cwd: root, stdio: 'pipe' });
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    const given = { BASE: 'localhost/base', VERSION: version, ARCH: process.arch };
    const values = Object.entries(given).map(([name, value]) => `--build-arg=${name}=${value}`);
    const file = join(root, 'scripts/images/Dockerfile');
    buildah(
      'bud',
      '--isolation',
      'chroot',
      '--quiet',
      ...values,
      '--target',
      'tower',
      '--file',
      file,
      '--tag',
      'localhost/tower',
      join(root, 'archives'),
    );
    const { OCIv1: made } = JSON.parse(buildah('inspect', '--type', 'image', 'localhost/tower')) as { OCIv1: { config: Fields } };
    expect(made.config).toMatchObject({ User: '10001:10001', Entrypoint: ['/usr/local/bin/flightcheck', 'tower', 'serve'] });
    const container = buildah('from', 'localhost/tower').trim();
    const mount = buildah('mount', container).trim();
    const port = await freePort();
    const token = 'a-token-of-twenty-letters-and-more';
    writeFileSync(join(mount, 'token'), token, { mode: 0o444 });
    writeFileSync(join(folder, 'marker'), '');
    const command = [
      '/usr/local/bin/flightcheck',
      'tower',
      'serve',
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--token-file',
      '/token',
      '--ready-file',
      '/tmp/ready',
    ];
    const database = `DATABASE_URL=${postgres.database('tower')}`;
    const server = spawn('buildah', [...store, 'run', '--isolation', 'chroot', '--env', database, container, '--', ...command], {
      cwd: folder,
      detached: true,
    });
    let output = '';
    for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => (output += String(text)));
    const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
    try {
      await expect
        .poll(
          () =>
            fetch(`http://127.0.0.1:${port}/readyz`).then(
              ({ status }) => status,
              () => 0,
            ),
          { timeout: 60_000, message: output },
        )
        .toBe(200);
      const health = await (await fetch(`http://127.0.0.1:${port}/healthz`)).json();
      expect(health).toEqual({ status: 'ok', version });
      expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
      const { pid } = JSON.parse(readFileSync(join(mount, 'tmp/ready'), 'utf8')) as { pid: number };
      expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\s+10001\s/m);
      // In the cluster its root is read-only: nothing may be written but under /tmp.
      const own = [
        '-path',
        `${mount}/tmp`,
        '-prune',
        '-o',
        '-path',
        `${mount}/run`,
        '-prune',
        '-o',
        '-path',
        `${mount}/etc`,
        '-prune',
      ];
      const written = execFileSync(
        'find',
        [mount, '-xdev', ...own, '-o', '-type', 'f', '-newer', join(folder, 'marker'), '-print'],
        { encoding: 'utf8' },
      );
      expect(written).toBe('');
      expect(output).not.toContain(token);
    } finally {
      if (server.pid !== undefined) process.kill(-server.pid, 'SIGTERM');
      await ended;
      buildah('umount', container);
      buildah('rm', container);
    }
  });
});
