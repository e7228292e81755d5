/** Against a real MLflow server: the histories of both examples, logged models as predict hook, the gate of a deployment, credentials. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { openMlflow } from '../../src/adapters/mlflow/open.ts';
import type { Report, Result } from '../../src/kernel/report.ts';
import { call } from '../helpers/call.ts';
import { commitAll, git, makeRepo, temporaryFolder } from '../helpers/repo.ts';
import { fakeAirflow } from '../support/airflow.ts';
import { hasMlflow, type MlflowServer, mlflowBin, startMlflow } from '../support/mlflow.ts';
import { aliasOf, registerVersion } from '../support/mlflow-rest.ts';

const root = join(import.meta.dirname, '../..');
const scripts = join(import.meta.dirname, '../support/mlflow');
const folder = mkdtempSync(join(tmpdir(), 'mlflow-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const { PATH = '', HOME = '' } = process.env;

/** A copy of an example with its manifest changed, as a git repo of one commit. */
function copyOf(example: string, name: string, change: (manifest: Record<string, never>) => object): string {
  const repo = join(folder, name);
  cpSync(join(root, 'examples', example), repo, { recursive: true });
  const file = join(repo, 'flightcheck.yml');
  writeFileSync(file, stringify(change(parse(readFileSync(file, 'utf8')))));
  git(repo, 'init', '--quiet', '--initial-branch=main');
  commitAll(repo, 'First');
  return repo;
}

/** Results by id; nothing of ours may break, and no stack trace be shown. */
function score(repo: string, flags: readonly string[], env: Readonly<Record<string, string>> = {}): Record<string, Result> {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'dist/main.js'), 'score', '.', '--json', ...flags], {
    ...{ cwd: repo, encoding: 'utf8', maxBuffer: 2 ** 26 },
    env: { PATH, HOME, FLIGHTCHECK_GATE: 'advisory', NO_PROXY: '127.0.0.1', ...env },
  });
  expect(status, stderr).toBe(0);
  expect(`${stdout}${stderr}`).not.toMatch(/^ +at .*:\d+:\d+\)?$|INTERNAL/m);
  const report = JSON.parse(stdout) as Report;
  const results = report.suites.flatMap((suite) => suite.sections.flatMap((section) => section.results));
  return Object.fromEntries(results.map((result) => [result.check, result]));
}

const outcomesOf = (results: Record<string, Result>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(results).map(([id, { outcome, reason, failure, findings }]) => {
      const why = failure?.message ?? reason ?? findings.map(({ message }) => message).join('; ');
      return [id, why === '' ? outcome : `${outcome}: ${why}`];
    }),
  );

describe.skipIf(!hasMlflow)('MLflow from PyPI (npm run setup:e2e installs it)', () => {
  let server: MlflowServer;
  beforeAll(async () => {
    execFileSync('npm', ['run', '-s', 'build'], { cwd: root, stdio: 'pipe' });
    server = await startMlflow(join(folder, 'server'));
  });
  afterAll(() => server?.close());

  const four = ['--only', 'model-3,infra-4,infra-7,monitor-4', '--cache', 'off'];
  const examples = [
    {
      example: 'python',
      model: 'flight-delay',
      file: 'model.json',
      chosen: { trees: 60, depth: 3, learning_rate: 0.15, bins: 24, l2: 5, rows_per_tree: 0.7 },
      poor: { trees: 2, depth: 1, learning_rate: 0.05, bins: 24, l2: 5, rows_per_tree: 0.7 },
      train: (data: string, params: string, to: string) =>
        ['python3', ['-m', 'flight_delay.train', '--data', data, '--seed', '1', '--params', params, '--model', to]] as const,
    },
    {
      example: 'r',
      model: 'earnings-change',
      file: 'model.csv',
      chosen: { l2: 0.5 },
      poor: { l2: 100_000 },
      train: (data: string, params: string, to: string) =>
        ['Rscript', ['--vanilla', 'R/train.R', '--data', data, '--seed', '1', '--params', params, '--model', to]] as const,
    },
  ] as const;

  describe.each(examples)('the history of examples/$example', ({ example, model, file, chosen, poor, train }) => {
    const work = join(folder, `work-${example}`);
    /** The model as the example's own train command writes it. */
    const modelOf = (name: string, params: object): string => {
      const to = join(work, name);
      mkdirSync(to, { recursive: true });
      writeFileSync(join(to, 'params.json'), JSON.stringify(params));
      const cwd = join(root, 'examples', example);
      const [command, args] = train('data/train.csv', join(to, 'params.json'), join(to, file));
      execFileSync(command, args, { cwd, env: { PATH, HOME, PYTHONPATH: 'src', PYTHONDONTWRITEBYTECODE: '1' }, stdio: 'pipe' });
      return join(to, file);
    };
    /** 260 runs: more than a page; every value above and below the chosen one, the chosen one among the best. */
    const search = () => {
      const around = Object.entries(chosen).flatMap(([name, value]) =>
        Array.from({ length: Math.ceil(260 / Object.keys(chosen).length) }, (_, i) => ({
          params: { ...chosen, [name]: Number((value * (0.5 + i / 60)).toFixed(4)) },
          metrics: { val_auc: 0.8 - Math.abs(0.5 + i / 60 - 1) / 50 },
        })),
      );
      const broken = { params: chosen, metrics: { val_auc: 0.99 }, status: 'FAILED' };
      return [
        { params: chosen, metrics: { val_auc: 0.8 } },
        broken,
        { params: chosen, metrics: { val_auc: Number.NaN } },
        ...around,
      ];
    };
    const named = () => ({ tracking: server.url, experiment: `search-${example}`, registeredModel: model });
    const withMlflow = (params: object) => (manifest: { hooks?: object; policy?: object }) => ({
      ...manifest,
      hooks: { ...manifest.hooks, params },
      policy: { ...manifest.policy, search_space: {} },
      mlflow: named(),
    });

    beforeAll(async () => {
      const files = [modelOf('before', poor), modelOf('champion', chosen), modelOf('challenger', poor)];
      writeFileSync(join(work, 'runs.json'), JSON.stringify(search()).replaceAll('null', '"NaN"'));
      await server.client(join(scripts, 'history.py'), `search-${example}`, model, join(work, 'runs.json'), ...files);
    });

    test('is read over all pages, with tags and aliases', async () => {
      const port = openMlflow({ ...named(), alias: 'champion' }, {});
      const runs = await port.runs();
      expect(runs.ok && runs.value.length).toBeGreaterThan(260);
      expect(runs.ok && runs.value.at(-1)).toMatchObject({
        name: 'search 0',
        status: 'FINISHED',
        tags: { 'mlflow.source.git.commit': '0'.repeat(40) },
        metrics: { val_auc: 0.8 },
      });
      const versions = await port.versions();
      expect(versions.ok && versions.value.map(({ version, aliases, tags }) => [version, aliases, tags])).toEqual([
        ['3', ['challenger'], { from: file }],
        ['2', ['champion'], { from: file }],
        ['1', [], { from: file }],
      ]);
      expect(await port.find({ name: model, alias: 'nobody' })).toMatchObject({ ok: false, isAbsent: true });
    });

    test('shows a tuned model that is as good as the one in production, of its age, with a way back', () => {
      const repo = copyOf(example, `${example}-good`, withMlflow(chosen));
      const results = score(repo, four);
      expect(outcomesOf(results)).toMatchObject({
        'model-3': 'pass',
        'infra-4': 'pass',
        'infra-7': 'pass',
        'monitor-4': example === 'r' ? expect.stringMatching(/^skipped: when a row happened/) : 'pass',
      });
      expect(results['infra-7']?.evidence?.explanation).toContain('the registered version before');
      expect(results['infra-7']?.evidence?.items?.[1]).toMatchObject({ step: 'download the model' });
      if (example === 'python')
        expect(JSON.stringify(results['monitor-4']?.evidence?.items)).toContain('flight-delay 2, in production since');
    });

    test('shows one that is worse than the one in production', () => {
      const repo = copyOf(example, `${example}-poor`, withMlflow(poor));
      const results = score(repo, ['--only', 'model-3,infra-4', '--cache', 'off']);
      expect(outcomesOf(results)).toMatchObject({
        'model-3': expect.stringMatching(/^fail: .*no run has the chosen values together/),
        'infra-4': expect.stringMatching(/^fail: .*auc falls by .* against the model in production/),
      });
    });

    test.runIf(example === 'python')('tells an alias that nobody has, and a model that is not there', () => {
      const change = (more: object) => (manifest: object) => ({
        ...withMlflow(chosen)(manifest),
        mlflow: { ...named(), ...more },
      });
      const alias = score(copyOf(example, `${example}-alias`, change({ alias: 'nobody' })), ['--only', 'infra-4,infra-7']);
      const absent = score(copyOf(example, `${example}-absent`, change({ registeredModel: 'unheard-of' })), [
        '--only',
        'infra-4,infra-7',
      ]);
      for (const id of ['infra-4', 'infra-7']) {
        expect(outcomesOf(alias)[id]).toMatch(/no version with the alias nobody in MLflow at/);
        expect(outcomesOf(absent)[id]).toMatch(/has no registered model unheard-of/);
      }
    });
  });

  test('a deployment waits for the registered model, and the alias follows what is proven', async () => {
    const dags = temporaryFolder();
    const airflow = await fakeAirflow(dags, { breaksOn: 'broken' });
    const repo = makeRepo({ 'README.md': '# Risk\n' });
    const env = { PATH, HOME, MLFLOW_TRACKING_URI: server.url };
    const commitOf = (task: string): string => {
      const manifest = {
        ...{ version: 1, model: { name: 'risk', owner: '@team' }, mlflow: { registeredModel: 'risk-deployed' } },
        tasks: { train: { command: ['python3', '-c', task] } },
        environments: {
          prod: {
            ...{ executor: 'local', airflow: { url: airflow.url, version: 3 }, deliver: { dir: dags }, verifyTimeout: '20s' },
            mlflow: { metric: 'auc', greaterIsBetter: true, tolerance: 0.01 },
          },
        },
      };
      writeFileSync(join(repo, 'flightcheck.yml'), stringify(manifest));
      commitAll(repo, task);
      return git(repo, 'rev-parse', 'HEAD').trim();
    };
    const deploy = async (action: 'apply' | 'rollback', uri = server.url) => {
      const { code, errors } = await call(['deploy', action, repo, '--env', 'prod'], { ...env, MLFLOW_TRACKING_URI: uri });
      const file = join(dags, 'risk.py');
      const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
      const task = /"-c", "(\w+)"/.exec(text)?.[1];
      return { code, errors, state: [code, await aliasOf(server.url, 'risk-deployed', 'champion'), task] };
    };
    await registerVersion(server.url, 'risk-deployed', commitOf('one'), { auc: 0.8 });
    const down = await deploy('apply', 'http://127.0.0.1:1');
    expect([down.state, down.errors]).toEqual([[3, null, undefined], expect.stringContaining('could not be reached')]);
    const first = await deploy('apply');
    expect([first.state, first.errors]).toEqual([[0, '1', 'one'], expect.stringContaining('there is no champion yet')]);

    const second = commitOf('two');
    const absent = await deploy('apply');
    expect([absent.state, absent.errors]).toEqual([[1, '1', 'one'], expect.stringContaining('no version is of commit')]);
    await registerVersion(server.url, 'risk-deployed', second, { auc: 0.7 });
    const worse = await deploy('apply');
    expect([worse.state, worse.errors]).toEqual([[1, '1', 'one'], expect.stringContaining('worse by more than 0.01')]);
    await registerVersion(server.url, 'risk-deployed', second, { auc: 0.795 });
    expect((await deploy('apply')).state).toEqual([0, '3', 'two']);

    expect((await deploy('rollback')).state).toEqual([4, '1', 'one']);

    await registerVersion(server.url, 'risk-deployed', commitOf('broken'), { auc: 0.9 });
    expect((await deploy('apply')).state).toEqual([4, '1', 'one']);
  });

  describe('a logged model as the predict hook', () => {
    const saved = join(folder, 'saved');
    const logged =
      (predict: string, more: object = {}) =>
      (manifest: { hooks?: { env?: object }; quality?: object }) => ({
        ...manifest,
        hooks: { predict, env: { PATH: `${mlflowBin}:${PATH}`, PYTHONDONTWRITEBYTECODE: '1' } },
        mlflow: { tracking: server.url, registeredModel: 'delays' },
        quality: { metric: 'auc', min: 0.6, slice_max_drop: 0.5 },
        ...more,
      });
    beforeAll(async () => {
      await server.client(join(scripts, 'log_model.py'), 'delays', saved);
    });

    test('is the model of every test that only asks; tests that train say so', () => {
      const repo = copyOf('python', 'logged', logged('mlflow:models/delays@candidate'));
      const plan = spawnSync(process.execPath, [join(root, 'dist/main.js'), 'score', '.', '--plan'], {
        cwd: repo,
        encoding: 'utf8',
        env: { PATH, HOME },
      });
      expect(plan.stdout).toContain('the model that hooks.predict names');
      expect(plan.stdout).not.toContain('model of train');
      const results = score(repo, ['--cache', 'off']);
      const outcomes = outcomesOf(results);
      expect(Object.entries(outcomes).filter(([, outcome]) => outcome.startsWith('error'))).toEqual([]);
      for (const id of ['data-5', 'infra-1', 'infra-2', 'infra-3', 'model-4'])
        expect(outcomes[id], id).toBe('skipped: how the model is trained is not known');
      for (const id of ['data-4', 'infra-5']) expect(outcomes[id], id).toBe('pass');
      // Of three features, by hand: a baseline is better, and that is seen.
      expect(outcomes['model-5']).toMatch(/^fail: the model \(auc 0\.7\d+\) is not surely better than/);
      expect(results['model-6']?.evidence?.n).toBe(4200);
      expect(results['infra-4']).toMatchObject({ evidence: { items: [{ drop: null }, { model: 'the model in production' }] } });
      expect(results['infra-4']?.evidence?.explanation).toMatch(/of the model in production/);
    });

    test('that is itself in production has nothing to be compared with', () => {
      const repo = copyOf('python', 'itself', logged('mlflow:models/delays@champion'));
      expect(outcomesOf(score(repo, ['--only', 'infra-4', '--cache', 'off']))['infra-4']).toMatch(
        /^skipped: inconclusive: the model that hooks\.predict names is itself the one in production/,
      );
    });

    test('may be a folder of the repo; by number too', () => {
      const repo = copyOf('python', 'folder', logged('mlflow:model', { mlflow: {} }));
      cpSync(saved, join(repo, 'model'), { recursive: true });
      commitAll(repo, 'Model');
      const local = score(repo, ['--only', 'model-5']);
      expect(local['model-5']?.evidence?.explanation).toMatch(/auc 0\.7/);
      const numbered = score(copyOf('python', 'numbered', logged('mlflow:models:/delays/1')), ['--only', 'model-5']);
      expect(numbered['model-5']?.evidence?.value).toBe(local['model-5']?.evidence?.value);
    });

    test('that answers NaN is not taken for one that refuses', () => {
      const repo = copyOf('python', 'careless', logged('mlflow:models/delays@careless'));
      expect(outcomesOf(score(repo, ['--only', 'model-5']))['model-5']).toMatch(/^fail: \d+ of 4,?200 predictions .*NaN/);
    });

    test('that was not logged as one, or is not there, is told', () => {
      for (const [predict, message] of [
        ['mlflow:data', /the model holds no file MLmodel/],
        ['mlflow:models/delays@nobody', /no version with the alias nobody/],
        ['mlflow:models/nothing@champion', /has no registered model nothing/],
        ['mlflow:../outside', /no model is named by mlflow:\.\.\/outside/],
      ] as const) {
        const repo = copyOf('python', `bad-${predict.replace(/\W/g, '-')}`, logged(predict));
        const { outcome, failure } = score(repo, ['--only', 'model-5'])['model-5'] ?? {};
        expect([outcome, failure?.hint === ''], predict).toEqual(['error', false]);
        expect(failure?.message).toMatch(message);
      }
    });

    test('that training writes is the model under test: the logged one is what it is compared with', () => {
      const train = 'python3 train.py {data} {model}';
      const repo = copyOf('python', 'trained', (manifest) => {
        const base = logged('mlflow:models/delays@champion')(manifest);
        return { ...base, hooks: { ...base.hooks, train } };
      });
      // What was logged as the candidate, moved by what most flights are behind: a training that is the same each time.
      cpSync(join(folder, 'server/candidate.py'), join(repo, 'candidate.py'));
      writeFileSync(
        join(repo, 'train.py'),
        [
          'import csv, math, sys, mlflow',
          'behind = [float(row["minutes_behind_usual"] or 0) for row in csv.DictReader(open(sys.argv[1]))]',
          'behind = [minutes for minutes in behind if math.isfinite(minutes)]',
          'usual = sum(behind) / len(behind)',
          'open("trained.py", "w").write(open("candidate.py").read().replace("-2.2", repr(-2.2 - usual / 100)))',
          'mlflow.pyfunc.save_model(sys.argv[2], python_model="trained.py", pip_requirements=["numpy"])',
          '',
        ].join('\n'),
      );
      commitAll(repo, 'Train');
      const results = score(repo, ['--only', 'infra-1,infra-4', '--cache', 'off']);
      expect(outcomesOf(results)['infra-1']).toBe('pass');
      const [own, theirs] = (results['infra-4']?.evidence?.items ?? []) as { auc?: number }[];
      expect(own?.auc).not.toBe(theirs?.auc);
    });
  });
});

describe.skipIf(!hasMlflow)('MLflow that wants a password', () => {
  let server: MlflowServer;
  const login = { username: 'admin', password: 'long-enough-for-mlflow' };
  beforeAll(async () => {
    server = await startMlflow(join(folder, 'auth'), { auth: login });
    await server.client(join(scripts, 'history.py'), 'search', 'late', writeRuns());
  });
  afterAll(() => server?.close());
  const writeRuns = (): string => {
    const file = join(folder, 'few.json');
    writeFileSync(file, JSON.stringify([{ params: { depth: 3 }, metrics: { auc: 0.8 } }]));
    return file;
  };

  test.each<[string, Record<string, string>, object]>([
    ['nobody', {}, { ok: false, reason: expect.stringMatching(/who asks \(401\): set MLFLOW_TRACKING_URI/) }],
    [
      'a wrong password',
      { MLFLOW_TRACKING_USERNAME: login.username, MLFLOW_TRACKING_PASSWORD: 'wrong' },
      { ok: false, reason: expect.stringMatching(/401/) },
    ],
    [
      'a token, which this server does not know',
      { MLFLOW_TRACKING_TOKEN: 'token' },
      { ok: false, reason: expect.stringMatching(/401/) },
    ],
    [
      'user and password',
      { MLFLOW_TRACKING_USERNAME: login.username, MLFLOW_TRACKING_PASSWORD: login.password },
      { ok: true, value: [{ params: { depth: '3' } }] },
    ],
  ])('%s', async (_, given, expected) => {
    const port = openMlflow({ experiment: 'search', alias: 'champion' }, { MLFLOW_TRACKING_URI: server.url, ...given });
    expect(await port.runs()).toMatchObject(expected);
  });
});

test.skipIf(!hasMlflow)('nothing of the servers is left', () => {
  expect(existsSync(join(folder, 'server'))).toBe(true);
  expect(spawnSync('pgrep', ['-f', folder], { encoding: 'utf8' }).stdout.trim()).toBe('');
});
