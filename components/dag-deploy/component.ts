import { defineComponent } from '../../src/kernel/component.ts';

const reports = { junit: 'deploy.junit.xml', codequality: 'deploy.codequality.json', dotenv: 'deploy.env' } as const;

export const component = defineComponent({
  summary: 'Delivers the DAG of the model to an environment, proves that Airflow schedules exactly it, and rolls back else.',
  defaults: { stage: 'deploy', env: 'dev' },
  jobs: {
    'dag-deploy': {
      runner: 'deploy apply',
      reads: ['env', 'task-image'],
      image: 'report-image',
      reports,
      acts: 'input',
    },
    'dag-rollback': {
      runner: 'deploy rollback',
      reads: ['env', 'task-image'],
      image: 'report-image',
      reports,
      acts: 'asked',
    },
  },
});
