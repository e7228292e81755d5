/** Logged requests: the model version that is judged, and how rows are told apart. */
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import { keyText, quoteName, secondsOf } from '../../../src/kernel/sql.ts';
import type { Table } from '../../../src/kernel/world.ts';
import type { Query } from '../../../src/stats/query.ts';

/** Column of logged requests that says which model answered. */
const versionColumn = 'model_version';

export interface ServedVersion {
  /** Null when the log does not say which model answered. */
  readonly version: string | null;
  /** Rows of it. */
  readonly rows: number;
  /** The others in the log, newest first. */
  readonly others: readonly { readonly version: string; readonly rows: number }[];
  /** SQL condition over the columns of the log. */
  readonly condition: string;
  readonly parameters: readonly string[];
}

/** The version that answered last: an older one may have computed and answered otherwise, and rightly so. */
export async function servedVersion(tables: Query, manifest: ResolvedManifest, serving: Table): Promise<ServedVersion> {
  const names = serving.columns.map((column) => column.name);
  if (!names.includes(versionColumn)) return { version: null, rows: serving.rows, others: [], condition: 'true', parameters: [] };
  const { time } = manifest.columns;
  const last = time !== undefined && names.includes(time) ? `max(${secondsOf(quoteName(time))})` : 'NULL::DOUBLE';
  const found = await tables.query<{ version: string; n: number }>(
    `SELECT coalesce(CAST(${quoteName(versionColumn)} AS VARCHAR), '') AS version, count(*) AS n FROM ${serving.name}
     GROUP BY 1 ORDER BY ${last} DESC NULLS LAST, max(__row) DESC`,
  );
  const [newest, ...others] = found;
  return {
    version: newest?.version ?? null,
    rows: newest?.n ?? 0,
    others: others.map(({ version, n }) => ({ version, rows: n })),
    condition: `coalesce(CAST(${quoteName(versionColumn)} AS VARCHAR), '') = ?`,
    parameters: [newest?.version ?? ''],
  };
}

/** The version in words, with the others that were left out. */
export function versionWords({ version, others }: ServedVersion): string {
  if (version === null) return '';
  const named = version === '' ? 'rows without a model_version' : `model_version ${version}`;
  const left = others.map((other) => `${other.version || '(none)'}: ${other.rows.toLocaleString('en')} rows`).slice(0, 5);
  return left.length > 0 ? ` of ${named} (left out: ${left.join(', ')})` : ` of ${named}`;
}

/** SQL of a row's id as text; null when the table has neither the id nor all columns of the key. */
export function idSql({ columns }: ResolvedManifest, table: Pick<Table, 'columns'>): string | null {
  const names = table.columns.map((column) => column.name);
  for (const name of [columns.id, 'id']) if (names.includes(name)) return `CAST(${quoteName(name)} AS VARCHAR)`;
  return columns.key?.every((name) => names.includes(name)) ? keyText(columns.key) : null;
}

/** SQL of the rows whose id is theirs alone, with that id as `__id`. */
export const alone = (relation: string, id: string, condition = 'true'): string =>
  `(SELECT *, ${id} AS __id FROM ${relation} WHERE ${condition} AND ${id} IS NOT NULL QUALIFY count(*) OVER (PARTITION BY ${id}) = 1)`;
