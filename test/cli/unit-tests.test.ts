/** The whole of `flightcheck test` as somebody calls it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { commands } from '../../src/cli/commands.generated.ts';
import { runProgram } from '../../src/cli/program.ts';
import { commitAll, makeRepo } from '../helpers/repo.ts';
import { has } from '../support/unit-tests.ts';

async function call(
  argv: readonly string[],
  given: { readonly env?: Readonly<Record<string, string>>; readonly signal?: AbortSignal } = {},
) {
  const printed: string[] = [];
  const errors: string[] = [];
  const say = (text: string): void => void errors.push(text);
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => errors.push(String(text)) > 0);
  const code = await runProgram(commands, argv, '0.1.0', ({ json = false }) => ({
    ...{ cwd: '/', isJson: json, isDebug: false, isColor: false, width: 100, version: '0.1.0' },
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...given.env },
    print: (text) => void printed.push(text),
    log: { info: say, warn: say, debug() {}, step: (_title, work) => work(() => {}) },
    signal: given.signal ?? new AbortController().signal,
  }));
  stderr.mockRestore();
  return { code, text: printed.join(''), errors: errors.join('\n') };
}

const manifest = `version: 1
model: { name: tiny, owner: "@team" }
policy: { feature_paths: [features.py] }
hooks: { train: "true {data} {model}", predict: "true {model} {in} {out}" }
`;
const files = {
  'flightcheck.yml': manifest,
  '.gitignore': '.flightcheck*/\n__pycache__/\n',
  'features.py': 'def double(x):\n    return 2 * x\n',
  'test_features.py':
    'import pytest\nfrom features import double\n\n@pytest.mark.ml_test("data-7")\ndef test_doubles():\n    assert double(2) == 4\n',
};
const data7 = async (root: string, env: Readonly<Record<string, string>> = {}) => {
  const { text } = await call(['score', '--only', 'data-7', '--json', '--cache', 'off', root], { env });
  const { suites } = JSON.parse(text) as { suites: { sections: { results: { outcome: string; reason?: string }[] }[] }[] };
  return suites.flatMap(({ sections }) => sections.flatMap(({ results }) => results))[0];
};

describe.skipIf(!has.pytestCov)('flightcheck test (needs pytest-cov)', () => {
  test('its results count for score on this state of the repo, and on no other', async () => {
    const root = makeRepo(files);
    expect(await data7(root)).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(/were not run .*run flightcheck test/),
    });
    const tested = await call(['test', root]);
    expect(tested.code).toBe(0);
    expect(tested.errors).toMatch(/Tests: 1 passed in .*\nCoverage: 100\.0 %\nPassing tests marked as evidence: data-7 \(1\)\./);
    expect(await data7(root)).toMatchObject({ outcome: 'pass' });
    writeFileSync(join(root, 'features.py'), 'def double(x):\n    return 3 * x\n');
    expect(await data7(root)).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining('files have changed') });
    commitAll(root);
    expect(await data7(root)).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining('last run on commit') });
    // In a pipeline the commit alone is compared: jobs leave files of their own.
    await call(['test', root]);
    writeFileSync(join(root, 'left-by-a-job.txt'), '');
    expect(await data7(root, { CI: 'true' })).toMatchObject({ outcome: 'fail' });
  });

  test('advisory reports, blocking ends with 1; tracebacks are shown, places given', async () => {
    const root = makeRepo({
      ...files,
      'features.py': 'def double(x):\n    return deeper(x)\ndef deeper(x):\n    raise ValueError("no")\n',
    });
    const { code, errors, text } = await call(['test', root]);
    expect([code, text]).toEqual([0, expect.stringContaining('test_features.py:6')]);
    expect(errors).toMatch(/--- test_features test_doubles[\s\S]*ValueError: no/);
    expect(text.replaceAll(/\s+/g, ' ')).toMatch(/ValueError: no \(test_features\.py:6 → features\.py:2 → features\.py:4\)/);
    expect((await call(['test', '--gate', 'blocking', root])).code).toBe(1);
    const quality = JSON.parse(readFileSync(join(root, '.flightcheck/test.codequality.json'), 'utf8')) as { location: object }[];
    expect(quality[0]?.location).toEqual({ path: 'test_features.py', lines: { begin: 6 } });
  });

  test('what others left in our name is gone', async () => {
    const root = makeRepo(files);
    mkdirSync(join(root, '.flightcheck/test.d'), { recursive: true });
    for (const name of ['test.forged.report.json', 'test.junit.xml', 'score.report.json'])
      writeFileSync(join(root, '.flightcheck', name), '{}');
    await call(['test', root]);
    const left = readdirSync(join(root, '.flightcheck'));
    expect(left).toEqual(
      expect.arrayContaining(['score.report.json', 'test.junit.xml', 'test.coverage.xml', 'test.report.json']),
    );
    expect(left).not.toEqual(expect.arrayContaining(['test.forged.report.json']));
    expect(existsSync(join(root, '.flightcheck/test.d'))).toBe(false);
    expect(readFileSync(join(root, '.flightcheck/test.junit.xml'), 'utf8')).toContain('test_doubles');
  });

  test('an interrupted run ends with 130 and keeps what it has', async () => {
    const root = makeRepo({ ...files, 'test_slow.py': 'import time\ndef test_slow():\n    time.sleep(1000)\n' });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 4000);
    const { code } = await call(['test', root], { signal: stop.signal });
    expect(code).toBe(130);
    expect(readFileSync(join(root, '.flightcheck/test.junit.xml'), 'utf8')).toMatch(/INTERRUPTED[\s\S]*test_doubles/);
    expect(JSON.parse(readFileSync(join(root, '.flightcheck/test.report.json'), 'utf8'))).toMatchObject({
      interrupted: true,
      complete: false,
    });
  });
});

test('a setup that fails is a result, not a crash', async () => {
  const root = makeRepo({ ...files, 'flightcheck.yml': manifest.replace('hooks: {', 'hooks: { setup: "false",') });
  const { code, text } = await call(['test', '--gate', 'blocking', '--cache', 'off', root]);
  expect([code, text]).toEqual([1, expect.stringContaining('the setup hook failed with exit code 1')]);
});

test('limits come from the flag before the manifest', async () => {
  const root = makeRepo(files);
  const { code, errors } = await call(['test', '--tests-minutes', 'soon', root]);
  expect([code, errors]).toEqual([2, expect.stringContaining('tests-minutes')]);
});
