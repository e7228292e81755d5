/** `flightcheck check`: the structure suite. Executes no code of the repo. */
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'check',
  summary: 'Check the structure of a model repo; runs none of its code.',
  argument: { name: 'dir', description: 'Folder of the model repo. Default: here.' },
  options: ['output', 'only', 'skip', 'gate', 'min-structure', 'max-severity'],
  examples: [
    { command: 'flightcheck check', meaning: 'Check the repo you stand in.' },
    { command: 'flightcheck check --only layout-no-data --json', meaning: 'One rule, as JSON.' },
    { command: 'flightcheck check --gate blocking --max-severity minor', meaning: 'Exit 1 when anything major or worse fails.' },
  ],
  async run(context, invocation) {
    const { checkStructure } = await import('../run-structure.ts');
    return checkStructure(context, invocation);
  },
});
