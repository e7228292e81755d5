import { defineComponent } from '../../src/kernel/component.ts';
import { component as mlTestScore } from '../ml-test-score/component.ts';
import { component as report } from '../report/component.ts';
import { component as structure } from '../structure/component.ts';

const before = { ...structure.jobs, ...mlTestScore.jobs };

export const component = defineComponent({
  summary: 'The whole pipeline of a model repo: structure, ML Test Score, and one report with the gate.',
  jobs: { ...before, report: { ...report.jobs.report, needs: Object.keys(before) } },
});
