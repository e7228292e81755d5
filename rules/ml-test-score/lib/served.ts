/** Served predictions joined to the labels that came later, and the evaluation rows that they are measured by. */
import { skipped, type Verdict } from '../../../src/kernel/check.ts';
import { quoteName, secondsOf } from '../../../src/kernel/sql.ts';
import type { Table } from '../../../src/kernel/world.ts';
import type { Query } from '../../../src/stats/query.ts';
import { withHandles } from './classes.ts';
import type { Scored } from './scored.ts';
import { alone, idSql, type ServedVersion } from './serving.ts';
import { labelSql, type Setting, scoreSql } from './setting.ts';
import { groupSql } from './slices.ts';
import { within } from './within.ts';

/** Rows that quality is measured on, on either side. */
const sampleRows = 100_000;

/** Rows in the order of time: label, score, when (seconds; null without a time column), and the group in each slice column. */
export interface Rows {
  readonly y: Float64Array;
  readonly score: Float64Array;
  readonly at: readonly (number | null)[];
  readonly groups: ReadonlyMap<string, readonly string[]>;
}

/** Served rows with a label, and what is known about the others. */
export interface Labelled {
  /** SQL in parentheses: the served rows that were joined, with `y`, `score` and `__delay`. */
  readonly relation: string;
  readonly parameters: readonly string[];
  /** Joined rows with a label and a finite score. */
  readonly rows: number;
  readonly notFinite: number;
  /** Median seconds from a request to its label; null when the outcomes have no time. */
  readonly delay: number | null;
}

const missingScore = (setting: Setting): Verdict =>
  skipped(
    `data.serving does not say what the model answered: it has no column ${setting.task === 'multiclass' ? 'prediction or p_<class>' : 'score'}`,
    {
      nextStep: 'Log the answer beside the request, under the name that the predict hook uses.',
      manifestLine: `data: { serving: ${setting.manifest.data.serving} } # with a column score`,
    },
  );

/** Joins the log of a version to the outcomes by id; ids that are not unique on either side are left out. */
export async function labelledOf(
  tables: Query,
  setting: Setting,
  serving: Table,
  outcomes: Table,
  version: ServedVersion,
): Promise<Labelled | Verdict> {
  const { manifest, label, task } = setting;
  const [a, b] = [idSql(manifest, serving), idSql(manifest, outcomes)];
  if (a === null || b === null)
    return skipped(
      `data.${a === null ? 'serving' : 'outcomes'} has no column ${JSON.stringify(manifest.columns.id)}, so labels cannot be joined`,
      {
        nextStep: 'Keep the id of each request with its label.',
        manifestLine: 'columns: { id: ... }',
      },
    );
  if (!outcomes.columns.some((column) => column.name === label))
    return skipped(`data.outcomes has no column ${JSON.stringify(label)}, which columns.label names`, {
      nextStep: `Give the outcomes the label's name; they have ${outcomes.columns
        .map(({ name }) => name)
        .slice(0, 10)
        .join(', ')}.`,
      manifestLine: 'columns: { label: ... }',
    });
  const names = serving.columns.map((column) => column.name);
  const answer =
    task === 'multiclass'
      ? names.find((name) => name === 'prediction' || name.startsWith('p_'))
      : (names.find((name) => name === 'score') ?? names.find((name) => name === 'prediction'));
  if (answer === undefined) return missingScore(setting);
  const score = task === 'multiclass' ? scoreSql(setting, names, 'o', 's') : `TRY_CAST(s.${quoteName(answer)} AS DOUBLE)`;
  const { time } = manifest.columns;
  const isTimed =
    time !== undefined && [serving, outcomes].every((table) => table.columns.some((column) => column.name === time));
  const delay = isTimed ? `${secondsOf(`o.${quoteName(time)}`)} - ${secondsOf(`s.${quoteName(time)}`)}` : 'NULL::DOUBLE';
  const log = setting.classes
    ? await withHandles(tables, setting.classes, {
        relation: alone(serving.name, a, version.condition),
        columns: names,
        order: '__row',
        parameters: version.parameters,
      })
    : alone(serving.name, a, version.condition);
  if (typeof log !== 'string') return log;
  const relation = `(SELECT s.*, ${labelSql(setting, 'o')} AS __y, ${score} AS __score, ${delay} AS __delay
    FROM ${log} s JOIN ${alone(outcomes.name, b)} o ON s.__id = o.__id
    WHERE o.${quoteName(label)} IS NOT NULL)`;
  const [found] = await tables.query<{ rows: number; notFinite: number; delay: number | null }>(
    `SELECT count(*) FILTER (isfinite(__score) AND __y IS NOT NULL) AS "rows", count(*) FILTER (NOT isfinite(__score)) AS "notFinite",
      median(__delay) AS delay FROM ${relation}`,
    version.parameters,
  );
  return {
    relation,
    parameters: version.parameters,
    rows: found?.rows ?? 0,
    notFinite: found?.notFinite ?? 0,
    delay: found?.delay ?? null,
  };
}

async function fetchRows(
  tables: Query,
  from: { relation: string; rows: number; parameters: readonly string[]; names: readonly string[] },
  setting: Setting,
  slices: readonly string[],
): Promise<Rows> {
  const { manifest, evaluation } = setting;
  const { time } = manifest.columns;
  const at = time !== undefined && from.names.includes(time) ? secondsOf(`e.${quoteName(time)}`) : 'NULL::DOUBLE';
  const groups = await Promise.all(slices.map((name) => groupSql(tables, evaluation, name)));
  const types = new Map(evaluation.columns.map((column) => [column.name, column.type]));
  // A log may hold another type than the evaluation rows: 1.0 there and 1 here are one group.
  const replaced = slices.map((name) => `TRY_CAST(${quoteName(name)} AS ${types.get(name) ?? 'VARCHAR'}) AS ${quoteName(name)}`);
  const relation = `(SELECT * ${replaced.length > 0 ? `REPLACE (${replaced.join(', ')})` : ''} FROM ${from.relation})`;
  const found = await tables.query<Record<string, number | string | null>>(
    `SELECT __y AS y, __score AS score, ${at} AS seconds${groups.map((sql, i) => `, ${sql} AS g${i}`).join('')} FROM ${relation} e
     WHERE __y IS NOT NULL AND isfinite(__score) AND ${within(sampleRows, from.rows)} ORDER BY seconds NULLS FIRST, __row`,
    from.parameters,
  );
  return {
    y: Float64Array.from(found, (row) => Number(row.y)),
    score: Float64Array.from(found, (row) => Number(row.score)),
    at: found.map((row) => (typeof row.seconds === 'number' ? row.seconds : null)),
    groups: new Map(slices.map((name, i) => [name, found.map((row) => String(row[`g${i}`]))])),
  };
}

const namesOf = (table: Table): readonly string[] => table.columns.map((column) => column.name);

/** Both sides, and the slice columns that the log does not have. */
export async function bothSides(
  tables: Query,
  setting: Setting,
  { serving, labelled, scored }: { serving: Table; labelled: Labelled; scored: Scored },
): Promise<{ readonly reference: Rows; readonly served: Rows; readonly unlogged: readonly string[] }> {
  const { evaluation, manifest } = setting;
  const known = manifest.columns.slices.filter((name) => namesOf(evaluation).includes(name));
  const slices = known.filter((name) => namesOf(serving).includes(name));
  const relation = `(SELECT e.*, r.y AS __y, r.score AS __score FROM ${scored.relation} r JOIN ${evaluation.name} e USING (__row))`;
  return {
    reference: await fetchRows(
      tables,
      { relation, rows: scored.rows, parameters: [], names: namesOf(evaluation) },
      setting,
      slices,
    ),
    served: await fetchRows(tables, { ...labelled, names: namesOf(serving) }, setting, slices),
    unlogged: known.filter((name) => !slices.includes(name)),
  };
}
