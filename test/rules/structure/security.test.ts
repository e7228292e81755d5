import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commitAll, git, makeRepo, temporaryFolder, writeFiles } from '../../helpers/repo.ts';
import { judgeFolder, structureCheck, testRule } from '../../helpers/rule.ts';

const key = `-----BEGIN RSA PRIVATE KEY-----\n${'MIIEpAIBAAKCAQEA7x3k9Qd1'.repeat(3)}\n-----END RSA PRIVATE KEY-----\n`;
const random = 'q7Rk2mZp9XvT4bLw8NcY';
// Put together here, so that no scanner takes this file for a leak.
const aws = ['AKIA', 'QYLPMN5HHHFPZAM2'].join('');
const glpat = ['glpat', random].join('-');

testRule('security-no-secrets', {
  accept: [
    { 'a.py': `token = os.environ["TOKEN"]\npassword = "changeme-please-1"\nkey = "AKIAIOSFODNN7EXAMPLE"\n` },
    { 'a.py': 'header = "-----BEGIN PRIVATE KEY-----"\nurl = "postgres://user:password@localhost/db"\n' },
    { 'docs.md': 'postgresql://user:$PASSWORD@db.internal.net/x and https://{user}:{pass}@host.net\n' },
    {
      'uv.lock': `sdist = { hash = "sha256:${'0a'.repeat(32)}" }\n`,
      'a.py': 'sha = "3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b"\n',
    },
    { 'tests/test_a.py': `password = "${random}"\n` },
  ],
  reject: [
    [{ 'a.py': `x = 1\ns3 = "${aws}"\n` }, { path: 'a.py', line: 2, says: 'AWS' }],
    [{ 'notes.md': `curl -H "PRIVATE-TOKEN: ${glpat}"\n` }, { path: 'notes.md', line: 1, says: 'GitLab token (glpa' }],
    [{ 'deploy/key': key }, { path: 'deploy/key', line: 1, says: 'private key' }],
    [
      { 'a.py': `url = "postgresql+psycopg://etl:${random}@warehouse.corp.net:5432/x"\n` },
      { path: 'a.py', line: 1, says: 'connection string' },
    ],
    [{ 'conf.R': `api_key <- "${random}"\n` }, { path: 'conf.R', line: 1, says: 'looks like a secret' }],
    [{ 'tests/test_a.py': `t = "${glpat}"\n` }, { path: 'tests/test_a.py', line: 1 }],
    [{ 'app.min.js': `${'x'.repeat(30_000)};k="${aws}";${'y'.repeat(900_000)}` }, { path: 'app.min.js', line: 1 }],
  ],
});

test('security-no-secrets never shows the secret', async () => {
  const verdict = await judgeFolder(
    await structureCheck('security-no-secrets'),
    makeRepo({ 'a.py': `k = "${glpat}"\n` }, { git: false }),
  );
  expect(JSON.stringify(verdict)).not.toContain(random);
});

describe('security-no-secrets-in-history', () => {
  const judge = async (root: string, options: object = {}) =>
    judgeFolder(await structureCheck('security-no-secrets-in-history'), root, { options });
  const next = (root: string, files: Parameters<typeof writeFiles>[1]): void => {
    writeFiles(root, files);
    commitAll(root);
  };

  test('finds what was deleted again, also on a merged branch, and says how to find the commit without showing it', async () => {
    const root = makeRepo({ 'conf/a b.py': `x = 1\nkey = "${aws}"\n`, 'keep.py': 'x = 1\n' });
    next(root, { 'conf/a b.py': 'x = 1\n' });
    git(root, 'checkout', '-q', '-b', 'side');
    next(root, { 'deploy.sh': `curl -H "PRIVATE-TOKEN: ${glpat}"\n` });
    git(root, 'rm', '-q', 'deploy.sh');
    commitAll(root);
    git(root, 'checkout', '-q', 'main');
    git(root, 'merge', '-q', '--no-ff', 'side');
    const verdict = await judge(root);
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: expect.arrayContaining([
        { message: expect.stringMatching(/^an AWS access key \(AKIA…\) stood in conf\/a b.py/), place: { path: 'conf/a b.py' } },
        { message: expect.stringContaining('a GitLab token'), place: { path: 'deploy.sh' } },
      ]),
    });
    expect(JSON.stringify(verdict)).not.toMatch(new RegExp(`${random}|${aws}`));
    const [, sha = ''] = /--find-object=(\w+)/.exec(JSON.stringify(verdict)) ?? [];
    expect(git(root, 'log', '--oneline', `--find-object=${sha}`).trim().split('\n')).toHaveLength(2);
    expect(await judge(root, { except: ['conf/a b.py', 'deploy.sh'] })).toMatchObject({ outcome: 'pass' });
  });

  test('leaves to security-no-secrets what still stands there, and passes made-up and random values', async () => {
    const root = makeRepo({
      'a.py': `k = "${aws}"\n`,
      'tests/test_a.py': `password = "${random}"\n`,
      'b.R': `api_key <- "${random}"\n`,
    });
    next(root, { 'a.py': `k = "${aws}"\ny = 2\n`, 'tests/test_a.py': '', 'b.R': '', 'data.x': Buffer.alloc(9000) });
    next(root, { 'data.x': '' });
    expect(await judge(root)).toMatchObject({ outcome: 'pass', evidence: { n: 4 } });
  });

  test('never passes a history that it did not read to its end', async () => {
    const root = makeRepo({ 'a.csv': 'x\n'.repeat(600_000), 'b.txt': 'y\n'.repeat(1000), 'c.txt': 'z\n' });
    next(root, { 'a.csv': '', 'b.txt': '', 'c.txt': '' });
    expect(await judge(root)).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('no secret in 2 earlier versions of files, but 1 were too much to read'),
    });
    expect(await judge(root, { 'max-megabytes': 0.001 })).toMatchObject({ reason: expect.stringContaining('but 2 were') });
    const shallow = temporaryFolder();
    git(shallow, 'clone', '-q', '--depth', '1', `file://${root}`, 'x');
    expect(await judge(join(shallow, 'x'))).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining('shallow') });
    expect(await judge(makeRepo({}, { git: false }))).toMatchObject({ outcome: 'skipped' });
  });
});

testRule('security-no-key-files', {
  accept: [{ '.env.example': 'TOKEN=\n', 'tests/id_rsa': 'x', 'server.pem': 'certificate', 'environment.yml': 'x' }],
  reject: [[{ '.env': 'A=1', 'ssh/id_ed25519': 'x' }, { path: '.env' }, { path: 'ssh/id_ed25519' }]],
});

testRule('security-safe-loading', {
  accept: [
    {
      'a.py':
        'yaml.safe_load(f)\nyaml.load(f, Loader=yaml.SafeLoader)\nyaml.load(\n    f,\n    Loader=yaml.CSafeLoader,\n)\nmodel.eval()\npickle.load(open(path, "rb"))\n',
    },
    { 'a.py': 'from ruamel.yaml import YAML\nyaml = YAML()\nyaml.load(f)\n' },
    { 'a.py': '# yaml.load(f)\nsubprocess.run(["git", x], check=True)\nsubprocess.run("make", shell=True)\n' },
    { 'a.R': 'eval(expr)\nsource("R/a.R")\nparse(text = x)\n' },
    { 'tests/test_a.py': 'yaml.load(f)\n', 'a.py': '' },
  ],
  reject: [
    [{ 'a.py': 'import yaml\nx = yaml.load(f)\n' }, { path: 'a.py', line: 2, says: 'yaml.load' }],
    [{ 'a.py': 'm = pickle.loads(requests.get(url).content)\n' }, { path: 'a.py', line: 1, says: 'pickle' }],
    [{ 'a.py': 'subprocess.run(f"rm {path}", shell=True)\n' }, { path: 'a.py', line: 1, says: 'shell' }],
    [{ 'a.py': 'requests.get(url, verify=False)\n' }, { path: 'a.py', line: 1, says: 'certificate' }],
    [{ 'a.R': 'eval(parse(text = input$x))\n' }, { path: 'a.R', line: 1, says: 'executed' }],
    [{ 'a.R': 'x <- 1\nsource("https://example.com/x.R")\n' }, { path: 'a.R', line: 2, says: 'network' }],
  ],
  leave: [[{ 'a.sql': '' }, 'not-applicable', 'no Python or R']],
});

const column = (name: string, values: readonly (string | number)[]) =>
  `id,${name}\n${values.map((value, i) => `${i},${value}`).join('\n')}\n`;
const tfns = ['123456782', '876543210', '459599230'];

testRule('security-no-personal-data', {
  accept: [
    {
      'd.csv': column(
        'amount',
        Array.from({ length: 300 }, (_, i) => 100_000_000 + i * 7919),
      ),
    },
    { 'd.csv': column('mail', ['a@example.com', 'b@example.org', 'c@test', 'd@example.com']) },
    { 'd.csv': column('phone_model', ['3310', '5110', '8210', '3210']) },
    { 'd.csv': '"a\n,,"",\n' },
    { 'd.csv': '' },
  ],
  reject: [
    [
      { 'd.csv': column('email', ['a@corp.net', 'b@corp.net', 'c@corp.net', 'd@corp.net']) },
      { path: 'd.csv', line: 1, says: '"email"' },
    ],
    [{ 'd.csv': column('tfn', tfns) }, { path: 'd.csv', line: 1, says: 'tax file' }],
    [
      {
        'd.tsv': column('x', [
          '4111111111111111',
          '5500005555555559',
          '378282246310005',
          '4012888888881881',
          '5105105105105100',
        ]).replaceAll(',', '\t'),
      },
      { path: 'd.tsv', line: 1, says: 'credit card' },
    ],
    [
      { 'd.csv': column('mobile', ['+61 412 345 678', '0412 345 679', '0412345670']).replaceAll(',', ';') },
      { path: 'd.csv', line: 1, says: 'phone' },
    ],
    [
      { 'd.csv': column('medicare_no', ['2123456701', '2428778132', '3501234511']) },
      { path: 'd.csv', line: 1, says: 'Medicare' },
    ],
  ],
  leave: [[{ 'a.py': '' }, 'not-applicable', 'no CSV']],
});
