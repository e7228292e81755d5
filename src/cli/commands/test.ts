/** `flightcheck test`: the unit tests, with coverage, in the model's own environment. */
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'test',
  summary: "Run the unit tests (pytest, testthat or your own command) in the model's environment, with coverage.",
  argument: { name: 'dir', description: 'Folder of the model repo. Default: here.' },
  options: ['output', 'tests-minutes', 'cache', 'gate', 'max-severity'],
  examples: [
    { command: 'flightcheck test', meaning: 'All tests of the repo you stand in; results for GitLab and for flightcheck score.' },
    { command: 'flightcheck test --gate blocking', meaning: 'Exit 1 when a test fails, for a pre-push hook.' },
    { command: 'flightcheck test --tests-minutes 2 path/to/repo', meaning: 'Stop what takes longer, and say which test it was.' },
    {
      command: 'flightcheck test && flightcheck score --only data-7,infra-2',
      meaning: 'The two tests of the ML Test Score that rest on unit tests.',
    },
  ],
  async run(context, invocation) {
    const { testRepo } = await import('../score/run-tests.ts');
    return testRepo(context, invocation);
  },
});
