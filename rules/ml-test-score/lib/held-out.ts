/** Whether rows are others than those that the model was trained on: what it says of rows that it has learnt tells nothing. */
import { skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import { quoteName } from '../../../src/kernel/sql.ts';
import type { Table, World } from '../../../src/kernel/world.ts';
import type { Query } from '../../../src/stats/query.ts';
import { isVerdict, percent, tableOr } from './manifest.ts';
import { within } from './within.ts';

/** Largest share of evaluation rows that may stand in the training table: a few doubles are met in every table (ours). */
export const mostLearnt = 0.05;
/** From here on a log holds nothing that was served since training; rows that were served are trained on later (ours). */
const allLearnt = 0.95;
const sampleRows = 20_000;
const comparedColumns = 50;

const found = new WeakMap<Table, Promise<number>>();

/** Share of the rows that stand in the training table with the same id and the same values in all columns of both. */
async function shareOf(tables: Query, id: string, train: Table, table: Table): Promise<number> {
  const types = new Map(train.columns.map(({ name, type }) => [name, type]));
  if (!types.has(id) || !table.columns.some(({ name }) => name === id)) return 0;
  const shared = table.columns.filter(({ name }) => name !== id && types.has(name));
  const same = shared.slice(0, comparedColumns).map(({ name, type }) => {
    const [a, b] = [`a.${quoteName(name)}`, `t.${quoteName(name)}`];
    return type === types.get(name)
      ? `${a} IS NOT DISTINCT FROM ${b}`
      : `CAST(${a} AS VARCHAR) IS NOT DISTINCT FROM CAST(${b} AS VARCHAR)`;
  });
  if (same.length === 0) return 0;
  const x = quoteName(id);
  const rows = `(SELECT * FROM ${table.name} WHERE ${within(sampleRows, table.rows)})`;
  const [row] = await tables.query<{ rows: number; learnt: number }>(
    `SELECT (SELECT count(*) FROM ${rows}) AS "rows", count(DISTINCT a.__row) AS learnt FROM ${rows} a
     JOIN ${train.name} t ON CAST(a.${x} AS VARCHAR) = CAST(t.${x} AS VARCHAR) AND ${same.join(' AND ')}`,
  );
  return row && row.rows > 0 ? row.learnt / row.rows : 0;
}

/** As `shareOf`, asked once for a table. */
function learntShare(tables: Query, { columns }: ResolvedManifest, train: Table, table: Table): Promise<number> {
  const known = found.get(table);
  if (known) return known;
  const asked = shareOf(tables, columns.id, train, table);
  found.set(table, asked);
  return asked;
}

/** Skipped when rows of the evaluation table were trained on. */
export async function heldOutOr(
  tables: Query,
  { manifest, train, evaluation }: { readonly manifest: ResolvedManifest; readonly train: Table; readonly evaluation: Table },
): Promise<Verdict | null> {
  const share = await learntShare(tables, manifest, train, evaluation);
  return share <= mostLearnt
    ? null
    : skipped(`data.eval is not held out: ${percent(share)} of its rows stand in data.train too, and were learnt`, {
        nextStep: 'Name rows under data.eval that training never sees.',
        manifestLine: 'data: { eval: path/to/rows-held-out.csv }',
      });
}

/** The training rows and the log of requests; skipped when one is not there, or the log is the training table. */
export async function servedOr(
  tables: World['tables'],
  manifest: ResolvedManifest,
): Promise<{ readonly train: Table; readonly serving: Table } | Verdict> {
  const train = await tableOr(tables, 'train');
  if (isVerdict(train)) return train;
  const serving = await tableOr(tables, 'serving');
  if (isVerdict(serving)) return serving;
  const share = await learntShare(tables, manifest, train, serving);
  return share < allLearnt
    ? { train, serving }
    : skipped(`data.serving shows nothing that was served since training: ${percent(share)} of its rows stand in data.train`, {
        nextStep: 'Log the requests that the model answers, and name them under data.serving.',
        manifestLine: 'data: { serving: path/to/requests/*.csv }',
      });
}
