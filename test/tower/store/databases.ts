/** Runs one set of tests on both databases. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe } from 'vitest';
import type { Database, OpenDatabase } from '../../../src/tower/store/database.ts';
import { openStore } from '../../../src/tower/store/open.ts';
import { postgresIsMissing, startPostgres, type TestPostgres } from '../../support/postgres.ts';

/** Removes every row, keeps the schema. */
export async function emptyStore(db: Database): Promise<void> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      and not relispartition and relname not like 'kysely%'`.execute(db);
  await sql`truncate ${sql.join(rows.map(({ name }) => sql.table(name)))} cascade`.execute(db);
}

export function onBothDatabases(tests: (store: () => OpenDatabase) => void): void {
  describe('on PGlite', () => {
    const folder = mkdtempSync(join(tmpdir(), 'flightcheck-store-'));
    let store: OpenDatabase;
    beforeAll(async () => {
      store = await openStore({ folder });
    });
    afterAll(async () => {
      await store?.close();
      rmSync(folder, { recursive: true, force: true });
    });
    tests(() => store);
  });
  describe.skipIf(postgresIsMissing)(`on PostgreSQL${postgresIsMissing ? `: ${postgresIsMissing}` : ''}`, () => {
    let postgres: TestPostgres;
    let store: OpenDatabase;
    beforeAll(async () => {
      postgres = await startPostgres();
      store = await openStore({ databaseUrl: postgres.database('store') });
    });
    afterAll(async () => {
      await store?.close();
      await postgres?.stop();
    });
    tests(() => store);
  });
}
