/** A folder of tables for a test, and a store over it that is closed and removed when the test is done. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openTables } from '../../src/adapters/tables/open-tables.ts';
import type { TableStore } from '../../src/kernel/table-store.ts';
import { manifestOf } from './manifest.ts';

export function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = mkdtempSync(join(tmpdir(), 'tables-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

export async function storeOf(
  root: string,
  manifest: Record<string, unknown>,
  more: { threads?: number; memoryLimit?: string; workFolder?: string } = {},
): Promise<TableStore> {
  const workFolder = mkdtempSync(join(tmpdir(), 'work-'));
  const store = await openTables({ root, manifest: manifestOf(manifest), workFolder, ...more });
  onTestFinished(async () => {
    await store.close();
    rmSync(workFolder, { recursive: true, force: true });
  });
  return store;
}

const quoted = (value: string | number | null | undefined): string =>
  typeof value === 'string' && /[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : String(value ?? '');

/** Rows as CSV, quoted where they must be; null is an empty field. */
export const csvOf = (rows: readonly Readonly<Record<string, string | number | null>>[]): string =>
  [Object.keys(rows[0] ?? {}), ...rows.map((row) => Object.values(row))]
    .map((fields) => `${fields.map(quoted).join(',')}\n`)
    .join('');
