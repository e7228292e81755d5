/** `flightcheck schema`: the JSON Schemas that editors and other programs validate with. */
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'schema',
  summary: 'Print the JSON Schema of flightcheck.yml, of a report, a rule pack, the features or an attestation.',
  argument: { name: 'what', description: 'manifest (default), report, pack, features or attestation.' },
  options: [],
  examples: [
    { command: 'flightcheck schema > flightcheck.schema.json', meaning: 'For your editor.' },
    { command: 'flightcheck schema report', meaning: 'The format of .flightcheck/*.report.json.' },
  ],
  async run(context, invocation) {
    const { UsageError, exitCode } = await import('../../kernel/failure.ts');
    const what = invocation.args[0] ?? 'manifest';
    const schemas = {
      manifest: () => import('../../kernel/manifest.schema.json', { with: { type: 'json' } }),
      attestation: () => import('../../kernel/attestation.schema.json', { with: { type: 'json' } }),
      report: () => import('../../kernel/report.schema.json', { with: { type: 'json' } }),
      pack: () => import('../../kernel/pack.schema.json', { with: { type: 'json' } }),
      features: () => import('../../kernel/table-schema.schema.json', { with: { type: 'json' } }),
    };
    if (!Object.hasOwn(schemas, what))
      throw new UsageError('UNKNOWN_SCHEMA', `there is no schema ${what}`, {
        hint: `Known: ${Object.keys(schemas).join(', ')}.`,
      });
    const schema = await schemas[what as keyof typeof schemas]();
    context.print(`${JSON.stringify(schema.default, null, 2)}\n`);
    return exitCode.fine;
  },
});
