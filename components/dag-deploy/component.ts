import { defineComponent } from '../../src/kernel/component.ts';

const reports = { junit: 'deploy.junit.xml', codequality: 'deploy.codequality.json', dotenv: 'deploy.env' } as const;
const job = { reads: ['env', 'task-image'], image: 'report-image', reports } as const;
const undoing = { image: 'report-image', reports: { junit: reports.junit, codequality: reports.codequality } } as const;

export const component = defineComponent({
  summary: 'Delivers the DAG of the model to an environment, proves that Airflow schedules exactly it, and rolls back else.',
  defaults: { stage: 'deploy', env: 'dev' },
  jobs: {
    'dag-deploy': { ...job, runner: 'deploy apply', acts: { on: 'env', when: 'input', stoppedBy: 'dag-stop' } },
    'dag-rollback': { ...job, runner: 'deploy rollback', acts: { on: 'env', when: 'asked' } },
    'dag-stop': { ...undoing, reads: ['env'], runner: 'deploy stop', acts: { on: 'env', when: 'asked', stops: true } },
    'dag-review': {
      ...job,
      reads: ['review-env', 'task-image'],
      runner: 'deploy apply --per-merge-request',
      acts: { on: 'review-env', when: 'input', stoppedBy: 'dag-review-stop' },
    },
    'dag-review-stop': {
      ...undoing,
      reads: ['review-env'],
      runner: 'deploy stop --per-merge-request',
      acts: { on: 'review-env', when: 'asked', stops: true },
    },
  },
});
