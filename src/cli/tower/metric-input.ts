/** Metrics as people write them: `NAME=VALUE` on the command line, CSV, JSON. */

import { isMap } from '../../facts/is-map.ts';
import { UsageError } from '../../kernel/failure.ts';

export interface GivenMetric {
  readonly name: string;
  readonly value: number;
  readonly unit?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly at?: string;
}

const wrong = (where: string, found: string, expected: string, line?: number) =>
  new UsageError('TOWER_POST', `${where}${line === undefined ? '' : `:${line}`}: found ${found}, expected ${expected}`, {
    hint: 'flightcheck tower post --help shows the forms. Nothing was posted.',
    ...(line !== undefined && { place: { path: where, line } }),
  });

const shown = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);

function numberOf(text: string, where: string, line?: number): number {
  const value = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw wrong(where, shown(text), 'a finite number', line);
  return value;
}

const labelPattern = /^\s*([^\s=,{}"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^",}]*))\s*(?:,|$)/;

/** `feature=age, slice="a, b"` */
function labelsOf(text: string, where: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest.trim() !== '') {
    const found = labelPattern.exec(rest);
    if (!found?.[1]) throw wrong(where, shown(rest), 'labels as NAME=VALUE, separated by commas');
    labels[found[1]] = found[2]?.replaceAll(/\\(.)/g, '$1') ?? (found[3] ?? '').trim();
    rest = rest.slice(found[0].length);
  }
  return labels;
}

/** `NAME=VALUE` or `NAME{LABEL=VALUE,...}=VALUE`. */
export function metricOfArgument(argument: string): GivenMetric {
  const where = shown(argument);
  const last = argument.lastIndexOf('=');
  const brace = argument.indexOf('{');
  const left = argument.slice(0, Math.max(0, last));
  if (last < 1 || (brace >= 0 && !left.endsWith('}'))) throw wrong(where, 'no value', 'NAME=VALUE or NAME{LABEL=VALUE}=VALUE');
  const name = (brace < 0 ? left : left.slice(0, brace)).trim();
  if (name === '') throw wrong(where, 'no name', 'NAME=VALUE');
  const labels = brace < 0 ? {} : labelsOf(left.slice(brace + 1, -1), where);
  return { name, value: numberOf(argument.slice(last + 1), where), ...(Object.keys(labels).length > 0 && { labels }) };
}

/** Records of RFC 4180 with the line on which each begins. */
function* records(text: string, where: string): Generator<{ readonly line: number; readonly fields: readonly string[] }> {
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;
  let [line, start, fields] = [1, 1, [] as string[]];
  while (cell.lastIndex < text.length) {
    const found = cell.exec(text);
    if (!found) throw wrong(where, 'a stray quotation mark', 'quotes around a whole field, doubled inside it', line);
    const [whole, quoted, plain = '', end] = found;
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    line += whole.match(/\r\n|\n|\r/g)?.length ?? 0;
    const isLast = cell.lastIndex >= text.length;
    if (end === ',' && isLast) fields.push('');
    if (end === ',' && !isLast) continue;
    if (fields.length > 1 || fields[0] !== '') yield { line: start, fields };
    [start, fields] = [line, []];
  }
}

const known: ReadonlySet<string> = new Set(['name', 'value', 'unit', 'at']);

/** Columns name and value, perhaps unit and at; every other column is a label. */
export function metricsOfCsv(text: string, where: string): readonly GivenMetric[] {
  const [head, ...rows] = [...records(text.replace(/^\ufeff/, ''), where)];
  const columns = head?.fields.map((field) => field.trim()) ?? [];
  for (const needed of ['name', 'value'])
    if (!columns.includes(needed)) throw wrong(where, `the columns ${columns.join(', ') || '(none)'}`, `a column ${needed}`, 1);
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined) throw wrong(where, `the column ${shown(twice)} twice`, 'every column once', 1);
  return rows.map(({ line, fields }) => {
    if (fields.length !== columns.length) throw wrong(where, `${fields.length} fields`, `${columns.length}`, line);
    const of = (name: string): string => fields[columns.indexOf(name)]?.trim() ?? '';
    const labels = Object.fromEntries(
      columns.flatMap((column, i) => (known.has(column) || !fields[i] ? [] : [[column, fields[i] ?? '']])),
    );
    if (of('name') === '') throw wrong(where, 'no name', 'the name of a metric', line);
    return {
      name: of('name'),
      value: numberOf(of('value'), where, line),
      ...(of('unit') && { unit: of('unit') }),
      ...(of('at') && { at: of('at') }),
      ...(Object.keys(labels).length > 0 && { labels }),
    };
  });
}

/** An array of metrics, or an object with one under `metrics`, as the API takes it. */
export function metricsOfJson(text: string, where: string): readonly GivenMetric[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong(where, `no JSON (${error instanceof Error ? error.message : String(error)})`, 'an array of metrics');
  }
  const list = isMap(value) && 'metrics' in value ? value.metrics : value;
  if (!Array.isArray(list)) throw wrong(where, 'JSON of another form', 'an array of {"name", "value"}');
  return list.map((item, i) => {
    if (!isMap(item) || typeof item.name !== 'string' || typeof item.value !== 'number')
      throw wrong(`${where}, item ${i}`, shown(JSON.stringify(item)), '{"name": TEXT, "value": NUMBER}');
    return item as unknown as GivenMetric;
  });
}

/** JSON begins with a bracket; anything else is CSV. */
export const metricsOfText = (text: string, where: string): readonly GivenMetric[] =>
  /^\s*[[{]/.test(text) ? metricsOfJson(text, where) : metricsOfCsv(text, where);
