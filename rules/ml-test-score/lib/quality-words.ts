/** What a change of quality on served data is told as: sentences, findings, a table. */
import type { Cell, Finding } from '../../../src/kernel/check.ts';
import type { Table } from '../../../src/kernel/world.ts';
import { cell } from './manifest.ts';
import type { Measure, Part, QualityShift } from './quality-shift.ts';
import type { Labelled } from './served.ts';
import { type ServedVersion, versionWords } from './serving.ts';
import type { Setting } from './setting.ts';

export interface Served {
  readonly setting: Setting;
  readonly serving: Table;
  readonly outcomes: Table;
  readonly version: ServedVersion;
  readonly labelled: Labelled;
}

/** A slice without enough labels below this share of the served rows does not hold up the verdict; it is listed. */
const negligibleShare = 0.05;

const day = 86_400;
const date = (seconds: number | null): string | null => {
  const at = seconds === null ? null : new Date(seconds * 1000);
  return at === null || Number.isNaN(at.getTime()) ? null : at.toISOString().slice(0, 16);
};
const short = (value: number): string => String(Number(value.toPrecision(3)));
const nameOf = (measure: string): string =>
  measure === 'bias'
    ? 'prediction bias (mean score less mean label)'
    : measure === 'calibration_error'
      ? 'calibration error'
      : measure;

/** Slices that cannot be told. */
export function openSlices({ parts, sliceRows }: QualityShift, rows: number): readonly string[] {
  const open = new Set(parts.filter((part) => part.slice !== '' && part.verdict === 'inconclusive').map((part) => part.slice));
  return [...open].filter((slice) => (sliceRows.get(slice) ?? 0) >= negligibleShare * rows);
}

/** What was judged, in a few sentences. */
export function qualityWords({ setting, version, labelled }: Served, shift: QualityShift, evaluationRows: number): string {
  const overall = shift.parts.filter((part) => part.slice === '');
  const values = overall.map(
    (part) => `${nameOf(part.measure)} ${short(part.served.mean)} (evaluation ${short(part.reference.mean)})`,
  );
  const share = labelled.rows / Math.max(1, version.rows);
  const delay = labelled.delay === null ? '' : ` Labels come after ${short(labelled.delay / day)} days (median).`;
  const notFinite = labelled.notFinite > 0 ? ` ${labelled.notFinite} logged scores are NaN or infinite and were left out.` : '';
  return `${labelled.rows.toLocaleString('en')} served rows${versionWords(version)} have a label (${short(100 * share)} %), against ${evaluationRows.toLocaleString('en')} evaluation rows, in chunks of ${shift.chunkSize} in the order of ${setting.manifest.columns.time === undefined ? 'the rows' : 'time'}: ${values.join(', ')}.${delay}${notFinite}`;
}

function partFinding({ slice, measure, reference, served, p }: Part): string {
  return `${slice || 'overall'}: ${nameOf(measure)} is ${short(served.mean)} on served rows, ${short(reference.mean)} on the evaluation rows (p ${short(p ?? 1)} over all slices)`;
}

/** Every part and chunk that is worse than chance explains. */
export function findingsOf({ serving }: Served, shift: QualityShift): readonly Finding[] {
  const path = serving.sources[0]?.path ?? 'flightcheck.yml';
  const parts = shift.parts.filter((part) => part.verdict === 'fail').map(partFinding);
  const chunks = shift.chunks.flatMap((chunk, i) =>
    chunk.values
      .filter((value) => value.isOutside)
      .map(({ measure, value, lower, upper }) => {
        const when =
          chunk.from === null ? `chunk ${i + 1} of ${shift.chunks.length}` : `${date(chunk.from)} to ${date(chunk.to)}`;
        return `${when}: ${nameOf(measure)} is ${short(value)} in ${chunk.rows} rows, outside ${short(lower)} to ${short(upper)} (evaluation chunks, ${short(shift.width)} standard deviations)`;
      }),
  );
  return [...parts, ...chunks].slice(0, 30).map((message) => ({ message, place: { path } }));
}

/** One row per chunk, then one per slice. */
export function itemsOf(shift: QualityShift, measures: readonly Measure[]): readonly Readonly<Record<string, Cell>>[] {
  const names = measures.map((measure) => measure.name);
  const chunks = shift.chunks.map((chunk, i) => ({
    part: `chunk ${i + 1}`,
    from: date(chunk.from),
    to: date(chunk.to),
    rows: chunk.rows,
    ...Object.fromEntries(names.map((name) => [name, cell(chunk.values.find((value) => value.measure === name)?.value ?? null)])),
    p_holm: null,
    verdict: chunk.values.some((value) => value.isOutside) ? 'fail' : 'pass',
  }));
  const slices = ['', ...shift.sliceRows.keys()].map((slice) => {
    const parts = shift.parts.filter((part) => part.slice === slice);
    const worst = parts.reduce<number | null>((least, { p }) => (p === null ? least : Math.min(least ?? 1, p)), null);
    const verdicts = parts.map((part) => part.verdict);
    const value = (name: string) => parts.find((part) => part.measure === name)?.served.mean ?? null;
    return {
      part: slice || 'all chunks',
      from: null,
      to: null,
      rows: slice === '' ? shift.chunks.reduce((sum, chunk) => sum + chunk.rows, 0) : (shift.sliceRows.get(slice) ?? 0),
      ...Object.fromEntries(names.map((name) => [name, cell(value(name))])),
      p_holm: cell(worst),
      verdict: verdicts.includes('fail') ? 'fail' : verdicts.includes('inconclusive') ? 'inconclusive' : 'pass',
    };
  });
  const reference = {
    part: 'evaluation',
    from: null,
    to: null,
    rows: shift.referenceChunks * shift.chunkSize,
    ...Object.fromEntries(
      names.map((name) => [
        name,
        cell(shift.parts.find((part) => part.slice === '' && part.measure === name)?.reference.mean ?? null),
      ]),
    ),
    p_holm: null,
    verdict: null,
  };
  return [reference, ...slices, ...chunks].slice(0, 300);
}
