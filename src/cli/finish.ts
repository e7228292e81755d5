/** The end of every runner: gate, files, what is printed, exit code. */
import { writeReports } from '../adapters/report-files.ts';
import { exitCode } from '../kernel/failure.ts';
import { applyWaivers, decide } from '../kernel/gate.ts';
import manifestSchema from '../kernel/manifest.schema.json' with { type: 'json' };
import type { Gate, Waiver } from '../kernel/manifest.ts';
import type { Report } from '../kernel/report.ts';
import { renderFiles } from '../reports/files.ts';
import { renderTerminal } from '../reports/terminal.ts';
import type { Context, Invocation } from './command.ts';
import { manifestOverrides, optionValue } from './options.ts';

/** What telling Control Tower came to. */
export interface Posted {
  readonly notices: readonly string[];
  /** Address of the model's page there. */
  readonly towerUrl?: string;
}

export interface Ending {
  readonly root: string;
  readonly report: Report;
  /** From the manifest; without a valid one the schema's defaults apply, under the options of this call. */
  readonly gate: Gate | undefined;
  readonly waivers: readonly Waiver[];
  /** Tells Control Tower, when the files are written and before anything is printed; never throws. */
  post?(report: Report): Promise<Posted>;
}

const defaultGate = Object.fromEntries(
  Object.entries(manifestSchema.properties.gate.properties).map(([name, property]) => [name, property.default]),
) as unknown as Gate;

/** A broken manifest must not open a gate that the component's input shuts. */
function gateWithout(invocation: Invocation): Gate {
  const given = manifestOverrides(invocation)
    .filter(({ key }) => key.startsWith('gate.'))
    .map(({ key, value }) => [key.slice('gate.'.length), value] as const)
    .map(([name, value]) => [name, name.startsWith('min-') ? Number(value) : value] as const);
  return { ...defaultGate, ...Object.fromEntries(given) };
}

/** Decides, writes every format, prints the card (or the JSON) and returns the exit code. */
export async function finish(context: Context, invocation: Invocation, ending: Ending): Promise<number> {
  const waived = applyWaivers(ending.report, ending.waivers);
  const decision = decide(waived, ending.gate ?? gateWithout(invocation));
  const decided: Report = { ...waived, gate: decision };
  const target = { root: ending.root, folder: optionValue<string>(invocation, 'output') };
  const written = await writeReports(renderFiles(decided, target), target);
  const posted = await ending.post?.(decided);
  const report = posted ? { ...decided, notices: [...(decided.notices ?? []), ...posted.notices].slice(-1000) } : decided;
  // Once more, with the link to Control Tower and what it said.
  if (posted)
    await writeReports(renderFiles(report, { ...target, ...(posted.towerUrl && { towerUrl: posted.towerUrl }) }), target);
  if (context.isJson) context.print(`${JSON.stringify(report, null, 2)}\n`);
  else {
    context.print(renderTerminal(report, { color: context.isColor, width: context.width }));
    context.log.info(`Reports: ${written.join(', ')}`);
  }
  if (context.signal.aborted) return exitCode.interrupted;
  return decision.mode === 'blocking' && !decision.isPassed ? exitCode.gateSaysNo : exitCode.fine;
}
