/** `flightcheck attest`: a test of the rubric that was executed by hand, written down so that it can count half a point. */
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'attest',
  summary: 'Write down a test of the ML Test Score that you executed by hand: half a point once another person approved it.',
  argument: { name: 'id', description: 'The test: data-5. flightcheck explain lists them.' },
  secondArgument: { name: 'dir', description: 'Folder of the model repo. Default: here.' },
  options: [],
  flags: {
    method: { type: 'string', description: 'How you executed it, so that another can repeat it.', default: '' },
    result: {
      type: 'string',
      description: 'What came of it; only passed counts.',
      options: ['', 'passed', 'failed'],
      default: '',
    },
    link: { type: 'string', description: 'Address of the documented results: an issue, a page of a wiki.', default: '' },
    covers: {
      type: 'array',
      description: 'Globs of the files that were tested, comma-separated; a change of any ends the attestation.',
      default: [],
    },
    by: { type: 'string', description: 'Who executed it: a user name of GitLab.', default: '' },
    date: { type: 'string', description: 'The day on which it was executed, as 2026-11-25. Default: today.', default: '' },
    'valid-for': {
      type: 'string',
      description: 'Days after which it is to be done again, as 30d; it can only shorten.',
      default: '',
    },
    replace: { type: 'boolean', description: 'Write over the attestation that is there.', default: false },
  },
  examples: [
    {
      command:
        "flightcheck attest data-5 --by @ada --result passed --method 'Went through the access list with the data owner' --link https://gitlab.example.com/risk/-/issues/12 --covers 'src/features/**,flightcheck.yml'",
      meaning: 'Writes flightcheck/attestations/data-5.yml; open a merge request with it.',
    },
    {
      command:
        "flightcheck attest model-7 --by @ada --result passed --method 'Read 50 refusals with the complaints desk' --link https://gitlab.example.com/risk/-/issues/40 --covers 'src/**' --valid-for 30d --replace",
      meaning: 'Once more, after the first ran out; flightcheck schema attestation prints the format.',
    },
  ],
  async run(context, invocation) {
    const { writeAttestation } = await import('../score/write-attestation.ts');
    return writeAttestation(context, invocation);
  },
});
