/** The end of every runner: gate, files, what is printed, exit code. */
import { writeReports } from '../adapters/report-files.ts';
import { exitCode } from '../kernel/failure.ts';
import { applyWaivers, decide } from '../kernel/gate.ts';
import manifestSchema from '../kernel/manifest.schema.json' with { type: 'json' };
import type { Gate, Waiver } from '../kernel/manifest.ts';
import type { Report } from '../kernel/report.ts';
import { renderTerminal } from '../reports/terminal.ts';
import type { Context, Invocation } from './command.ts';
import { optionValue } from './options.ts';

export interface Ending {
  readonly root: string;
  readonly report: Report;
  /** From the manifest; without a valid one the schema's defaults apply. */
  readonly gate: Gate | undefined;
  readonly waivers: readonly Waiver[];
}

const defaultGate = Object.fromEntries(
  Object.entries(manifestSchema.properties.gate.properties).map(([name, property]) => [name, property.default]),
) as unknown as Gate;

/** Decides, writes every format, prints the card (or the JSON) and returns the exit code. */
export async function finish(context: Context, invocation: Invocation, ending: Ending): Promise<number> {
  const waived = applyWaivers(ending.report, ending.waivers);
  const decision = decide(waived, ending.gate ?? defaultGate);
  const report: Report = { ...waived, gate: decision };
  const folder = optionValue<string>(invocation, 'output');
  const written = await writeReports(report, { root: ending.root, folder });
  if (context.isJson) context.print(`${JSON.stringify(report, null, 2)}\n`);
  else {
    context.print(renderTerminal(report, { color: context.isColor, width: context.width }));
    context.log.info(`Reports: ${written.join(', ')}`);
  }
  if (context.signal.aborted) return exitCode.interrupted;
  return decision.mode === 'blocking' && !decision.isPassed ? exitCode.gateSaysNo : exitCode.fine;
}
