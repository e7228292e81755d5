/** Results of another job: believed only when they are of this very state of the repo. */
import { describe, expect, test } from 'vitest';
import { storedUnitTests } from '../../../src/engine/unit-tests/port.ts';
import { UsageError } from '../../../src/kernel/failure.ts';
import type { UnitTestRun } from '../../../src/kernel/unit-tests.ts';
import { renderCobertura, renderUnitTestJunit } from '../../../src/reports/unit-tests.tsx';

const run: UnitTestRun = {
  at: '2026-11-24T00:00:00.000Z',
  commit: 'c'.repeat(40),
  tree: 'tree',
  cases: [
    {
      suite: 'tests.test_a',
      name: 'a <&> "b"',
      status: 'passed',
      file: 'tests/test_a.py',
      line: 3,
      seconds: 0.5,
      marks: ['data-7', 'dta-7'],
      message: '',
      text: '',
    },
    {
      suite: 'tests.test_a',
      name: 'b',
      status: 'failed',
      file: null,
      line: null,
      seconds: 0,
      marks: [],
      message: 'no',
      text: 'line\n\u001b[31mred',
    },
    {
      suite: 'tests.test_a',
      name: 'c',
      status: 'skipped',
      file: 'tests/test_a.py',
      line: null,
      seconds: 0,
      marks: ['infra-2'],
      message: 'later',
      text: '',
    },
  ],
  coverage: [
    {
      path: 'src/a.py',
      lines: [
        { line: 1, hits: 2 },
        { line: 2, hits: 0 },
      ],
    },
  ],
  problems: [{ code: 'TESTS_TIMEOUT', message: 'was stopped', hint: 'Hurry.' }],
  notes: ['a note'],
};
const files = { '.flightcheck/test.junit.xml': renderUnitTestJunit(run), '.flightcheck/test.coverage.xml': renderCobertura(run) };
const open = (given: Readonly<Record<string, string | null>>, more: Partial<Parameters<typeof storedUnitTests>[0]> = {}) =>
  storedUnitTests({
    folder: '.flightcheck',
    read: async (path) => given[path] ?? null,
    isFile: (path) => ['tests/test_a.py', 'src/a.py'].includes(path),
    commit: run.commit,
    tree: async () => 'tree',
    ...more,
  }).latest();

describe('results as files', () => {
  test('what was written is read again', async () => {
    const found = await open(files);
    expect(found).toMatchObject({
      ok: true,
      value: {
        ...{ at: run.at, commit: run.commit, tree: 'tree', coverage: run.coverage, notes: run.notes },
        cases: [run.cases[0], { ...run.cases[1], text: 'line\nred' }, run.cases[2]],
        problems: [{ code: 'TESTS_TIMEOUT', message: 'was stopped' }],
      },
    });
  });

  test.each([
    ['nothing there', {}, {}, /were not run/],
    ['another commit', files, { commit: 'd'.repeat(40) }, /last run on commit cccccccc, and this is dddddddd/],
    ['another tree', files, { tree: async () => 'other' }, /files have changed/],
    [
      'JUnit of somebody else',
      { '.flightcheck/test.junit.xml': '<testsuite><testcase name="[data-7] a"/></testsuite>' },
      {},
      /not written by flightcheck test/,
    ],
    [
      'entities',
      { '.flightcheck/test.junit.xml': '<!DOCTYPE a [<!ENTITY b "c">]><testsuite/>' },
      {},
      /cannot be read: .*document type/,
    ],
    ['half a file', { '.flightcheck/test.junit.xml': '<testsuite>' }, {}, /cannot be read/],
    ['broken coverage', { ...files, '.flightcheck/test.coverage.xml': '<html/>' }, {}, /not Cobertura/],
  ])('%s is no result', async (_, given, more, reason) => {
    expect(await open(given as never, more)).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
  });

  test('a file that cannot be read is told, and a pipeline compares the commit alone', async () => {
    const read = async () => {
      throw new UsageError('FILE_UNREADABLE', 'it cannot be read', { hint: '' });
    };
    expect(await open({}, { read })).toMatchObject({ ok: false, isAbsent: false });
    expect(await open(files, { tree: null })).toMatchObject({ ok: true });
  });

  test('100,000 cases stay under the 30 MB that GitLab takes; failures and marked tests are kept first', () => {
    const cases = Array.from({ length: 100_000 }, (_, i) => ({
      ...{ suite: 's'.repeat(200), name: `${i} ${'n'.repeat(100)}`, file: null, line: null, seconds: 0, message: '', text: '' },
      ...{ status: i === 99_999 ? ('failed' as const) : ('passed' as const), marks: i === 99_998 ? ['data-7'] : [] },
    }));
    const xml = renderUnitTestJunit({ ...run, cases });
    expect(Buffer.byteLength(xml)).toBeLessThan(30_000_000);
    expect(xml).toContain('99999 nnn');
    expect(xml).toContain('99998 nnn');
    expect(xml).toMatch(/flightcheck\.left" value="\d+"/);
  });
});
