import { defineCheck, type Finding, judge, notApplicable, skipped } from '../../../src/kernel/check.ts';
import { isRubricTest } from '../../../src/kernel/unit-tests.ts';

export default defineCheck({
  title: 'Marks name tests of the ML Test Score',
  why: 'A mark with a typing error earns nothing, and nobody notices.',
  fix: 'Write one of data-1 to data-7, model-1 to model-7, infra-1 to infra-7, monitor-1 to monitor-7.',
  reference: 'https://doi.org/10.1109/BigData.2017.8258038',
  inputs: {},
  needs: ['unitTests'],
  async run({ unitTests }) {
    const latest = await unitTests.latest();
    if (!latest.ok) return skipped(latest.reason, { nextStep: 'Run flightcheck test.' });
    const marked = latest.value.cases.filter(({ marks }) => marks.length > 0);
    if (marked.length === 0) return notApplicable('no unit test is marked as evidence for a test of the ML Test Score');
    const counts = new Map<string, { cases: number; passed: number }>();
    const findings: Finding[] = [];
    for (const { marks, name, file, line, status } of marked)
      for (const mark of marks) {
        if (!isRubricTest(mark)) {
          const place = file === null ? {} : { place: { path: file, ...(line !== null && { line }) } };
          if (findings.length < 100)
            findings.push({
              message: `${name} is marked ${JSON.stringify(mark)}, which is no test of the ML Test Score`,
              ...place,
            });
          continue;
        }
        const { cases, passed } = counts.get(mark) ?? { cases: 0, passed: 0 };
        counts.set(mark, { cases: cases + 1, passed: passed + (status === 'passed' ? 1 : 0) });
      }
    return judge(findings, {
      explanation: `${marked.length} unit tests are marked as evidence for ${counts.size} tests of the ML Test Score.`,
      n: marked.length,
      items: [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([test, { cases, passed }]) => ({ test, cases, passed })),
    });
  },
});
