/** `flightcheck doctor`: what this machine lacks, and what the manifest comes down to. */
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'doctor',
  summary: 'Say what this machine lacks; with --print the resolved manifest and where each value comes from.',
  argument: { name: 'dir', description: 'Folder of the model repo. Default: here.' },
  options: [
    'gate',
    'min-score',
    'min-section-score',
    'min-structure',
    'max-severity',
    'budget-minutes',
    'budget-trains',
    'budget-parallel',
    'tower-url',
  ],
  flags: {
    print: { type: 'boolean', description: 'Print the resolved manifest with the origin of each value.', default: false },
  },
  examples: [
    { command: 'flightcheck doctor', meaning: 'Is everything here that the checks need?' },
    { command: 'flightcheck doctor --print', meaning: 'Every value of the manifest and where it comes from.' },
  ],
  async run(context, invocation) {
    const { printManifest, examine } = await import('../doctor.ts');
    return invocation.options.print === true ? printManifest(context, invocation) : examine(context, invocation);
  },
});
