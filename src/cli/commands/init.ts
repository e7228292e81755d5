/** `flightcheck init`: writes the beginnings of what a model repo needs. */
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'init',
  summary: 'Write the beginnings of what a model repo needs; no file is ever overwritten.',
  options: [],
  examples: [{ command: 'flightcheck init tests', meaning: 'Unit tests for this model.' }],
  commands: [
    {
      name: 'tests',
      summary: 'Write unit tests for this model (pytest or testthat), which run as they are and are yours to edit.',
      argument: { name: 'dir', description: 'Folder of the model repo. Default: here.' },
      options: [],
      flags: {
        language: {
          type: 'string',
          description: 'Language of the tests; auto looks at the train command.',
          options: ['auto', 'python', 'r'],
          default: 'auto',
        },
        plan: { type: 'boolean', description: 'Print what would be written; write nothing.', default: false },
      },
      examples: [
        { command: 'flightcheck init tests', meaning: 'Tests for the model you stand in.' },
        { command: 'flightcheck init tests --plan', meaning: 'Show them first.' },
        { command: 'flightcheck init tests && flightcheck test', meaning: 'Write them and run them.' },
      ],
      async run(context, invocation) {
        const { writeTests } = await import('../score/init-tests.ts');
        return writeTests(context, invocation);
      },
    },
  ],
});
