/** Real testthat and covr on small and hostile R files. */
import { describe, expect, test } from 'vitest';
import { has, runTestsOf } from '../../support/unit-tests.ts';

const code = 'double <- function(x) {\n  if (is.null(x)) {\n    return(NULL)\n  }\n  2 * x\n}\n';
const short = (run: Awaited<ReturnType<typeof runTestsOf>>) =>
  Object.fromEntries(run.cases.map(({ name, status, marks }) => [name, [status, ...marks].join(' ')]));

describe.skipIf(!has.testthat)('testthat (needs R)', () => {
  test('one case for each test, the worst of its expectations, with its own name, place and message', async () => {
    const run = await runTestsOf({
      'R/code.R': code,
      'tests/testthat/helper.R': 'source(file.path("..", "..", "R", "code.R"))\n',
      'tests/testthat/test-code.R': `test_that("[data-7] doubles", {
  expect_equal(double(1), 2)
  expect_equal(double(2), 4)
})
test_that("[data-7] [infra-2] fails <&> \\"é\\"", {
  expect_equal(double(1), 2)
  expect_equal(double(1), 3)
  expect_equal(double(1), 2)
})
test_that("breaks", stop("no ", "way"))
test_that("waits", { skip("later") })
test_that("is empty", {})
test_that("warns", { warning("careful"); expect_true(TRUE) })
`,
      'tests/testthat/test-more.R': 'test_that("doubles", expect_null(double(NULL)))\nexpect_equal(1, 2)\n',
    });
    expect(short(run)).toMatchObject({
      '[data-7] doubles': 'passed data-7',
      '[data-7] [infra-2] fails <&> "é"': 'failed data-7 infra-2',
      breaks: 'error',
      waits: 'skipped',
      'is empty': 'skipped',
      warns: 'passed',
      doubles: 'passed',
    });
    expect(run.cases[1]).toMatchObject({
      ...{ suite: 'test-code', file: 'tests/testthat/test-code.R', line: 7 },
      message: expect.stringContaining('not equal'),
    });
    // Code outside of any test counts too.
    expect(run.cases.at(-1)).toMatchObject({ status: 'failed', file: 'tests/testthat/test-more.R' });
    expect(run.problems).toEqual([]);
  });

  test.skipIf(!has.covr)('coverage of what helpers, or the tests themselves, source', async () => {
    const run = await runTestsOf({
      'R/code.R': code,
      'R/more.R': 'triple <- function(x) 3 * x\nnever <- function() 0\n',
      'tests/testthat/helper.R': 'helped <- function() 1\nsource("../../R/code.R")\n',
      'tests/testthat/test-code.R':
        'for (file in c("more.R")) source(file.path("../../R", file))\ntest_that("works", { expect_equal(double(1), 2); expect_equal(triple(helped()), 3) })\n',
    });
    expect(short(run)).toEqual({ works: 'passed' });
    const hits = Object.fromEntries(
      (run.coverage ?? []).map(({ path, lines }) => [path, lines.map(({ line, hits }) => [line, hits > 0])]),
    );
    expect(hits).toEqual({
      'R/code.R': [
        [2, true],
        [3, false],
        [4, true],
        [5, true],
      ],
      'R/more.R': [
        [1, true],
        [2, false],
      ],
    });
  });

  test.skipIf(!has.covr)('a package is installed with counters, and its namespace is what the tests see', async () => {
    const run = await runTestsOf({
      DESCRIPTION:
        'Package: tiny\nVersion: 0.1\nTitle: Tiny\nDescription: Tiny.\nLicense: none\nAuthor: A\nMaintainer: A <a@b.c>\n',
      NAMESPACE: '',
      'R/code.R': code,
      'tests/testthat/test-code.R':
        'test_that("doubles", expect_equal(double(1), 2))\ntest_that("fails", expect_equal(double(1), 3))\n',
    });
    expect(short(run)).toEqual({ doubles: 'passed', fails: 'failed' });
    expect(run.cases[1]).toMatchObject({ file: 'tests/testthat/test-code.R', line: 2 });
    expect(run.coverage).toEqual([
      {
        path: 'R/code.R',
        lines: [
          { line: 2, hits: 2 },
          { line: 3, hits: 0 },
          { line: 5, hits: 2 },
        ],
      },
    ]);
    expect(run).toMatchObject({ problems: [], notes: [] });
  });

  test('a helper that breaks is a problem or an error, never silence', async () => {
    const run = await runTestsOf({
      'tests/testthat/helper.R': 'stop("broken helper")\n',
      'tests/testthat/test-a.R': 'test_that("a", expect_true(TRUE))\n',
    });
    expect(JSON.stringify([run.problems, run.cases])).toContain('broken helper');
    expect(run.cases.every(({ status }) => status !== 'passed')).toBe(true);
  });

  test('what ended before a limit is kept; what hangs is named; quitting in a test is no pass', async () => {
    const hung = await runTestsOf(
      {
        'tests/testthat/test-a.R': 'test_that("quick", expect_true(TRUE))\n',
        'tests/testthat/test-b.R': 'test_that("[infra-2] hangs", { Sys.sleep(1000); expect_true(TRUE) })\n',
      },
      { manifest: { tests: { minutes: 0.07 } } },
    );
    expect(hung.problems).toMatchObject([
      { code: 'TESTS_TIMEOUT', message: /while tests\/testthat\/test-b\.R: \[infra-2\] hangs ran/ },
    ]);
    expect(short(hung)).toEqual({ quick: 'passed' });
    const left = await runTestsOf({
      'tests/testthat/test-a.R': 'test_that("[data-7] a", expect_true(TRUE))\n',
      'tests/testthat/test-b.R': 'test_that("b", quit(status = 0))\n',
    });
    expect(left.problems).toMatchObject([
      { code: 'TESTS_CUT_SHORT', message: /exit code 0 while tests\/testthat\/test-b\.R: b ran/ },
    ]);
  });

  test('1 GB of output is cut off', async () => {
    const run = await runTestsOf({ 'tests/testthat/test-a.R': 'test_that("prints", repeat cat(strrep("x", 1e6), "\\n"))\n' });
    expect(run.problems).toMatchObject([{ code: 'TESTS_OUTPUT', message: /test-a\.R: prints/ }]);
  });
});

test.skipIf(has.testthat)('without testthat the problem says what to install', async () => {
  const run = await runTestsOf({ 'tests/testthat/test-a.R': '' });
  expect(run.problems).toMatchObject([{ code: 'TESTS_TOOL_MISSING' }]);
});
