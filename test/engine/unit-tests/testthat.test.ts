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

  test('a marked test that asserts nothing is told from one that does, itself or through a helper', async () => {
    const hollow = {
      'a constant': 'double(2)\nexpect_true(TRUE)',
      constants: 'testthat::expect_equal(c(1, 2), c(1, 2)); expect_true(!FALSE && 1 < 2)',
      success: 'double(2)\nsucceed()',
      'a constant down a pipe': 'TRUE |> expect_true()',
      'by a helper without': 'prints(double(2))\nexpect_null(NULL)',
      'by a file beside without': 'shows(double(2))',
    };
    const telling = {
      itself: 'expect_equal(double(2), 4)',
      'of a variable': 'for (x in 1:3) expect_equal(x * 2, double(x))',
      'by an error': 'expect_error(double("a"))\nexpect_true(TRUE)',
      'by stopping': 'if (double(2) != 4) stop("not four")\nsucceed()',
      'by a helper': 'four(double(2))',
      'by a helper of a helper': 'through(double(2))',
      'by a file beside': 'beside(double(2))',
      'down a pipe': 'double(2) |> expect_equal(4)',
      'down a pipe of a package': 'double(2) %>% expect_equal(4) %>% invisible()',
      'for each': 'invisible(lapply(list(double(2) == 4), expect_true))',
      'by a list of helpers': 'helpers$four(double(2))',
    };
    const testOf = ([name, body]: [string, string]): string => `test_that("[data-7] ${name}", {\n${body}\n})\n`;
    const run = await runTestsOf({
      'R/code.R': code,
      'tests/testthat/helper.R': `source(file.path("..", "..", "R", "code.R"))
beside <- function(x) expect_identical(x, 4)
shows = function(x) { print(x); succeed() }
`,
      'tests/testthat/test-code.R': `prints <- function(x) print(x)
four <- function(x) expect_equal(x, 4)
through <- function(x) four(x)
\`%>%\` <- function(x, f) eval(as.call(append(as.list(substitute(f)), list(x), 1)), parent.frame())
helpers <- list(four = function(x) expect_equal(x, 4))
${[...Object.entries(hollow), ...Object.entries(telling)].map(testOf).join('')}
for (n in 1:2) test_that(paste("[data-7] number", n), expect_equal(double(n), 2 * n))
describe("[data-7] inside", {
  it("says nothing", expect_true(TRUE))
  it("says something", expect_equal(double(1), 2))
})
test_that("no mark", expect_true(TRUE))
`,
    });
    expect(run.cases.filter(({ status }) => status !== 'passed')).toEqual([]);
    expect(run.cases).toHaveLength(22);
    expect(run.cases.filter(({ assertsNothing }) => assertsNothing).map(({ name }) => name)).toEqual([
      ...Object.keys(hollow).map((name) => `[data-7] ${name}`),
      '[data-7] inside: says nothing',
    ]);
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
