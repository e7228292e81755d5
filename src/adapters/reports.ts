/** Reads the reports that other jobs left behind: data to validate, never to trust. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { toFailure } from '../kernel/failure.ts';
import schema from '../kernel/report.schema.json' with { type: 'json' };
import type { Report } from '../kernel/report.ts';
import { readText } from './read-text.ts';

const ending = '.report.json';
const mostFiles = 200;
const mostBytes = 20 * 1024 * 1024;
const mostBytesInAll = 100 * 1024 * 1024;

const dateTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;
let validator: ReturnType<typeof compile> | undefined;
/** Most runs read no report: the schema is compiled when there is one, and tests know that it is a schema (see `ownSchema`). */
const compile = () =>
  new Ajv2020({
    allowUnionTypes: true,
    validateSchema: false,
    code: { optimize: false },
    formats: { 'date-time': (text: string) => dateTime.test(text) && !Number.isNaN(Date.parse(text)) },
  }).compile<Report>(schema);

export interface ReadReports {
  readonly reports: readonly Report[];
  /** One sentence for each file that is no valid report, with the JSON pointer of what is wrong. */
  readonly problems: readonly string[];
  /** Files that were looked at. */
  readonly paths: readonly string[];
}

function explain(path: string, errors: readonly ErrorObject[] | null | undefined): string {
  const [first] = errors ?? [];
  const extra = first?.keyword === 'additionalProperties' ? ` (${JSON.stringify(first.params.additionalProperty)})` : '';
  return `${path} is not a valid report: ${first?.instancePath || '/'} ${first?.message ?? 'does not match the schema'}${extra}`;
}

async function readOne(root: string, path: string): Promise<{ report: Report; bytes: number } | string> {
  let text: string | null;
  try {
    text = await readText(root, path, mostBytes);
  } catch (error) {
    return `${path} cannot be read: ${toFailure(error).message}`;
  }
  if (text === null) return `${path} cannot be read: there is no such file`;
  try {
    const value: unknown = JSON.parse(text);
    validator ??= compile();
    const isReport = validator;
    return isReport(value) ? { report: value, bytes: Buffer.byteLength(text) } : explain(path, isReport.errors);
  } catch {
    // The parser's own words quote the file, which may be anything at all.
    return `${path} is not JSON`;
  }
}

/** Reads one report; a sentence that says what is wrong when it is none. */
export async function readReport(root: string, path: string): Promise<Report | string> {
  const found = await readOne(root, path);
  return typeof found === 'string' ? found : found.report;
}

/** Reads `<folder>/*.report.json` in the order of their names, all but those in `except`. Never throws on what a file holds. */
export async function readReports(
  root: string,
  folder: string,
  { except = [] }: { readonly except?: readonly string[] } = {},
): Promise<ReadReports> {
  const names = await readdir(join(root, folder)).catch(() => []);
  const found = names.filter((name) => name.endsWith(ending) && !except.includes(name)).sort();
  const problems: string[] = [];
  const reports: Report[] = [];
  let bytes = 0;
  if (found.length > mostFiles) problems.push(`${folder} holds ${found.length} reports, at most ${mostFiles} are read`);
  for (const name of found.slice(0, mostFiles)) {
    const path = `${folder}/${name}`;
    const result =
      bytes < mostBytesInAll ? await readOne(root, path) : `${path} was left out: the reports are too large together`;
    if (typeof result === 'string') problems.push(result);
    else {
      reports.push(result.report);
      bytes += result.bytes;
    }
  }
  return { reports, problems, paths: found.map((name) => `${folder}/${name}`) };
}
