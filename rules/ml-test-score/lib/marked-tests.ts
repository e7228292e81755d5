/** Unit tests as evidence: those that name a test of the rubric, in the last run over this very state of the repo. */
import { type Finding, skipped, type Verdict } from '../../../src/kernel/check.ts';
import { withReason } from '../../../src/kernel/said.ts';
import type { TestCase, UnitTestRun } from '../../../src/kernel/unit-tests.ts';
import type { UnitTests } from '../../../src/kernel/world.ts';

export interface MarkedTests {
  readonly run: UnitTestRun;
  /** Those that could have failed. */
  readonly passed: readonly TestCase[];
  readonly broken: readonly TestCase[];
  readonly skipped: readonly TestCase[];
  /** They passed, and would whatever the code answered. */
  readonly hollow: readonly TestCase[];
}

/** How many marked tests pass, in words. */
export const passedWords = (id: string, { passed, broken, skipped: left, hollow }: MarkedTests): string =>
  `${passed.length} of ${passed.length + broken.length + left.length + hollow.length} tests marked ${id} pass${hollow.length > 0 ? `, ${hollow.length} that assert nothing not counted` : ''}`;

/** Why none of the marked tests is evidence, and what to do; null when one is, or one fails. */
export function noEvidence(id: string, { passed, broken, skipped: left, hollow }: MarkedTests) {
  if (passed.length > 0 || broken.length > 0) return null;
  const [first] = hollow;
  if (!first)
    return { reason: `all ${left.length} tests marked ${id} were skipped`, nextStep: 'Give them what they need to run.' };
  return {
    reason: `${hollow.length} tests marked ${id} pass whatever the code answers, for they assert nothing, such as ${first.name}`,
    nextStep: 'Say in each what must come out: assert, pytest.raises or a helper beside the tests that asserts.',
  };
}

/** The line that marks a test, in the words of both frameworks. */
export const howToMark = (id: string): string =>
  `Mark them: @pytest.mark.ml_test("${id}") in Python, test_that("[${id}] ...") in R; flightcheck init tests writes the first ones.`;

/** The marked tests, or why there is no evidence. A mark alone earns nothing: what was skipped or failed, or asserts nothing, is told apart. */
export async function markedTests(unitTests: UnitTests, id: string, subject: string): Promise<MarkedTests | Verdict> {
  const latest = await unitTests.latest();
  if (!latest.ok) return skipped(latest.reason, { nextStep: `Run flightcheck test before flightcheck score. ${howToMark(id)}` });
  const run = latest.value;
  const [problem] = run.problems;
  if (run.cases.length === 0)
    return skipped(`no unit test ran${problem ? `: ${withReason(problem.message)}` : ''}`, {
      nextStep: problem?.hint ?? howToMark(id),
    });
  const marked = run.cases.filter(({ marks }) => marks.includes(id));
  if (marked.length === 0)
    return skipped(`none of ${run.cases.length} unit tests is marked as a test of ${subject}`, { nextStep: howToMark(id) });
  const by = (...statuses: readonly TestCase['status'][]) => marked.filter(({ status }) => statuses.includes(status));
  const passed = by('passed');
  return {
    run,
    passed: passed.filter(({ assertsNothing = false }) => !assertsNothing),
    broken: by('failed', 'error'),
    skipped: by('skipped'),
    hollow: passed.filter(({ assertsNothing = false }) => assertsNothing),
  };
}

/** One finding for each marked test that fails. */
export const brokenFindings = ({ broken }: MarkedTests): readonly Finding[] =>
  broken.slice(0, 100).map(({ suite, name, file, line, message }) => ({
    message: `${suite === '' ? '' : `${suite}: `}${name} fails: ${message}`,
    ...(file !== null && { place: { path: file, ...(line !== null && { line }) } }),
  }));
