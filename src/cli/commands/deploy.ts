/** `flightcheck deploy`: the model's DAG, delivered to Airflow and proven to be what Airflow schedules. */
import { type Command, type Context, defineCommand, type Invocation } from '../command.ts';

const argument = { name: 'dir', description: 'Folder of the model repo. Default: here.' };
const options = ['env', 'review-env', 'task-image', 'output'] as const;

type Action = 'plan' | 'apply' | 'verify' | 'rollback' | 'stop';

const flags = {
  'per-merge-request': {
    type: 'boolean',
    description:
      'The DAG of this merge request alone: its id ends with __mr and the number, from CI_MERGE_REQUEST_IID. Without --env it goes to --review-env.',
    default: false,
  },
} as const;

const run =
  (action: Action) =>
  async (context: Context, invocation: Invocation): Promise<number> => {
    const { deploy } = await import('../deploy/run-deploy.ts');
    return deploy(context, invocation, action);
  };

const plan = defineCommand({
  name: 'plan',
  summary: 'Say what a deployment would change; deliver nothing.',
  argument,
  options,
  flags: {
    ...flags,
    render: { type: 'boolean', description: 'Print the rendered DAG file instead; asks no Airflow.', default: false },
  },
  examples: [
    { command: 'flightcheck deploy plan --env dev', meaning: 'The difference to what Airflow schedules now.' },
    { command: 'flightcheck deploy plan --env dev --render > dag.py', meaning: 'The file that would be delivered.' },
  ],
  run: run('plan'),
});

const apply = defineCommand({
  name: 'apply',
  summary: 'Deliver the DAG, prove that Airflow schedules it, roll back else.',
  argument,
  options,
  flags,
  examples: [
    {
      command: 'flightcheck deploy apply --env dev',
      meaning:
        'Exit 0: proven. 1: refused by the canary or by the model in MLflow, nothing was delivered. 4: it failed and the old DAG is back, proven. 5: that is not proven, look at once.',
    },
  ],
  run: run('apply'),
});

const verify = defineCommand({
  name: 'verify',
  summary: 'Prove that Airflow schedules exactly this commit.',
  argument,
  options,
  flags,
  examples: [{ command: 'flightcheck deploy verify --env prod', meaning: 'Exit 1 when it schedules something else.' }],
  run: run('verify'),
});

const rollback = defineCommand({
  name: 'rollback',
  summary: 'Undo the last delivery and prove that Airflow has what it had before.',
  argument,
  options,
  flags,
  examples: [
    {
      command: 'flightcheck deploy rollback --env prod',
      meaning:
        'After a deployment that was killed, or one that is regretted. Exit 4: the version before is back, proven; 0: there was nothing to undo, proven. 5: not proven, look at once.',
    },
  ],
  run: run('rollback'),
});

const stop = defineCommand({
  name: 'stop',
  summary: 'Remove the DAG of an environment and prove that Airflow schedules it no more.',
  argument,
  options,
  flags,
  examples: [
    {
      command: 'flightcheck deploy stop --env dev',
      meaning:
        'Exit 0: gone, or paused while Airflow has not seen it; also when nothing was there. 1: what lies there is not of Flightcheck, and stays. 5: not proven, look at once.',
    },
  ],
  run: run('stop'),
});

const runLocal = defineCommand({
  name: 'run-local',
  summary: 'Run the tasks of the DAG on this machine, without Airflow: order, retries, timeouts and limits as declared.',
  argument,
  options: ['env', 'task-image', 'output'],
  flags: {
    jobs: { type: 'number', description: 'Tasks at once. Default: the processors of this machine.' },
    'max-retry-delay': { type: 'number', description: 'Longest wait between two tries, in seconds. Default: as declared.' },
  },
  examples: [
    { command: 'flightcheck deploy run-local', meaning: 'Every task, in a copy of the repo. Exit 1 when one fails.' },
    { command: 'flightcheck deploy run-local --env dev --max-retry-delay 1', meaning: 'As dev overrides it, for the impatient.' },
  ],
  async run(context, invocation) {
    const { runLocal: start } = await import('../deploy/run-dag.ts');
    return start(context, invocation);
  },
});

export const command: Command = defineCommand({
  name: 'deploy',
  summary: "Deploy the model's DAG to Airflow, with proof.",
  options: [],
  examples: [...plan.examples.slice(0, 1), ...apply.examples, ...runLocal.examples.slice(0, 1)],
  commands: [plan, apply, verify, rollback, stop, runLocal],
});
