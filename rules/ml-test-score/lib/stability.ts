/** Numbers that are none: in training losses, in answers, in what was logged. */
import type { Finding } from '../../../src/kernel/check.ts';
import type { Predictions, TrainingLoss } from '../../../src/kernel/hooks.ts';
import type { Table, Tables } from '../../../src/kernel/world.ts';
import { faultsOf } from './odd-rows.ts';
import type { ScoredTask } from './setting.ts';

/** The first loss that is no number, if any. */
export function lossFindings(losses: readonly TrainingLoss[]): readonly Finding[] {
  const broken = losses.filter(({ loss }) => !Number.isFinite(loss));
  return broken[0]
    ? [
        {
          message: `the training loss is ${broken[0].loss} at step ${broken[0].step}, and not finite in ${broken.length} of ${losses.length} steps`,
          fix: 'Lower the learning rate, clip gradients, or look for a division by 0 or a log of 0.',
        },
      ]
    : [];
}

/** Answers to ordinary rows that are no numbers, or no probabilities. */
export async function outputFindings(
  tables: Tables,
  predictions: Predictions,
  task: ScoredTask,
  what: string,
): Promise<readonly Finding[]> {
  const { isNotFinite, isNoShare } = await faultsOf(tables, predictions, task);
  const [row] = await tables.query<{ notFinite: number; noShare: number }>(
    `SELECT count(*) FILTER (${isNotFinite}) AS "notFinite", count(*) FILTER (${isNoShare}) AS "noShare" FROM ${predictions.table} p`,
  );
  const { notFinite = 0, noShare = 0 } = row ?? {};
  return [
    ...(notFinite > 0 ? [{ message: `${notFinite} of ${predictions.rows} predictions of ${what} are NaN or infinite` }] : []),
    ...(noShare > 0
      ? [{ message: `${noShare} of ${predictions.rows} predictions of ${what} are no probabilities: they lie outside 0 to 1` }]
      : []),
  ];
}

/** What was logged when the model served. */
export async function servedFindings(tables: Tables, serving: Table | null): Promise<readonly Finding[]> {
  if (!serving?.columns.some((column) => column.name === 'score')) return [];
  const [row] = await tables.query<{ n: number }>(
    `SELECT count(*) FILTER (NOT isfinite(TRY_CAST(CAST(score AS VARCHAR) AS DOUBLE))) AS n FROM ${serving.name}`,
  );
  return row && row.n > 0
    ? [{ message: `${row.n} of ${serving.rows} scores logged under data.serving are NaN or infinite` }]
    : [];
}
