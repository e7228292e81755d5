import { defineComponent } from '../../src/kernel/component.ts';
import { component as mlTestScore } from '../ml-test-score/component.ts';
import { component as report } from '../report/component.ts';
import { component as structure } from '../structure/component.ts';
import { component as unitTests } from '../unit-tests/component.ts';

// Some tests of the rubric rest on unit tests; the others are executed even where these could not be run.
const score = { ...mlTestScore.jobs['ml-test-score'], needs: Object.keys(unitTests.jobs), runsAlways: true };
const before = { ...structure.jobs, ...unitTests.jobs, 'ml-test-score': score };

export const component = defineComponent({
  summary: 'The whole pipeline of a model repo: structure, unit tests, ML Test Score, and one report with the gate.',
  jobs: { ...before, report: { ...report.jobs.report, needs: Object.keys(before) } },
});
