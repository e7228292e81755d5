/** Where Control Tower keeps its data, for every command that opens them. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { UsageError } from '../../kernel/failure.ts';
import type { Input } from '../../kernel/input.ts';
import type { StoreLocation } from '../../tower/store/open.ts';
import type { Context, Invocation } from '../command.ts';

export const storeFlags = {
  data: {
    type: 'string',
    description: 'Folder of the embedded database. Default: flightcheck/tower in XDG_DATA_HOME or ~/.local/share.',
  },
  'database-url': {
    type: 'string',
    description:
      'PostgreSQL 15 or later instead: postgresql://user@host/name. Default: the variable DATABASE_URL, unless --data is given.',
  },
} as const satisfies Readonly<Record<string, Input>>;

const dataHome = (env: Context['env']): string =>
  join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'flightcheck', 'tower');

export function storeOptions(
  { cwd, env }: Pick<Context, 'cwd' | 'env'>,
  { options }: Pick<Invocation, 'options'>,
): { readonly folder: string; readonly databaseUrl: string | undefined } {
  const data = typeof options.data === 'string' ? resolve(cwd, options.data) : undefined;
  const url = typeof options['database-url'] === 'string' ? options['database-url'] : undefined;
  return {
    folder: data ?? dataHome(env),
    databaseUrl: url ?? (data === undefined ? env.DATABASE_URL || undefined : undefined),
  };
}

export function storeLocation(context: Pick<Context, 'cwd' | 'env'>, invocation: Pick<Invocation, 'options'>): StoreLocation {
  const { folder, databaseUrl } = storeOptions(context, invocation);
  return databaseUrl === undefined ? { folder } : { databaseUrl };
}

/** As `storeLocation`, of a Control Tower that has data: a wrong folder must not become an empty database. */
export function existingStore(context: Pick<Context, 'cwd' | 'env'>, invocation: Pick<Invocation, 'options'>): StoreLocation {
  const location = storeLocation(context, invocation);
  if ('folder' in location && !existsSync(location.folder))
    throw new UsageError('TOWER_NO_DATA', `There is no Control Tower in ${location.folder}`, {
      hint: 'Name its folder with --data, or a server with --tower-url; flightcheck tower serve makes a new one.',
    });
  return location;
}
