/** Logged feature values against the same rows computed again: what is compared, and what the comparison says. */
import { type Finding, judge, skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { FeatureTable } from '../../../src/kernel/hooks.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import type { Table } from '../../../src/kernel/world.ts';
import { type ColumnDifference, type Differences, relativeTolerance } from '../../../src/stats/differences.ts';
import { wilsonInterval } from '../../../src/stats/wilson.ts';
import { cell, inputsOf, percent, rounded } from './manifest.ts';
import { type ServedVersion, versionWords } from './serving.ts';

/** Share of rows with a value that may differ. */
export const allowedShare = 0.001;
const minimumRows = 200;
/** Requests that are computed again. */
export const sampleRows = 100_000;

const show = (value: string | null): string => (value === null ? 'nothing' : JSON.stringify(value));

function findingOf({ column, differing, examples }: ColumnDifference, rows: number, path: string): Finding {
  const shown = examples
    .map(({ id, first, second }) => `${id}: logged ${show(first)}, computed again ${show(second)}`)
    .join('; ');
  return {
    message: `${column} differs in ${differing.toLocaleString('en')} of ${rows.toLocaleString('en')} rows (${percent(differing / rows)}): ${shown}`,
    place: { path },
  };
}

/** The logged and the computed columns that mean the same, and those that the log lacks. */
export function pairsOf({ columns }: ResolvedManifest, serving: Table, requests: Table, computed: FeatureTable) {
  const others = new Set([columns.id, 'id', columns.time, columns.label, ...(columns.key ?? [])]);
  const features = computed.columns.filter(({ name }) => !others.has(name));
  const hashes = new Set(serving.sources.map((source) => source.sha256));
  // What a row of one file says twice is one value: comparing it with itself shows nothing.
  const isOneFile = requests.sources.some((source) => hashes.has(source.sha256));
  const copied = isOneFile ? requests.columns.map((column) => column.name) : [];
  const judged = features.filter(({ name }) => !copied.includes(name));
  const pairs = judged.flatMap((second) => {
    const first = serving.columns.find(({ name }) => name === second.name);
    return first ? [{ first, second }] : [];
  });
  const logged = new Set(pairs.map((pair) => pair.second.name));
  return { pairs, isOneFile, unlogged: judged.filter(({ name }) => !logged.has(name)).map(({ name }) => name), features };
}

export interface Compared {
  readonly compared: Differences;
  readonly version: ServedVersion;
  readonly serving: Table;
  readonly requests: Table;
  /** Computed features that the log lacks. */
  readonly unlogged: readonly string[];
}

function leftOut({ compared, version, requests }: Compared): string {
  if (requests.rows > sampleRows) return ` ${sampleRows.toLocaleString('en')} requests were drawn to be computed again.`;
  const rows = version.rows - compared.rows;
  return rows > 0
    ? ` ${rows.toLocaleString('en')} logged rows were left out: no request of that id, or the id more than once.`
    : '';
}

function evidenceOf(found: Compared) {
  const { compared, version, serving, requests, unlogged } = found;
  const { rows, differing, columns } = compared;
  const share = rows === 0 ? 0 : differing / rows;
  const interval = wilsonInterval(differing, rows);
  const skewed = columns.filter((column) => column.differing > 0).length;
  const said =
    differing === 0
      ? 'every value agrees'
      : `${differing.toLocaleString('en')} rows differ (${percent(share)}), in ${skewed} of ${columns.length} features`;
  return {
    explanation: `${rows.toLocaleString('en')} logged rows${versionWords(version)} were computed again from data.requests: ${said} (relative tolerance ${relativeTolerance}).${leftOut(found)}`,
    value: rounded(share),
    threshold: allowedShare,
    unit: '1',
    n: rows,
    interval: { lower: rounded(interval.lower), upper: rounded(interval.upper), level: 0.95 },
    items: columns.slice(0, 300).map((column) => ({
      feature: column.column,
      differing: column.differing,
      share: cell(column.differing / Math.max(1, rows)),
      at_most: cell(wilsonInterval(column.differing, rows).upper),
      example_id: column.examples[0]?.id ?? null,
      logged: column.examples[0]?.first ?? null,
      computed: column.examples[0]?.second ?? null,
    })),
    inputs: inputsOf(serving, requests),
    seed: 1,
    nextStep:
      unlogged.length > 0
        ? `Log these features too: ${unlogged.slice(0, 10).join(', ')}.`
        : 'Run it on a schedule, on fresh requests.',
  };
}

/** The verdict on a comparison. */
export function skewVerdict(found: Compared): Verdict {
  const { compared, version, serving, requests, unlogged } = found;
  const { rows, columns } = compared;
  const evidence = evidenceOf(found);
  const path = serving.sources[0]?.path ?? 'flightcheck.yml';
  if (rows < minimumRows)
    return skipped(`inconclusive: ${rows} logged rows could be computed again; at least ${minimumRows} are needed`, {
      nextStep: `Keep the raw row of each request under data.requests, with the id under which it is logged: ${version.rows.toLocaleString('en')} rows are logged, ${requests.rows.toLocaleString('en')} are kept raw.`,
      evidence,
    });
  if (evidence.value > allowedShare) {
    const skewed = columns.filter((column) => column.differing > 0).sort((x, y) => y.differing - x.differing);
    return judge(
      skewed.slice(0, 30).map((column) => findingOf(column, rows, path)),
      evidence,
    );
  }
  if (unlogged.length > 0)
    return skipped(
      `inconclusive: ${unlogged.length} of ${columns.length + unlogged.length} features are not logged in data.serving (${unlogged.slice(0, 5).join(', ')})`,
      { nextStep: evidence.nextStep, evidence },
    );
  return judge([], evidence);
}
