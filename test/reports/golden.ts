/** The one report that every format is tried on: all outcomes, hostile strings. */
import type { Report, Result } from '../../src/kernel/report.ts';
import golden from '../golden/report.json' with { type: 'json' };

export const goldenReport = golden as unknown as Report;

/** The golden report with its first suite's first result changed. */
export const withResult = (change: Partial<Result>): Report => ({
  ...goldenReport,
  suites: goldenReport.suites.map((suite, s) => ({
    ...suite,
    sections: suite.sections.map((section, i) => ({
      ...section,
      results: section.results.map((result, r) => (s + i + r === 0 ? { ...result, ...change } : result)),
    })),
  })),
});
