/** Whether predictions depend on a column, listed as a feature or not: its values are shuffled and the answers compared. */
import type { PredictRequest } from '../../../src/kernel/hooks.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import { quoteName, quoteText } from '../../../src/kernel/sql.ts';
import type { World } from '../../../src/kernel/world.ts';
import { model } from './setting.ts';

export const rows = 1000;
export const seed = 1;

/** The rows as they are and, in one batch, a copy for each of the columns that are there, in which it is scrambled. */
export const scrambled = (columns: readonly string[]): PredictRequest => ({
  hook: 'predict',
  model,
  input: {
    derive: 'permuted',
    from: { derive: 'sample', from: { table: 'eval' }, rows, seed },
    columns,
    repeats: 1,
    seed,
    ifPresent: true,
  },
});

export interface Moved {
  /** Rows that got another value of the column, and those of them that got another answer. */
  readonly changed: number;
  readonly moved: number;
}

/** How many rows get another answer when the column is scrambled; `columns` are those of the batch. */
export async function movedBy(
  { tables, hooks }: Pick<World, 'tables' | 'hooks'>,
  manifest: ResolvedManifest,
  column: string,
  columns: readonly string[],
): Promise<Moved> {
  const request = scrambled(columns);
  const [batch, predictions] = [await tables.open(request.input), await hooks.predict(request)];
  if (!batch) return { changed: 0, moved: 0 };
  const given = await tables.query<{ column_name: string; column_type: string }>(`DESCRIBE ${predictions.table}`);
  // Sums may differ in the last bit with the order of the rows.
  const differs = given
    .filter(({ column_name }) => column_name !== 'id')
    .map(({ column_name, column_type }) => {
      const [a, z] = [`a.${quoteName(column_name)}`, `z.${quoteName(column_name)}`];
      return `(${a} IS DISTINCT FROM ${z}${column_type === 'DOUBLE' ? ` AND NOT coalesce(abs(${a} - ${z}) <= 1e-9, false)` : ''})`;
    });
  const id = `CAST(b.${quoteName(manifest.columns.id)} AS VARCHAR)`;
  const answers = `(SELECT b.__column, b.__original, b.${quoteName(column)} AS __value, p.* FROM ${batch.name} b JOIN ${predictions.table} p ON p.id = ${id})`;
  const [found] = await tables.query<Moved>(
    `SELECT count(*) AS changed, count(*) FILTER (${differs.join(' OR ')}) AS moved FROM ${answers} a JOIN ${answers} z
     ON a.__original = z.__original AND a.__column IS NULL AND z.__column = ${quoteText(column)} AND a.__value IS DISTINCT FROM z.__value`,
  );
  return found ?? { changed: 0, moved: 0 };
}
