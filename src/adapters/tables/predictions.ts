/** What a predict hook wrote -> a table of ours, or one clear error that says what is wrong with it. */
import { lstat } from 'node:fs/promises';
import { basename } from 'node:path';
import { UsageError } from '../../kernel/failure.ts';
import type { Predictions } from '../../kernel/hooks.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import { keyText, quoteName, quoteText } from '../../kernel/sql.ts';
import type { Table } from '../../kernel/world.ts';
import type { Database } from './database.ts';
import { load } from './load.ts';
import { keyOf } from './row-key.ts';

type Read = Pick<Predictions, 'table' | 'rows' | 'column' | 'notFinite' | 'refused'>;

const contract =
  'The predict hook writes a CSV with `id` and `score` (or `prediction`, or `p_<class>` per class), one row per row of its input.';
const invalid = (what: string): UsageError =>
  new UsageError('PREDICTIONS_INVALID', `The predictions are invalid: ${what}`, { hint: contract });

const count = (n: number, noun: string): string => `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`;
const list = (ids: readonly string[] | null): string => (ids ?? []).map((id) => JSON.stringify(id)).join(', ');

/** The ids must be those of the input, each once; the order is free. */
async function compareIds(db: Database, raw: string, idSql: string, input: Table, inputId: string): Promise<void> {
  const given = `(SELECT ${idSql} AS id FROM ${raw})`;
  const wanted = `(SELECT CAST(${quoteName(inputId)} AS VARCHAR) AS id FROM ${input.name})`;
  const few = (sql: string) =>
    db.query<{ n: number; ids: string[] | null }>(`SELECT count(*) AS n, list(id ORDER BY id)[1:3] AS ids FROM (${sql})`);
  const [dropped] = await few(`SELECT DISTINCT id FROM ${wanted} EXCEPT SELECT id FROM ${given}`);
  const [foreign] = await few(`SELECT DISTINCT id FROM ${given} EXCEPT SELECT id FROM ${wanted}`);
  const [twice] = await few(`SELECT id FROM ${given} GROUP BY id HAVING count(*) > 1`);
  const problems = [
    dropped && dropped.n > 0 && `${count(dropped.n, 'id')} of ${count(input.rows, 'input row')} missing (${list(dropped.ids)})`,
    foreign && foreign.n > 0 && `${count(foreign.n, 'id')} not in the input (${list(foreign.ids)})`,
    twice && twice.n > 0 && `${count(twice.n, 'id')} more than once (${list(twice.ids)})`,
  ].filter((problem) => typeof problem === 'string');
  if (problems.length > 0) throw invalid(problems.join('; '));
}

/** SQL of a number; throws when the column holds text that is no number. */
async function numberOf(db: Database, raw: string, column: string, idSql: string): Promise<string> {
  const x = quoteName(column);
  const [bad] = await db.query<{ n: number; value: string | null; id: string | null }>(
    `SELECT count(*) AS n, min(CAST(${x} AS VARCHAR)) AS value, min(${idSql}) AS id
     FROM ${raw} WHERE ${x} IS NOT NULL AND CAST(${x} AS VARCHAR) <> 'NA' AND try_cast(CAST(${x} AS VARCHAR) AS DOUBLE) IS NULL`,
  );
  if (bad && bad.n > 0)
    throw invalid(
      `${count(bad.n, 'value')} of ${column} not a number, such as ${JSON.stringify(bad.value)} (id ${JSON.stringify(bad.id)})`,
    );
  return `try_cast(CAST(${x} AS VARCHAR) AS DOUBLE)`;
}

interface Reading {
  readonly columns: readonly string[];
  readonly column: 'score' | 'prediction';
  /** SQL conditions over the finished table. */
  readonly isNotFinite: string;
  readonly isRefused: string;
}

const oneScore = (sql: string): Reading => ({
  columns: [`${sql} AS score`],
  column: 'score',
  isNotFinite: 'score IS NOT NULL AND NOT isfinite(score)',
  isRefused: 'score IS NULL',
});

async function manyClasses(db: Database, raw: string, names: readonly string[], idSql: string): Promise<Reading> {
  const classes = names.filter((name) => name.startsWith('p_') && name.length > 2);
  const given = names.includes('prediction') ? `CAST(${quoteName('prediction')} AS VARCHAR)` : null;
  if (classes.length === 0 && given === null)
    throw invalid('a multiclass model needs a column `prediction` or one `p_<class>` per class');
  const isText = `prediction IS NOT NULL AND regexp_full_match(prediction, '(?i)nan|[+-]?inf(inity)?')`;
  if (classes.length === 0)
    return { columns: [`${given} AS prediction`], column: 'prediction', isNotFinite: isText, isRefused: 'prediction IS NULL' };
  const numbers = await Promise.all(classes.map((name) => numberOf(db, raw, name, idSql)));
  const p = classes.map(quoteName);
  const best = `CASE WHEN ${numbers.map((sql) => `${sql} IS NULL`).join(' OR ')} THEN NULL ${classes
    .map((name, i) => `WHEN ${numbers[i]} >= greatest(${numbers.join(', ')}) THEN ${quoteText(name.slice(2))}`)
    .join(' ')} END`;
  return {
    columns: [...numbers.map((sql, i) => `${sql} AS ${p[i]}`), `${given ?? best} AS prediction`],
    column: 'prediction',
    isNotFinite: p.map((name) => `(${name} IS NOT NULL AND NOT isfinite(${name}))`).join(' OR '),
    isRefused: p.map((name) => `${name} IS NULL`).join(' OR '),
  };
}

/** Binary models may answer with a score, with the probability of a yes, or with a label. */
async function binaryScore(
  db: Database,
  raw: string,
  names: readonly string[],
  idSql: string,
  positive: string,
): Promise<Reading> {
  const probability = `p_${positive}`;
  const score = ['score', probability].find((name) => names.includes(name));
  if (score !== undefined) return oneScore(await numberOf(db, raw, score, idSql));
  if (!names.includes('prediction'))
    throw invalid(`no column \`score\`, \`prediction\` or \`${probability}\`; found ${list(names)}`);
  const text = 'CAST(prediction AS VARCHAR)';
  const [labels] = await db.query<{ isLabel: boolean | null }>(
    `SELECT (count(DISTINCT prediction) <= 2 AND bool_or(${text} = ${quoteText(positive)})) OR bool_or(try_cast(${text} AS DOUBLE) IS NULL AND prediction IS NOT NULL AND ${text} <> 'NA') AS "isLabel" FROM ${raw}`,
  );
  return labels?.isLabel
    ? oneScore(`CASE WHEN prediction IS NOT NULL THEN CAST(${text} = ${quoteText(positive)} AS DOUBLE) END`)
    : oneScore(await numberOf(db, raw, 'prediction', idSql));
}

/** What the columns say, by the kind of task. */
async function readingOf(
  db: Database,
  raw: string,
  names: readonly string[],
  idSql: string,
  { task, decision }: ResolvedManifest,
): Promise<Reading> {
  if (task === 'multiclass') return manyClasses(db, raw, names, idSql);
  if (task === 'binary') return binaryScore(db, raw, names, idSql, String(decision.positive));
  const value = ['score', 'prediction'].find((column) => names.includes(column));
  if (value !== undefined) return oneScore(await numberOf(db, raw, value, idSql));
  // A probabilistic forecast gives draws; their mean is its point forecast.
  const draws = task === 'forecast' ? names.filter((name) => /^sample_\d+$/.test(name)) : [];
  if (draws.length === 0) throw invalid(`no column \`score\` or \`prediction\`; found ${list(names.slice(0, 10))}`);
  const numbers = await Promise.all(draws.map((name) => numberOf(db, raw, name, idSql)));
  return oneScore(`(${numbers.join(' + ')}) / ${draws.length}`);
}

/** Reads and validates; see `TableStore.readPredictions`. */
export async function readPredictions(
  db: Database,
  path: string,
  input: Table,
  name: string,
  manifest: ResolvedManifest,
): Promise<Read> {
  const stats = await lstat(path).catch(() => null);
  if (!stats) throw invalid('the hook wrote no file');
  if (!stats.isFile()) throw invalid('the hook wrote something that is not a regular file');
  const inputId = manifest.columns.id;
  if (!input.columns.some((column) => column.name === inputId))
    throw new UsageError('TABLE_NO_ID', `The rows to predict have no column ${JSON.stringify(inputId)}`, {
      hint: 'Name the column that identifies a row: `columns: { id: ... }`.',
    });
  const raw = quoteName(`read_${name}`);
  await db.run(`DROP TABLE IF EXISTS ${raw}`);
  const file = { path: basename(path), absolute: path };
  await load(db, raw, [file], {
    key: 'The predictions are invalid',
    asText: ['id', inputId, ...(manifest.columns.key ?? []), 'prediction'],
    code: 'PREDICTIONS_INVALID',
  });
  const names = (await db.query<{ column_name: string }>(`DESCRIBE ${raw}`)).map((row) => row.column_name);
  const idColumn = ['id', inputId].find((column) => names.includes(column));
  const key = idColumn === undefined ? keyOf(manifest.columns, names) : null;
  const idSql = idColumn !== undefined ? `CAST(${quoteName(idColumn)} AS VARCHAR)` : key ? keyText(key) : null;
  if (idSql === null) {
    const wanted = manifest.columns.key ? `, and not all of \`${manifest.columns.key.join('`, `')}\`` : '';
    throw invalid(`no column \`id\`${wanted}; found ${list(names.slice(0, 10))}`);
  }
  const [total] = await db.query<{ n: number }>(`SELECT count(*) AS n FROM ${raw}`);
  if (total?.n === 0 && input.rows > 0) throw invalid(`the file has a header and no row; ${count(input.rows, 'row')} wanted`);
  await compareIds(db, raw, idSql, input, inputId);
  const reading = await readingOf(db, raw, names, idSql, manifest);
  const table = quoteName(name);
  await db.run(`CREATE OR REPLACE TABLE ${table} AS SELECT ${idSql} AS id, ${reading.columns.join(', ')} FROM ${raw}`);
  await db.run(`DROP TABLE ${raw}`);
  const [sums] = await db.query<{ rows: number; notFinite: number; refused: number }>(
    `SELECT count(*) AS "rows", count(*) FILTER (${reading.isNotFinite}) AS "notFinite", count(*) FILTER (${reading.isRefused}) AS refused FROM ${table}`,
  );
  return { table, column: reading.column, rows: sums?.rows ?? 0, notFinite: sums?.notFinite ?? 0, refused: sums?.refused ?? 0 };
}
