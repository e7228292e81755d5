/** Numbers with their units, as people read them: 389,755 s of CPU time are 108 h. */
import { formatNumber } from '../../reports/words.ts';
import type { Answer } from '../api/slices.ts';
import type { SliceGroup } from '../store/slice/slice.ts';

/** What numbers are divided by, and the unit that they have then. */
interface Reading {
  readonly per: number;
  readonly unit: string;
}

/** From which size on which unit is read, the largest last. */
const ladders: Readonly<Record<string, readonly (Reading & { readonly from: number })[]>> = {
  By: ['B', 'kB', 'MB', 'GB', 'TB', 'PB'].map((unit, power) => ({ from: 1000 ** power, per: 1000 ** power, unit })),
  s: [
    { from: 0, per: 0.001, unit: 'ms' },
    { from: 1, per: 1, unit: 's' },
    { from: 120, per: 60, unit: 'min' },
    { from: 7200, per: 3600, unit: 'h' },
  ],
};

/** `{request}` is what UCUM calls a unit that only has a name: what the metric is called says it. */
const hasNoUnit = (unit: string): boolean => unit === '' || unit === '1' || /^\{.*\}$/.test(unit);

/** One unit for all numbers that are compared: the one that fits the largest. */
function readingOf(unit: string, values: readonly number[]): Reading {
  if (hasNoUnit(unit)) return { per: 1, unit: '' };
  const ladder = Object.hasOwn(ladders, unit) ? (ladders[unit] ?? []) : [];
  const most = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const usual = { per: 1, unit };
  return most === 0 ? usual : (ladder.findLast(({ from }) => most >= from) ?? ladder[0] ?? usual);
}

export const withUnit = (value: number, unit: string): string =>
  unit === '' ? formatNumber(value) : `${formatNumber(value)} ${unit}`;

/** A number that stands alone. */
export function sayQuantity(value: number, unit: string): string {
  const reading = readingOf(unit, [value]);
  return withUnit(Number((value / reading.per).toPrecision(3)), reading.unit);
}

/** A number that somebody chose: in a larger unit where that says the same, else as it was written. */
export function sayChosen(value: number, unit: string): string {
  const reading = readingOf(unit, [value]);
  const read = value / reading.per;
  return Number(read.toPrecision(3)) === read ? withUnit(read, reading.unit) : withUnit(value, sayUnit(unit));
}

/** Of numbers that are written as they are stored; empty: none. */
export const sayUnit = (unit: string): string => readingOf(unit, [1]).unit;

const divided = (group: SliceGroup, per: number): SliceGroup => ({
  ...group,
  value: group.value / per,
  points: group.points.map((point) => ({ ...point, value: point.value / per })),
});

/** The answer in the unit in which its numbers are read; how many values there are has none. */
export function readable(answer: Answer): Answer {
  const { wanted, found, compared } = answer;
  if (wanted.aggregate === 'count') return { ...answer, wanted: { ...wanted, unit: '' } };
  const all = [...found.groups, ...(compared?.groups.values() ?? [])].map(({ value }) => value);
  const { per, unit } = readingOf(wanted.unit, all);
  return {
    ...answer,
    wanted: { ...wanted, unit },
    found: { ...found, groups: found.groups.map((group) => divided(group, per)) },
    compared: compared && {
      ...compared,
      groups: new Map([...compared.groups].map(([key, group]) => [key, divided(group, per)])),
    },
  };
}
