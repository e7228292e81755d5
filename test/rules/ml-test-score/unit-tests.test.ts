/** data-7: what unit tests earn, and what they do not. */
import { describe, expect, test } from 'vitest';
import data7 from '../../../rules/ml-test-score/data/data-7-feature-tests.ts';
import type { TestCase, UnitTestRun } from '../../../src/kernel/unit-tests.ts';
import { type Given, runProbe } from '../../support/probes.ts';

const testCase = (given: Partial<TestCase>): TestCase => ({
  ...{
    suite: 's',
    name: 't',
    status: 'passed',
    file: 'tests/test_a.py',
    line: 3,
    seconds: 0,
    marks: ['data-7'],
    message: '',
    text: '',
  },
  ...given,
});
const lines = (hits: readonly number[]) => hits.map((count, i) => ({ line: i + 1, hits: count }));
const runOf = (cases: readonly Partial<TestCase>[], coverage: UnitTestRun['coverage']): UnitTestRun => ({
  ...{ at: '2026-11-24T00:00:00Z', commit: null, tree: '', problems: [], notes: ['covr is not there'] },
  ...{ cases: cases.map(testCase), coverage },
});
const files = { 'src/features.py': 'a = 1\n\n# words\nb = 2\n', 'src/more.py': 'c = 3\n' };
const manifest = { policy: { feature_paths: ['src/*.py'] } };
const judge = async (unitTests?: UnitTestRun, given: Partial<Given> = {}) =>
  (await runProbe(data7, { data: {}, manifest, files, ...(unitTests && { unitTests }), ...given })).verdict;
const full = [
  { path: 'src/features.py', lines: lines([1, 1, 1, 1]) },
  { path: 'src/more.py', lines: lines([2]) },
];

describe('data-7', () => {
  test('passing marked tests over covered feature code pass', async () => {
    expect(await judge(runOf([{}, { name: 'u' }], full))).toMatchObject({
      outcome: 'pass',
      evidence: { value: 1, threshold: 0.8, n: 5, explanation: expect.stringContaining('2 of 2 tests') },
    });
  });

  test('80 % is enough, less is not, and the lines that nothing runs are named', async () => {
    const almost = [{ path: 'src/features.py', lines: lines([1, 1, 1, 0]) }, full[1] as (typeof full)[0]];
    expect(await judge(runOf([{}], almost))).toMatchObject({ outcome: 'pass', evidence: { value: 0.8 } });
    const less = [{ path: 'src/features.py', lines: lines([1, 0, 0, 1, 0]) }, full[1] as (typeof full)[0]];
    expect(await judge(runOf([{}], less))).toMatchObject({
      outcome: 'fail',
      findings: [
        { message: 'src/features.py: 3 of 5 lines are run by no test (2-3, 5)', place: { path: 'src/features.py', line: 2 } },
      ],
    });
  });

  test('a feature file that no test loads counts with all its lines', async () => {
    expect(await judge(runOf([{}], [{ path: 'src/more.py', lines: lines([1]) }]))).toMatchObject({
      outcome: 'fail',
      evidence: { value: 0.333333 },
      findings: [{ message: 'src/features.py is loaded by no test' }],
    });
  });

  test('a failing marked test fails, whatever the others do', async () => {
    expect(await judge(runOf([{}, { name: 'u', status: 'failed', message: 'boom' }], full))).toMatchObject({
      outcome: 'fail',
      findings: [{ message: 's: u fails: boom', place: { path: 'tests/test_a.py', line: 3 } }],
    });
  });

  test.each([
    ['nothing was run', undefined, /were not run/],
    [
      'no test ran',
      {
        ...runOf([], full),
        problems: [
          { code: 'TESTS_NONE', message: 'No unit test was found\n  x', hint: 'flightcheck init tests writes the first ones' },
        ],
      },
      /^no unit test ran: No unit test was found$/,
    ],
    ['no test is marked', runOf([{ marks: [] }, { marks: ['data-8'] }], full), /none of 2 unit tests is marked/],
    ['the marked ones were skipped', runOf([{ status: 'skipped' }], full), /all 1 tests marked data-7 were skipped/],
    [
      'the marked ones assert nothing',
      runOf([{ assertsNothing: true }], full),
      /1 tests marked data-7 pass whatever the code answers/,
    ],
    ['nothing was measured', runOf([{}], null), /not measured: covr is not there/],
  ])('earns nothing when %s', async (_, run, reason) => {
    expect(await judge(run)).toMatchObject({ outcome: 'skipped', reason: expect.stringMatching(reason) });
  });

  test('those that assert nothing are not counted beside others', async () => {
    expect(await judge(runOf([{}, { name: 'u', assertsNothing: true }], full))).toMatchObject({
      outcome: 'pass',
      evidence: { explanation: expect.stringContaining('1 of 2 tests marked data-7 pass, 1 that assert nothing not counted') },
    });
  });

  test('asks for feature_paths, and says when they name nothing', async () => {
    expect(await judge(runOf([{}], full), { manifest: {} })).toMatchObject({
      outcome: 'skipped',
      manifestLine: expect.stringContaining('feature_paths'),
    });
    expect(await judge(runOf([{}], full), { manifest: { policy: { feature_paths: ['lib/*.py'] } } })).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('names no file'),
    });
  });
});
