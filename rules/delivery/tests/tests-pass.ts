import { defineCheck, type Finding, judge, skipped } from '../../../src/kernel/check.ts';
import { testStatuses } from '../../../src/kernel/unit-tests.ts';

const mostFindings = 200;

/** The way to the failure, call by call, where the traceback tells it; the whole of it stands in JUnit. */
function wayTo(text: string): string {
  const calls = [...text.matchAll(/^(?:File ")?([^\s:"]+\.(?:py|[rR]|jl))(?:", line |:)(\d{1,7})\b/gm)].map(
    ([, file, line]) => `${file}:${line}`,
  );
  return calls.length > 1 ? ` (${calls.slice(-5).join(' → ')})` : '';
}

export default defineCheck({
  title: 'All unit tests pass',
  why: 'A test that fails, or does not run at all, leaves the code behind it untested.',
  fix: 'Read the traceback, run the test by itself and mend the code or the test.',
  reference: 'https://docs.gitlab.com/ci/testing/unit_test_reports/',
  inputs: {},
  needs: ['unitTests'],
  async run({ unitTests }) {
    const latest = await unitTests.latest();
    if (!latest.ok) return skipped(latest.reason, { nextStep: 'Run flightcheck test.' });
    const { cases, problems } = latest.value;
    const broken = cases.filter(({ status }) => status === 'failed' || status === 'error');
    const counts = Object.fromEntries(
      testStatuses.map((status) => [status, cases.filter((each) => each.status === status).length]),
    );
    const findings: Finding[] = [
      ...problems.map(({ message, hint }) => ({ message, fix: hint })),
      ...broken.slice(0, mostFindings).map(({ suite, name, file, line, message, text }) => ({
        message: `${suite === '' ? '' : `${suite}: `}${name}: ${message || 'failed'}${wayTo(text)}`,
        ...(file !== null && { place: { path: file, ...(line !== null && { line }) } }),
      })),
      ...(broken.length > mostFindings
        ? [{ message: `${broken.length - mostFindings} more tests failed; they stand in the JUnit report` }]
        : []),
    ];
    // Tests that are all skipped show as little as none.
    if (findings.length === 0 && counts.passed === 0)
      findings.push({
        message: `No test ran: ${counts.skipped} of ${cases.length} were skipped`,
        fix: 'Give the tests what they need, so that they are not skipped.',
      });
    return judge(findings, {
      explanation: `${counts.passed} of ${cases.length} unit tests passed${counts.skipped ? `, ${counts.skipped} were skipped` : ''}.`,
      value: counts.passed ?? 0,
      unit: 'tests',
      n: cases.length,
    });
  },
});
