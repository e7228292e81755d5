/** `flightcheck explain`: what a check is, from what it says of itself. */
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'explain',
  summary: 'Say what a check does, why, what it asks for, its bounds and their sources; without an id list all.',
  argument: {
    name: 'id',
    description: 'A test of the ML Test Score, a rule of the structure, a check of the unit tests or a step of build or deploy.',
  },
  secondArgument: { name: 'dir', description: 'Folder of a model repo, for the rules of its own packs. Default: here.' },
  options: [],
  examples: [
    { command: 'flightcheck explain', meaning: 'Every check, by section.' },
    { command: 'flightcheck explain monitor-3', meaning: 'What it takes to pass it.' },
    { command: 'flightcheck explain layout-no-data --json', meaning: 'The same, for a program.' },
  ],
  async run(context, invocation) {
    const { explain } = await import('../explain.ts');
    return explain(context, invocation);
  },
});
