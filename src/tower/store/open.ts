/** Opens the store: the database that was asked for, its schema up to date. */
import { type OpenDatabase, sqlStateOf } from './database.ts';
import { openEmbedded } from './embedded.ts';
import { ensurePartitions, migrate } from './migrations/migrate.ts';
import { openPostgres } from './postgres.ts';

export type StoreLocation = { readonly databaseUrl: string } | { readonly folder: string };

const partitionHours = 6;

/**
 * Connects, and leaves the schema as it is.
 * @throws EnvironmentError or UsageError as `openPostgres` and `openEmbedded`.
 */
export const connectStore = (location: StoreLocation): Promise<OpenDatabase> =>
  'databaseUrl' in location ? openPostgres(location.databaseUrl) : openEmbedded(location.folder);

/** @throws as `connectStore`; EnvironmentError when the schema cannot be brought up to date. */
export async function openStore(location: StoreLocation): Promise<OpenDatabase> {
  const store = await connectStore(location);
  try {
    await migrate(store.db);
    await ensurePartitions(store.db, new Date());
  } catch (error) {
    await store.close();
    throw error;
  }
  // Without a partition points still land in the default one, so a failure here is repaired by the next round.
  const timer = setInterval(() => {
    ensurePartitions(store.db, new Date()).catch((error) => {
      if (sqlStateOf(error) === undefined) clearInterval(timer);
    });
  }, partitionHours * 3_600_000);
  timer.unref();
  return {
    ...store,
    async close() {
      clearInterval(timer);
      await store.close();
    },
  };
}
