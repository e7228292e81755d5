import { defineComponent } from '../../src/kernel/component.ts';
import { component as containerBuild } from '../container-build/component.ts';
import { component as dagDeploy } from '../dag-deploy/component.ts';
import { component as mlTestScore } from '../ml-test-score/component.ts';
import { component as report } from '../report/component.ts';
import { component as structure } from '../structure/component.ts';
import { component as unitTests } from '../unit-tests/component.ts';

// Some tests of the rubric rest on unit tests; the others are executed even where these could not be run.
const score = { ...mlTestScore.jobs['ml-test-score'], needs: Object.keys(unitTests.jobs), runsAlways: true };
const before = { ...structure.jobs, ...unitTests.jobs, 'ml-test-score': score };
const build = { 'container-build': { ...containerBuild.jobs['container-build'], unless: 'build-when' } } as const;

// The gate is decided before anything is deployed; the tasks run in the image of this pipeline.
const follows = { 'container-build': 'artifacts', report: 'gate' } as const;
const { 'dag-deploy': deploy, 'dag-review': review, ...others } = dagDeploy.jobs;

export const component = defineComponent({
  summary:
    'The whole pipeline of a model repo: structure, unit tests, ML Test Score, one report with the gate; image and DAG where asked.',
  defaults: { env: 'dev', 'deploy-when': 'never' },
  jobs: {
    ...before,
    ...build,
    report: { ...report.jobs.report, needs: Object.keys(before), follows: { 'container-build': 'artifacts' } },
    'dag-deploy': { ...deploy, follows },
    'dag-review': { ...review, follows },
    ...others,
  },
});
