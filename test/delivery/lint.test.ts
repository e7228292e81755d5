import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { generateDockerfile } from '../../src/delivery/image/dockerfile.ts';
import { lintDockerfile } from '../../src/delivery/image/lint.ts';
import { call, reportOf } from '../helpers/call.ts';
import { makeRepo } from '../helpers/repo.ts';
import { imagesAreMissing } from '../support/registry.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const good = `FROM python:3.11@${digest}\nCOPY requirements.txt ./\nRUN pip install --require-hashes -r requirements.txt\nUSER 10001\n`;
const found = (text: string) =>
  (lintDockerfile(text, 'Dockerfile').step.findings ?? []).map(({ message, place }) => `${place?.line}: ${message}`);

test('what is right has no finding, and so has every Dockerfile that is generated with a pinned base', () => {
  expect(lintDockerfile(good, 'Dockerfile')).toMatchObject({ holdsSecret: false, step: { outcome: 'pass' } });
  for (const [language, lock] of [
    ['python', 'requirements.txt'],
    ['python', 'uv.lock'],
    ['python', 'poetry.lock'],
    ['r', 'renv.lock'],
    ['r', null],
  ] as const) {
    const text = generateDockerfile({ language, base: `python@${digest}`, code: '/app', lock, paths: ['src'], entrypoint: [] });
    expect(found(text)).toEqual([]);
  }
});

test.each([
  ['FROM python\nUSER 1\n', '1: python has no version'],
  ['FROM python:latest\nUSER 1\n', '1: python:latest is no fixed version'],
  ['FROM python:3.11\n', '1: Dockerfile sets no USER, the container runs as root'],
  ['FROM python:3.11\nUSER 1\nADD https://example.com/x.tgz /x\n', '3: ADD fetches a URL without a checksum'],
  [
    'FROM python:3.11\nUSER 1\nRUN apt-get update \\\n  && pip install -U numpy "pandas>=2" torch==2.1.0\n',
    '3: RUN installs numpy, pandas>=2 in whatever version there is',
  ],
])('%j', (text, finding) => expect(found(text)).toEqual([finding]));

test.each([
  ['pip install -r requirements.txt torch', 'torch'],
  ['pip install --no-cache-dir --index-url https://pypi.example.com/simple numpy', 'numpy'],
  ['pip --no-cache-dir --timeout 60 install numpy', 'numpy'],
  ['python3.11 -m pip install -qU numpy', 'numpy'],
  ['/opt/venv/bin/pip3.11 install numpy>=1', 'numpy'],
  [
    'pip install "numpy==1.*" "scipy>=1, <2; python_version > \'3\'" uvicorn[standard]',
    'numpy==1.*, scipy>=1, <2, uvicorn[standard]',
  ],
  ['["pip", "install", "numpy"]', 'numpy'],
  ['sh -c "cd /app && pip install numpy"', 'numpy'],
  ['pip install -r a.txt --no-deps 2>/dev/null; pip install pip-tools', 'pip-tools'],
  ['pip install -e "git+https://ci:secret@git.example.com/team/risk.git#egg=risk"', 'git+https://git.example.com/team/risk.git'],
  ['--mount=type=cache,target=/root/.cache pip install numpy', 'numpy'],
  ['<<EOF\nset -e\npip install numpy\nEOF', 'numpy'],
])('%s', (command, names) =>
  expect(found(`FROM python:3.11\nUSER 1\nRUN ${command}\n`)).toEqual([`3: RUN installs ${names} in whatever version there is`]),
);

test.each([
  'pip install .',
  'pip install -e .',
  'pip install pip==24.0 numpy==1.26.4',
  'pip install -i https://pypi.example.com/simple numpy==1',
  'pip install -r a.txt',
  'pip install ./x.whl',
  'pip install x-1.0-py3-none-any.whl',
  'pip install -r requirements.txt --no-deps',
  'pip install -rrequirements.txt -Ur other.txt --requirement=third.txt',
  'pip install --only-binary :all: --progress-bar off --upgrade-strategy eager --root-user-action ignore -r requirements.txt',
  'pip install --no-binary numpy numpy==1.26.4',
  'pip install -t /opt/lib -ie --proxy proxy -r requirements.txt',
  'pip install -c constraints.txt numpy',
  'pip install --no-index --find-links /wheels numpy',
  'pip install --require-hashes -r requirements.txt',
  `pip install "numpy==1.26.4; python_version > '3'" 'scipy >= 1, == 1.14.1' > install.log 2>&1`,
  'pip install "risk @ https://files.example.com/risk-1.0-py3-none-any.whl" git+ssh://git@git.example.com/risk.git@v1.0',
  'pip install numpy==$NUMPY "$PACKAGES"',
  'pip config set global.timeout 60 && pip download numpy',
  'echo pip && apt-get install -y python3-pip',
  '[ -f requirements.txt ] && pip install -r requirements.txt',
])('%s is fine', (command) => expect(found(`FROM python:3.11\nUSER 1\nRUN ${command}\n`)).toEqual([]));

describe.skipIf(imagesAreMissing !== null)('as a step of the build', () => {
  const manifest = 'version: 1\nmodel: { name: risk, owner: "@team" }\n';
  test('a secret ends the build before anything is built; the report names file and line', async () => {
    const root = makeRepo({
      'flightcheck.yml': manifest,
      'a.py': '1\n',
      Dockerfile: 'FROM scratch\nENV API_TOKEN=q7Rk2mZp9XvT4bLw8NcY\nUSER 1\n',
    });
    const { code, errors } = await call(['build', root], { PATH: process.env.PATH ?? '' });
    expect(code, errors).toBe(1);
    const results = reportOf(root, 'build').suites[0]?.sections[0]?.results ?? [];
    expect(results.map(({ check }) => check)).toEqual(['build-builder', 'build-sbom', 'build-lint']);
    expect(results[2]?.findings[0]).toMatchObject({
      place: { path: 'Dockerfile', line: 2 },
      message: expect.stringContaining('API_TOKEN'),
    });
    expect(readFileSync(join(root, '.flightcheck/build.codequality.json'), 'utf8')).toMatch(/"path": ?"Dockerfile"/);
    expect(JSON.stringify(results)).not.toContain('q7Rk2mZp9XvT4bLw8NcY');
  });
  test('another finding is told, and the image is built', async () => {
    const root = makeRepo({ 'flightcheck.yml': manifest, 'a.py': '1\n', Dockerfile: 'FROM scratch\nCOPY a.py /\n' });
    await call(['build', root], { PATH: process.env.PATH ?? '' });
    const results = reportOf(root, 'build').suites[0]?.sections[0]?.results ?? [];
    expect(results.find(({ check }) => check === 'build-lint')).toMatchObject({ outcome: 'fail', severity: 'major' });
    expect(results.find(({ check }) => check === 'build-image')).toMatchObject({ outcome: 'pass' });
    expect(existsSync(join(root, '.flightcheck/build.junit.xml'))).toBe(true);
  });
});
