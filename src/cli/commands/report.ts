/** `flightcheck report`: one report of all jobs, the gate, Control Tower. */
import { defineCommand } from '../command.ts';
import { compareFlag } from '../score/compare-flag.ts';

export const command = defineCommand({
  name: 'report',
  summary: 'Merge the reports of earlier jobs, decide the gate, tell Control Tower; runs no code of the repo.',
  argument: { name: 'dir', description: 'Folder of the model repo. Default: here.' },
  options: [
    'output',
    'gate',
    'min-score',
    'min-section-score',
    'min-structure',
    'max-severity',
    'tower-url',
    'tower-timeout',
    'cache',
  ],
  flags: {
    ...compareFlag,
    resend: { type: 'boolean', description: 'Only deliver the reports that Control Tower has not taken yet.', default: false },
  },
  examples: [
    { command: 'flightcheck report', meaning: 'Merge .flightcheck/*.report.json, print the score card, write every format.' },
    { command: 'flightcheck report --gate blocking --min-score 1', meaning: 'Exit 1 when the passing score is below 1.' },
    { command: 'flightcheck report --resend', meaning: 'Deliver what Control Tower could not take while it was down.' },
  ],
  async run(context, invocation) {
    const { reportRun } = await import('../run-report.ts');
    return reportRun(context, invocation);
  },
});
