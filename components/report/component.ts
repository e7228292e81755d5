import { defineComponent } from '../../src/kernel/component.ts';

export const component = defineComponent({
  summary: 'Merges the reports of earlier jobs into one score card, decides the gate and tells Control Tower.',
  // After every other stage, so that the artifacts of all jobs are there without naming them.
  defaults: { stage: '.post' },
  jobs: {
    report: {
      runner: 'report',
      reads: ['gate', 'min-score', 'min-section-score', 'min-structure', 'max-severity', 'tower-url', 'tower-timeout', 'cache'],
      image: 'report-image',
      reports: { metrics: 'report.metrics.txt', annotations: 'report.annotations.json', dotenv: 'report.env' },
      hasIdentity: true,
      costs: 'write',
      runsAlways: true,
    },
  },
});
