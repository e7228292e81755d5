/** What probes ask of the manifest, and what they say when it is not there. */

import { skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { SourceName } from '../../../src/kernel/hooks.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import type { Table, World } from '../../../src/kernel/world.ts';
import { lines } from './asks.ts';

/** The source of every probe of the rubric: Breck et al. 2017. */
export const rubric = 'https://doi.org/10.1109/BigData.2017.8258038';

export const isVerdict = (value: object): value is Verdict => 'outcome' in value;

/** The manifest, or why nothing can be judged. */
export function manifestOr({ manifest }: Pick<World, 'manifest'>): ResolvedManifest | Verdict {
  if (manifest.value) return manifest.value;
  const [problem] = manifest.problems;
  return skipped(problem ? `${manifest.path} is invalid: ${problem.message}` : `there is no ${manifest.path}`, {
    nextStep: problem?.hint ?? 'Write flightcheck.yml; flightcheck doctor says how it begins.',
  });
}

/** Skipped for want of one line in flightcheck.yml. */
export const lacks = (what: string, manifestLine: string): Verdict =>
  skipped(`${what} is not known`, { nextStep: `Add to flightcheck.yml: ${manifestLine}`, manifestLine });

/** An opened table, or skipped with the line to add. */
export async function tableOr(tables: World['tables'], table: SourceName): Promise<Table | Verdict> {
  const found = await tables.open({ table });
  return found ?? lacks(`the ${table} table`, lines[table]);
}

/** The features of a table: those that the manifest lists, or all columns but id, time, label and protected ones. */
export function featuresOf({ columns }: ResolvedManifest, table: Pick<Table, 'columns'>): readonly string[] {
  if (columns.features !== 'auto') return columns.features;
  const others = new Set([columns.id, columns.time, columns.label, ...columns.protected]);
  return table.columns.map((column) => column.name).filter((name) => !others.has(name) && !name.startsWith('__'));
}

/** Skipped when the manifest lists features that the evaluation rows do not have. */
export function absentFeatures(manifest: ResolvedManifest, evaluation: Pick<Table, 'columns'>): Verdict | null {
  const absent = featuresOf(manifest, evaluation).filter((name) => !evaluation.columns.some((column) => column.name === name));
  return absent.length === 0
    ? null
    : skipped(`data.eval has no column ${absent.slice(0, 5).join(', ')}, which columns.features names`, {
        nextStep: 'Name columns that it has.',
        manifestLine: 'columns: { features: [...] }',
      });
}

/** What a table was read from, for evidence. */
export const inputsOf = (...tables: readonly Table[]) =>
  tables.flatMap((table) =>
    table.sources.map((source) => ({ ...source, ...(table.sources.length === 1 && { rows: table.rows }) })),
  );

/** Six significant digits, so that evidence does not depend on the order of a sum. */
export const rounded = (value: number): number => Number(value.toPrecision(6));

/** A share in words. */
export const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;

/** A number fit for an evidence cell. */
export const cell = (value: number | null): number | string | null =>
  value === null ? null : Number.isFinite(value) ? rounded(value) : String(value);
