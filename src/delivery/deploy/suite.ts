/** A deployment as a suite of a report. */
import type { SuiteReport } from '../../kernel/report.ts';
import { explainSteps, type StepWords, stepsSuite } from '../steps.ts';
import type { Deployment, StepId } from './deployment.ts';

const steps: Readonly<Record<StepId, StepWords>> = {
  preflight: {
    title: 'Airflow can take a DAG and tells what it reads',
    why: 'A delivery to an Airflow that reads nothing cannot be proven, nor taken back.',
    fix: 'Start the dag-processor and give the account the right to see DAGs and import errors.',
  },
  images: {
    title: 'The registry holds the images of the tasks',
    why: 'A task names its image by digest: one that was removed since it was built never starts, whatever has its tag now.',
    fix: 'Build the image again, and keep the digests that an environment uses from clean-up: promote them to a tag.',
  },
  model: {
    title: 'MLflow has this version of the model, ready and no worse than the one before',
    why: 'A DAG that serves a model which was never registered, or whose training failed, serves something else.',
    fix: 'Register the model that this commit trained, or name the version in environments.*.mlflow.version.',
  },
  canary: {
    title: 'A paused copy of the DAG loads',
    why: 'A copy that cannot be imported hurts nobody.',
    fix: "Read Airflow's trace and mend the manifest.",
  },
  deliver: {
    title: 'The DAG is delivered',
    why: 'Airflow schedules what lies in its folder.',
    fix: 'Check rights and branch of the target.',
  },
  verify: {
    title: 'Airflow schedules exactly this version',
    why: 'A file that was copied is not yet a DAG that runs: only the hash in every scheduled task proves it.',
    fix: "Read Airflow's trace; look at the dag-processor's log.",
  },
  unpause: { title: 'The DAG is let go as it should be', why: 'A paused DAG never runs.', fix: 'Look at the DAG in Airflow.' },
  'test-run': {
    title: 'A run of the DAG succeeds',
    why: 'Scheduled is not yet working.',
    fix: "Read the failed task's log in Airflow.",
  },
  alias: {
    title: 'The alias points to the version that was deployed',
    why: 'Who loads the model by its alias must get the one that Airflow schedules.',
    fix: 'Give the account of the job the right to change the registered model, then deploy again.',
  },
  'alias-back': {
    title: 'The alias points to the version before',
    why: 'An alias must not name a version whose deployment was taken back.',
    fix: "Move it by hand: MLflow's page of the registered model, or its client.",
  },
  'roll-back': { title: 'The file before is back', why: 'A broken DAG must not stay.', fix: 'Restore the file by hand.' },
  'verify-rollback': {
    title: 'Airflow schedules what it did before',
    why: 'A rollback that nobody proved may be half of one.',
    fix: 'Look at the DAG in Airflow at once; run flightcheck deploy rollback again.',
  },
  remove: {
    title: 'The DAG is removed',
    why: 'Airflow schedules what lies in its folder.',
    fix: 'Check rights and branch of the target. A file that Flightcheck did not write is removed by who wrote it.',
  },
  pause: {
    title: 'No run begins any more',
    why: 'Airflow may take minutes to see that a file is gone, and starts runs until then.',
    fix: 'Pause the DAG in Airflow.',
  },
  'verify-stop': {
    title: 'Airflow schedules the DAG no more',
    why: 'A file that was removed is not yet a DAG that has ended.',
    fix: 'Look at the DAG in Airflow; run flightcheck deploy stop again.',
  },
};

const suite = { id: 'deploy', title: 'Deployment' } as const;

export const deployExplained = explainSteps(suite, steps);

export const deploySuite = (deployment: Deployment, trigger: string): SuiteReport =>
  stepsSuite(suite, deployment.steps, steps, trigger);
