/** The end of every runner: gate, files, what is printed, exit code. */
import { basename, join, relative } from 'node:path';
import { writeReports } from '../adapters/report-files.ts';
import { exitCode, FlightcheckError } from '../kernel/failure.ts';
import { applyWaivers, decide } from '../kernel/gate.ts';
import manifestSchema from '../kernel/manifest.schema.json' with { type: 'json' };
import type { Gate, Waiver } from '../kernel/manifest.ts';
import { overriddenVariables } from '../kernel/options/index.ts';
import type { Report } from '../kernel/report.ts';
import { renderFiles } from '../reports/files.ts';
import { renderTerminal } from '../reports/terminal.ts';
import { oneLine } from '../reports/text.ts';
import { alarms } from '../reports/words.ts';
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
  /** More files of this run by name; one of a format's name takes its place. */
  readonly files?: ReadonlyMap<string, string>;
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

type Target = Parameters<typeof renderFiles>[1] & Parameters<typeof writeReports>[1];

/** A folder that cannot be written to costs the files, not what a long run has found. */
async function write(
  report: Report,
  target: Target,
  more: ReadonlyMap<string, string> = new Map(),
): Promise<{ readonly paths: readonly string[]; readonly failure?: FlightcheckError }> {
  try {
    return { paths: await writeReports(new Map([...renderFiles(report, target), ...more]), target) };
  } catch (error) {
    if (!(error instanceof FlightcheckError)) throw error;
    return { paths: [], failure: error };
  }
}

const noticeOf = ({ message, hint }: FlightcheckError): string => `No report file was written: ${message}. ${hint}`;

/** Decides, writes every format, prints the card (or the JSON) and returns the exit code. */
export async function finish(context: Context, invocation: Invocation, ending: Ending): Promise<number> {
  const waived = applyWaivers(ending.report, ending.waivers);
  const overrides = overriddenVariables(context.env);
  const decision = decide(waived, ending.gate ?? gateWithout(invocation));
  const decided: Report = { ...waived, gate: { ...decision, ...(overrides.length > 0 && { overrides }) } };
  const target = { root: ending.root, folder: optionValue<string>(invocation, 'output') };
  const written = await write(decided, target, ending.files);
  const posted = await ending.post?.(decided);
  const notices = [...(posted?.notices ?? []), ...(written.failure ? [noticeOf(written.failure)] : [])];
  const report = notices.length > 0 ? { ...decided, notices: [...(decided.notices ?? []), ...notices].slice(-1000) } : decided;
  // Once more, with the link to Control Tower and what it said.
  if (posted && !written.failure)
    await write(report, { ...target, ...(posted.towerUrl && { towerUrl: posted.towerUrl }) }, ending.files);
  if (context.isJson) {
    for (const alarm of alarms(report)) context.log.warn(oneLine(alarm));
    context.print(`${JSON.stringify(report, null, 2)}\n`);
  } else {
    context.print(renderTerminal(report, { color: context.isColor, width: context.width }));
    const folder = relative(context.cwd, join(target.root, target.folder)) || '.';
    if (!written.failure) context.log.info(`Reports in ${folder}: ${written.paths.map((path) => basename(path)).join(', ')}`);
  }
  if (context.signal.aborted) return exitCode.interrupted;
  if (written.failure) return written.failure.exitCode;
  return decision.mode === 'blocking' && !decision.isPassed ? exitCode.gateSaysNo : exitCode.fine;
}
