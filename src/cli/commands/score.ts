/** `flightcheck score`: the ML Test Score, executed through hooks into the repo's own commands. */
import { defineCommand } from '../command.ts';
import { compareFlag } from '../score/compare-flag.ts';

export const command = defineCommand({
  name: 'score',
  summary: 'Execute the ML Test Score of a model through its own train and predict commands.',
  argument: { name: 'dir', description: 'Folder of the model repo. Default: here.' },
  options: [
    'output',
    'only',
    'skip',
    'section',
    'budget-minutes',
    'budget-trains',
    'budget-parallel',
    'cache',
    'shard',
    'tower-url',
    'gate',
    'min-score',
    'min-section-score',
  ],
  flags: {
    ...compareFlag,
    plan: { type: 'boolean', description: 'Print which hooks would run how often; run nothing.', default: false },
    since: {
      type: 'string',
      description:
        'Leave out the tests whose hooks nothing in the repo touched since this commit. It looks at the repo alone, not at images or services; what is left out earns nothing.',
      default: '',
    },
    'write-schema': {
      type: 'boolean',
      description: 'Infer the schema of the features from the training table and write it for review; run nothing.',
      default: false,
    },
  },
  examples: [
    { command: 'flightcheck score --plan', meaning: 'Which of your commands would run, how often, what is cached.' },
    { command: 'flightcheck score --write-schema', meaning: 'A first schema of your features, to read, edit and commit.' },
    { command: 'flightcheck score --only data-2,infra-1', meaning: 'Two of the tests.' },
    { command: 'flightcheck score --since origin/main', meaning: 'Only the tests that this branch can have changed.' },
    { command: 'flightcheck score --shard 2/4', meaning: 'The second of four parts; flightcheck report merges them.' },
    { command: 'flightcheck score --gate blocking --min-score 1', meaning: 'Exit 1 when the passing score is below 1.' },
  ],
  async run(context, invocation) {
    const { scoreModel } = await import('../score/run-rubric.ts');
    return scoreModel(context, invocation);
  },
});
