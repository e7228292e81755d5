/** Rows that several columns identify together: one text of them all stands in for the id. */
import type { ResolvedManifest } from '../../kernel/manifest.ts';

/** The columns of the key when the table has them all and no id of its own; else null. */
export function keyOf(columns: ResolvedManifest['columns'], names: readonly string[]): readonly string[] | null {
  const { id, key } = columns;
  if (!key || names.includes(id) || !key.every((name) => names.includes(name))) return null;
  return key;
}
