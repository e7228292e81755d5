/** Rows with odd cells, one at a time, and what the model makes of them. */
import type { Cell, Finding } from '../../../src/kernel/check.ts';
import type { AlteredCase, Predictions, PredictRequest } from '../../../src/kernel/hooks.ts';
import { quoteName } from '../../../src/kernel/sql.ts';
import type { Table, World } from '../../../src/kernel/world.ts';
import type { Query } from '../../../src/stats/query.ts';
import { faultWords, isHookFault } from './hook-faults.ts';
import { model, type ScoredTask } from './setting.ts';

const oddCases = [
  'null',
  'zero',
  'huge',
  'minus-huge',
  'tiny',
  'unseen',
  'empty',
  'long',
] as const satisfies readonly AlteredCase[];
const caseWords: Readonly<Record<string, string>> = {
  null: 'an empty cell',
  zero: '0',
  huge: '1e300',
  'minus-huge': '-1e300',
  tiny: '5e-324',
  unseen: 'a category never seen',
  empty: 'an empty text',
  long: 'a text of 10,000 characters',
};
const rows = 5;
const seed = 1;
/** Features whose cells are altered; and those that are tried one by one when predict breaks. */
export const mostFeatures = 300;
const mostAlone = 30;

const requestOf = (columns: readonly string[], cases: readonly AlteredCase[]): PredictRequest => ({
  hook: 'predict',
  model,
  input: { derive: 'altered', from: { table: 'eval' }, rows, seed, columns, cases },
});

export const oddRequest = (features: readonly string[]): PredictRequest => requestOf(features.slice(0, mostFeatures), oddCases);

/** Asked only when the whole batch broke predict: by case, then by column. */
export const isolatingRequests = (features: readonly string[]): readonly PredictRequest[] => [
  ...oddCases.map((which) => requestOf(features.slice(0, mostFeatures), [which])),
  ...features.slice(0, mostAlone).map((feature) => requestOf([feature], oddCases)),
];

/** SQL conditions over a row `p` of predictions: NaN or infinite; no probability. */
export async function faultsOf(tables: Query, predictions: Predictions, task: ScoredTask) {
  const columns = await tables.query<{ column_name: string; column_type: string }>(`DESCRIBE ${predictions.table}`);
  const numbers = columns
    .filter((column) => column.column_type === 'DOUBLE')
    .map((column) => `p.${quoteName(column.column_name)}`);
  const any = (of: (x: string) => string): string =>
    numbers.length === 0 ? 'false' : `(${numbers.map((x) => `coalesce(${of(x)}, false)`).join(' OR ')})`;
  return {
    isNotFinite: any((x) => `NOT isfinite(${x})`),
    isNoShare: task === 'regression' ? 'false' : any((x) => `isfinite(${x}) AND (${x} < 0 OR ${x} > 1)`),
    isRefused: `p.${predictions.column} IS NULL`,
  };
}

export interface Counts {
  readonly n: number;
  readonly refused: number;
  readonly notFinite: number;
  readonly noShare: number;
}

/** Counts of each column and case; null for the rows as they were. */
export async function oddCounts(tables: Query, input: Table, id: string, predictions: Predictions, task: ScoredTask) {
  const { isNotFinite, isNoShare, isRefused } = await faultsOf(tables, predictions, task);
  return tables.query<Counts & { column: string | null; case: string | null }>(
    `SELECT e.__column AS "column", e.__case AS "case", count(*) AS n, count(*) FILTER (${isRefused}) AS refused,
       count(*) FILTER (${isNotFinite}) AS "notFinite", count(*) FILTER (${isNoShare}) AS "noShare"
     FROM ${predictions.table} p JOIN ${input.name} e ON p.id = CAST(e.${quoteName(id)} AS VARCHAR)
     GROUP BY ALL ORDER BY min(e.__row)`,
  );
}

/** One finding for each case that goes wrong, with its columns. */
export function oddFindings(counts: readonly (Counts & { column: string | null; case: string | null })[]): readonly Finding[] {
  const bad = counts.filter((one) => one.notFinite + one.noShare > 0);
  return [...new Set(bad.map((one) => one.case))].map((which) => {
    const those = bad.filter((one) => one.case === which);
    const [notFinite, noShare] = [
      those.reduce((sum, one) => sum + one.notFinite, 0),
      those.reduce((sum, one) => sum + one.noShare, 0),
    ];
    const names = those.map((one) => one.column).filter((name) => name !== null);
    const what = [notFinite > 0 && `${notFinite} NaN or infinite`, noShare > 0 && `${noShare} outside 0 to 1`]
      .filter(Boolean)
      .join(', ');
    return {
      message:
        which === null
          ? `rows as they are: predictions are ${what}`
          : `${caseWords[which] ?? which} in ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}: predictions are ${what}`,
      fix: 'Clip, impute or refuse such a cell: leave the score empty.',
    };
  });
}

/** A row of the evidence for each case. */
export const oddItems = (counts: readonly (Counts & { case: string | null })[]): readonly Readonly<Record<string, Cell>>[] =>
  [...new Set(counts.map((one) => one.case))].map((which) => {
    const those = counts.filter((one) => one.case === which);
    const sum = (of: (one: Counts) => number) => those.reduce((total, one) => total + of(one), 0);
    return {
      cell: which === null ? '(rows as they are)' : (caseWords[which] ?? which),
      columns: which === null ? null : those.length,
      rows: sum((one) => one.n),
      refused: sum((one) => one.refused),
      not_finite: sum((one) => one.notFinite),
      outside_0_to_1: sum((one) => one.noShare),
    };
  });

/** Which cells break predict: the cases that do with all columns, the columns that do with all cases. */
export async function culprits({ hooks }: Pick<World, 'hooks'>, features: readonly string[]): Promise<readonly Finding[]> {
  const breaks = async (request: PredictRequest): Promise<string | null> => {
    try {
      await hooks.predict(request);
      return null;
    } catch (error) {
      if (!isHookFault(error)) throw error;
      return faultWords(error);
    }
  };
  const columns: string[] = [];
  for (const feature of features.slice(0, mostAlone))
    if ((await breaks(requestOf([feature], oddCases))) !== null) columns.push(feature);
  // Which of these columns breaks with which cell is not tried: that would be a call for each pair.
  const where =
    columns.length === 0
      ? 'some column'
      : `${columns.length > 1 ? 'one or more of ' : ''}${columns.slice(0, 5).join(', ')}${columns.length > 5 ? ` and ${columns.length - 5} more` : ''}`;
  const findings: Finding[] = [];
  for (const which of oddCases) {
    const words = await breaks(requestOf(features.slice(0, mostFeatures), [which]));
    if (words !== null)
      findings.push({
        message: `${caseWords[which]} in ${where} breaks predict: ${words}`,
        fix: 'Refuse the row instead: keep its id, leave its score empty.',
      });
  }
  return findings;
}
