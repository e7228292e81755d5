/** Rows -> bodies of requests, and what a server answers -> lines of one CSV file. */
import type { ServeRows } from '../../kernel/hook-machine.ts';

export type BodyKind = 'csv' | 'json';

export const mediaTypes: Readonly<Record<BodyKind, string>> = { csv: 'text/csv; charset=utf-8', json: 'application/json' };

/** RFC 4180; an empty field is null, an empty text is two quotes. */
const field = (value: string | null): string =>
  value === null ? '' : value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
const line = (values: readonly (string | null)[]): string => `${values.map(field).join(',')}\n`;

function jsonValue(value: string | null, kind: ServeRows['columns'][number]['kind']): unknown {
  if (value === null) return null;
  if (kind === 'boolean') return value === 'true';
  if (kind !== 'number') return value;
  // JSON has no NaN: a number that is none is missing.
  return Number.isFinite(Number(value)) ? Number(value) : null;
}

/** The body of a request for one row: CSV with a header, or a JSON array of one object. */
export function bodyOf(kind: BodyKind, { columns }: Pick<ServeRows, 'columns'>, row: readonly (string | null)[]): string {
  if (kind === 'csv') return line(columns.map((column) => column.name)) + line(row);
  return JSON.stringify([Object.fromEntries(columns.map(({ name, kind: type }, i) => [name, jsonValue(row[i] ?? null, type)]))]);
}

/** Lines for the file of answers, without header; or what is wrong with the answer, as a clause behind "POST /predict". */
export interface ParsedAnswer {
  readonly header: string;
  readonly lines: string;
}

const text = (value: unknown): string | null =>
  value === null || value === undefined ? null : typeof value === 'object' ? JSON.stringify(value) : String(value);

function fromJson(body: string): ParsedAnswer | string {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return /\b(NaN|Infinity)\b/.test(body)
      ? 'answered with NaN or Infinity, which JSON does not have'
      : 'answered with something that is said to be JSON and is not';
  }
  const rows = Array.isArray(value) ? value : ((value as { predictions?: unknown } | null)?.predictions ?? value);
  const list = Array.isArray(rows) ? rows : [rows];
  if (list.some((row) => typeof row !== 'object' || row === null || Array.isArray(row)))
    return 'answered with JSON that is no list of objects like {"id": "7", "score": 0.5}';
  const names = Object.keys(list[0] ?? {});
  if (names.length === 0) return 'answered with an empty list';
  return { header: line(names), lines: list.map((row) => line(names.map((name) => text(row[name])))).join('') };
}

/** Reads one answer by its content type. */
export function parseAnswer(contentType: string, body: string): ParsedAnswer | string {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json' || type.endsWith('+json')) return fromJson(body);
  if (type !== 'text/csv') return `answered with the content type ${type || '(none)'}, not text/csv or application/json`;
  const clean = body.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const end = clean.indexOf('\n');
  if (end < 0) return clean === '' ? 'answered with nothing' : 'answered with a header and no row';
  const rest = clean.slice(end + 1);
  return { header: clean.slice(0, end + 1), lines: rest === '' || rest.endsWith('\n') ? rest : `${rest}\n` };
}
