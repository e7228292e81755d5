/** Predictions joined to labels: what metrics are computed on, and what is wrong with either. */
import { type Evidence, fail, skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { Predictions } from '../../../src/kernel/hooks.ts';
import { quoteName } from '../../../src/kernel/sql.ts';
import type { Table, World } from '../../../src/kernel/world.ts';
import { readsIdVerdict } from './by-id.ts';
import { withHandles } from './classes.ts';
import { heldOutOr } from './held-out.ts';
import { inputsOf } from './manifest.ts';
import { labelSql, type Setting, scoreSql } from './setting.ts';

/** Fewest labelled predictions for a verdict. */
export const minimumRows = 200;

export interface Scored {
  /** SQL in parentheses: `__row`, `y` and `score` (finite DOUBLE), and the bookkeeping columns of a permutation batch. */
  readonly relation: string;
  readonly rows: number;
  /** Rows without a label, and rows that the model refused. */
  readonly unlabelled: number;
  readonly refused: number;
}

/** Whole counts of what the metric cannot use. */
interface Counts {
  readonly rows: number;
  readonly labelled: number;
  readonly yes: number;
  readonly distinct: number;
  readonly examples: readonly string[] | null;
}

/** A fail when predictions are NaN or infinite: a fault of the model, whatever the rest says. */
export function notFiniteVerdict(predictions: Predictions, table: Table): Verdict | null {
  if (predictions.notFinite === 0) return null;
  const evidence: Evidence = {
    explanation: `${predictions.notFinite} of ${predictions.rows} predictions are NaN or infinite, so nothing else was computed from them.`,
    value: predictions.notFinite,
    threshold: 0,
    n: predictions.rows,
    inputs: inputsOf(table),
  };
  const message = `${predictions.notFinite} of ${predictions.rows} predictions are NaN or infinite`;
  const fix = 'Find the rows whose prediction is NaN; leave the score empty where the model must refuse.';
  return fail([{ message, fix }], evidence);
}

/**
 * Joins predictions of `input` to its labels; a verdict when there is nothing that a metric could be computed on. Of the
 * evaluation rows it asks for what `byIdPlan` announces.
 */
export async function scoredOf(
  ports: Pick<World, 'tables' | 'hooks'>,
  setting: Setting,
  input: Table,
  predictions: Predictions,
): Promise<Scored | Verdict> {
  const { tables } = ports;
  const broken = notFiniteVerdict(predictions, input);
  if (broken) return broken;
  const told =
    input === setting.evaluation ? ((await heldOutOr(tables, setting)) ?? (await readsIdVerdict(ports, setting))) : null;
  if (told) return told;
  const { manifest, task, label } = setting;
  const columns = await tables.query<{ column_name: string }>(`DESCRIBE ${predictions.table}`);
  const names = columns.map((column) => column.column_name);
  const answers = setting.classes
    ? await withHandles(tables, setting.classes, { relation: predictions.table, columns: names, order: 'id' })
    : predictions.table;
  if (typeof answers !== 'string') return answers;
  const score = scoreSql(setting, names, 'e', 'p');
  const batch = input.columns.filter((column) => column.name.startsWith('__')).map((column) => `e.${column.name},`);
  const joined = `(SELECT e.__row, ${batch.join(' ')} ${labelSql(setting, 'e')} AS y, ${score} AS score FROM ${input.name} e
    JOIN ${answers} p ON p.id = CAST(e.${quoteName(manifest.columns.id)} AS VARCHAR))`;
  const x = quoteName(label);
  const [counts] = await tables.query<Counts>(
    `SELECT count(*) AS "rows", count(${x}) AS labelled, count(*) FILTER (${labelSql(setting, 'e')} = 1) AS yes,
      count(DISTINCT ${x}) AS distinct, list_sort(list(DISTINCT CAST(${x} AS VARCHAR)))[1:5] AS examples FROM ${input.name} e`,
  );
  const { labelled = 0, rows = 0, yes = 0, distinct = 0 } = counts ?? {};
  const examples = (counts?.examples ?? []).join(', ');
  if (labelled === 0)
    return skipped('inconclusive: no evaluation row has a label', { nextStep: `Fill the column ${label} of data.eval.` });
  if (distinct === 1 && task !== 'regression')
    return skipped(`inconclusive: every evaluation row has the same label (${examples})`, {
      nextStep: 'Evaluate on rows of every class.',
    });
  if (task === 'binary' && yes === 0) {
    const reason = `no row's ${label} equals decision.positive, ${JSON.stringify(manifest.decision.positive)}; its values are ${examples}`;
    const [learnt] = await tables.query<{ yes: number }>(
      `SELECT count(*) FILTER (${labelSql(setting, 't')} = 1) AS yes FROM ${setting.train.name} t`,
    );
    return learnt && learnt.yes > 0
      ? skipped(reason, { nextStep: `Write ${label} as in data.train, where ${learnt.yes} rows hold decision.positive.` })
      : skipped(reason, {
          nextStep: 'Say which value of the label is a yes.',
          // Of yes and no, true and false, 1 and 0, malignant and benign the last is the yes.
          manifestLine: `decision: { positive: ${JSON.stringify(counts?.examples?.at(-1) ?? 1)} }`,
        });
  }
  const relation = `(SELECT * FROM ${joined} WHERE y IS NOT NULL AND score IS NOT NULL)`;
  const [usable] = await tables.query<{ n: number }>(`SELECT count(*) AS n FROM ${relation}`);
  const n = usable?.n ?? 0;
  if (n === 0)
    return task === 'regression' && predictions.refused < predictions.rows
      ? skipped(`the label ${label} is no number (${examples})`, {
          nextStep: 'A regression needs numbers; is the task binary or multiclass?',
          manifestLine: 'task: multiclass',
        })
      : skipped('inconclusive: the model refused every labelled row', { nextStep: 'Let predict answer the evaluation rows.' });
  return { relation, rows: n, unlabelled: rows - labelled, refused: predictions.refused };
}

/** A verdict when there are too few rows to judge; they are those of data.eval unless `nextStep` says otherwise. */
export const tooFew = (scored: Scored, nextStep = 'Hold out more rows under data.eval.'): Verdict | null =>
  scored.rows >= minimumRows
    ? null
    : skipped(`inconclusive: ${scored.rows} labelled predictions; at least ${minimumRows} are needed`, { nextStep });

/** Rows in words, with what was left out. */
export const rowsWords = ({ rows, unlabelled, refused }: Scored): string =>
  `${rows.toLocaleString('en')} evaluation rows${unlabelled > 0 ? `, ${unlabelled} without a label left out` : ''}${refused > 0 ? `, ${refused} refused by the model` : ''}`;
