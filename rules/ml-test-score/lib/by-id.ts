/** Whether the model answers a row by its id: what was looked up by it, or drawn, says nothing of rows to come. */
import { fail, type Verdict } from '../../../src/kernel/check.ts';
import type { PlannedExecution, Predictions, PredictRequest, TableRef } from '../../../src/kernel/hooks.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import { quoteName } from '../../../src/kernel/sql.ts';
import type { Table, World } from '../../../src/kernel/world.ts';
import { tolerance } from './difference.ts';
import { mostLearnt } from './held-out.ts';
import { inputsOf } from './manifest.ts';
import { model, onEvaluation } from './setting.ts';

const rows: TableRef = { derive: 'sample', from: { table: 'eval' }, rows: 200, seed: 1 };
const underOwnIds: PredictRequest = { hook: 'predict', model, input: rows };
const underNewIds: PredictRequest = {
  ...underOwnIds,
  input: { derive: 'permuted', from: rows, columns: [], repeats: 1, seed: 1 },
};
/** Standard deviations by which more rows must move with the id than against it. */
const deviations = 3.3;

/** True where the id is data that a model may read: a feature, the time, several columns, the period and place of a forecast. */
const isData = ({ task, columns }: ResolvedManifest): boolean =>
  task === 'forecast' ||
  columns.key !== undefined ||
  columns.id === columns.time ||
  (columns.features !== 'auto' && columns.features.includes(columns.id));

/** What `byId` asks for; `sometimes` where it is asked only then. */
export const byIdPlan = (manifest: ResolvedManifest, sometimes?: string): readonly PlannedExecution[] =>
  isData(manifest)
    ? []
    : [
        { request: onEvaluation, ...(sometimes !== undefined && { sometimes }) },
        { request: underNewIds, ...(sometimes !== undefined && { sometimes }) },
        { request: underOwnIds, sometimes: 'when rows get other answers under new ids' },
      ];

export interface ById {
  readonly rows: number;
  /** Rows that get another answer in the same batch when only their ids are others. */
  readonly moved: number;
  /** True when it is the id that moves them, and not chance. */
  readonly isRead: boolean;
}

const found = new WeakMap<Table, Promise<ById>>();

/** SQL of how far two answers to a row are apart; infinite where one is a refusal. */
async function apartOf({ tables }: Pick<World, 'tables'>, { table }: Predictions) {
  const columns = await tables.query<{ column_name: string; column_type: string }>(`DESCRIBE ${table}`);
  return (a: string, b: string): string => {
    const each = columns
      .filter(({ column_name }) => column_name !== 'id')
      .map(({ column_name, column_type }) => {
        const [x, y] = [`${a}.${quoteName(column_name)}`, `${b}.${quoteName(column_name)}`];
        const other = column_type === 'DOUBLE' ? `coalesce(abs(${x} - ${y}), 'infinity'::DOUBLE)` : '1.0::DOUBLE';
        return `CASE WHEN ${x} IS NOT DISTINCT FROM ${y} THEN 0.0::DOUBLE ELSE ${other} END`;
      });
    return `greatest(${each.join(', ')})`;
  };
}

async function ask({ tables, hooks }: Pick<World, 'tables' | 'hooks'>, id: string): Promise<ById> {
  const [named, renamed] = [await tables.open(rows), await tables.open(underNewIds.input)];
  if (!named || !renamed) return { rows: 0, moved: 0, isRead: false };
  const [whole, anew] = [await hooks.predict(onEvaluation), await hooks.predict(underNewIds)];
  const apart = await apartOf({ tables }, anew);
  const x = quoteName(id);
  const asked = `${named.name} n JOIN ${renamed.name} r ON r.__original = n.__row
    JOIN ${whole.table} w ON w.id = CAST(n.${x} AS VARCHAR) JOIN ${anew.table} a ON a.id = CAST(r.${x} AS VARCHAR)`;
  const [first] = await tables.query<{ n: number }>(
    `SELECT count(*) FILTER (${apart('a', 'w')} > ${tolerance}) AS n FROM ${asked}`,
  );
  if (first?.n === 0) return { rows: named.rows, moved: 0, isRead: false };
  // The whole table is another batch, and another call: both may move an answer, and neither has to do with the id.
  const own = await hooks.predict(underOwnIds);
  const [counts] = await tables.query<{ moved: number; more: number; less: number }>(
    `SELECT count(*) FILTER (id > ${tolerance}) AS moved, count(*) FILTER (id > chance + ${tolerance}) AS more,
      count(*) FILTER (chance > id + ${tolerance}) AS less
     FROM (SELECT ${apart('a', 'o')} AS id, ${apart('o', 'w')} AS chance FROM ${asked} JOIN ${own.table} o ON o.id = w.id)`,
  );
  const { moved = 0, more = 0, less = 0 } = counts ?? {};
  const isRead = more - less > mostLearnt * named.rows && more - less > deviations * Math.sqrt(more + less);
  return { rows: named.rows, moved, isRead };
}

/** Asks once for the answers to evaluation rows under new ids; null where the id is data. */
export async function byId(
  ports: Pick<World, 'tables' | 'hooks'>,
  { manifest, evaluation }: { readonly manifest: ResolvedManifest; readonly evaluation: Table },
): Promise<ById | null> {
  if (isData(manifest)) return null;
  const known = found.get(evaluation) ?? ask(ports, manifest.columns.id);
  found.set(evaluation, known);
  return known;
}

/** As many of the rows as another id moves, where it is the id that does; none are tried where the id is data. */
export async function movedById(
  ports: Pick<World, 'tables' | 'hooks'>,
  setting: Parameters<typeof byId>[1],
): Promise<{ readonly moved: number; readonly changed: number }> {
  const asked = await byId(ports, setting);
  return { moved: asked?.isRead ? asked.moved : 0, changed: asked?.rows ?? 0 };
}

/** Why answers to copies of rows, which have new ids, do not show what moved them; null where they do. */
export const doubtOf = (asked: ById | null): string | null =>
  asked === null || asked.moved <= mostLearnt * asked.rows
    ? null
    : asked.isRead
      ? 'the model reads the id, of which scrambled rows have another'
      : `${asked.moved} of ${asked.rows} rows get another answer when they are asked again`;

/** A fail when the model reads the id: a fault of the model, whatever it scores. */
export async function readsIdVerdict(
  ports: Pick<World, 'tables' | 'hooks'>,
  setting: { readonly manifest: ResolvedManifest; readonly evaluation: Table },
): Promise<Verdict | null> {
  const asked = await byId(ports, setting);
  if (!asked?.isRead) return null;
  const message = `the model reads the id: ${asked.moved} of ${asked.rows} evaluation rows get another answer under a new id`;
  const fix = `Keep ${setting.manifest.columns.id} from the model; where it means something, name it under columns.features.`;
  return fail([{ message, fix }], {
    explanation: `${message}, so what it scores says nothing of rows to come, and nothing else was computed.`,
    value: asked.moved,
    threshold: mostLearnt * asked.rows,
    unit: 'rows',
    n: asked.rows,
    inputs: inputsOf(setting.evaluation),
    seed: 1,
  });
}
