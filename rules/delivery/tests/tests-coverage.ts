import { defineCheck, pass, skipped } from '../../../src/kernel/check.ts';
import { coverageOf } from '../../../src/kernel/unit-tests.ts';

export default defineCheck({
  title: 'Coverage of the code is measured',
  why: 'Tests that pass say nothing about the lines that none of them runs.',
  fix: 'Install pytest-cov (Python) or covr (R) beside the tests, or let tests.command write Cobertura XML to {coverage}.',
  reference: 'https://docs.gitlab.com/ci/testing/code_coverage/',
  inputs: {},
  needs: ['unitTests'],
  async run({ unitTests }) {
    const latest = await unitTests.latest();
    if (!latest.ok) return skipped(latest.reason, { nextStep: 'Run flightcheck test.' });
    const { cases, coverage, notes } = latest.value;
    if (cases.length === 0) return skipped('no test ran', { nextStep: 'Mend what tests-pass says.' });
    const share = coverage === null ? null : coverageOf(coverage);
    if (coverage === null || share === null)
      return skipped(notes[0] ?? 'no line of code was measured', { nextStep: 'Install pytest-cov or covr where the tests run.' });
    const rows = coverage.map(({ path, lines }) => ({
      path,
      lines: lines.length,
      covered: lines.filter(({ hits }) => hits > 0).length,
    }));
    return pass({
      explanation: `The tests run ${(100 * share).toFixed(1)} % of the lines of ${coverage.length} files.`,
      value: Math.round(share * 1e6) / 1e6,
      unit: '1',
      n: rows.reduce((sum, { lines }) => sum + lines, 0),
      items: rows.sort((a, b) => a.covered / (a.lines || 1) - b.covered / (b.lines || 1)).slice(0, 300),
    });
  },
});
