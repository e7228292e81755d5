/** `flightcheck tower token`: tokens of machines, through a running server or straight at its database. */
import { EnvironmentError, exitCode, UsageError } from '../../kernel/failure.ts';
import { oneLine } from '../../reports/text.ts';
import { newTokenSchema } from '../../tower/api/document/token-schemas.ts';
import { HttpProblem } from '../../tower/api/problem.ts';
import { makeToken, tokenJson, validToken } from '../../tower/api/tokens.ts';
import { openStore } from '../../tower/store/open.ts';
import { listTokens, type NewToken, revokeToken } from '../../tower/store/tokens.ts';
import type { Context, Invocation } from '../command.ts';
import { tokenVariable } from '../post-report.ts';
import { askTower, towerAccess } from './api.ts';
import { existingStore, storeLocation } from './store.ts';

type Shown = ReturnType<typeof tokenJson>;
type Wanted = Omit<NewToken, 'createdBy'>;

interface Tokens {
  list(): Promise<readonly Shown[]>;
  create(wanted: Wanted): Promise<Shown & { readonly token: string }>;
  revoke(id: string): Promise<void>;
  close(): Promise<void>;
}

const hints: Readonly<Record<string, string>> = {
  name: 'Letters, digits, spaces, points, - and _, for example nightly-monitor; another name than those of the tokens in use.',
  role: 'write lets a machine post reports and metrics.',
  namespace: 'A path like risk/models; leave it out for all projects.',
  model: 'The name of a model; leave it out for all models.',
  days: 'A whole number up to 3650; 0 makes a token that does not expire.',
};

const refused = (field: string, what: string) =>
  new UsageError(`TOWER_TOKEN_${field.toUpperCase()}`, oneLine(what), { hint: hints[field] ?? 'Correct it and try again.' });

/** What the API refuses the command line refuses, with the name of its option. */
function asUsageError(error: unknown): unknown {
  const [first] = error instanceof HttpProblem ? (error.errors ?? []) : [];
  if (!first || !('pointer' in first)) return error;
  const field = first.pointer.slice(1) as keyof Wanted;
  return refused(field, `${field === 'name' ? 'The name' : `--${field}`} ${first.detail}`);
}

/** The embedded database is one server's; that answers in its place. */
function throughServer(error: unknown): unknown {
  if (!(error instanceof EnvironmentError) || error.code !== 'TOWER_LOCKED') return error;
  return new EnvironmentError(error.code, error.message, {
    hint: `Ask the server that uses it: --tower-url ADDRESS, as it printed it when it started, with the operator's token in ${tokenVariable}.`,
    cause: error,
  });
}

async function ofDatabase(context: Context, invocation: Invocation, isNew: boolean): Promise<Tokens> {
  const location = (isNew ? storeLocation : existingStore)(context, invocation);
  const store = await openStore(location).catch((error: unknown) => Promise.reject(throughServer(error)));
  const { db } = store;
  return {
    list: async () => (await listTokens(db)).map(tokenJson),
    async create(wanted) {
      try {
        const { token, row } = await makeToken(db, wanted, 'command line');
        return { ...tokenJson(row), token };
      } catch (error) {
        throw asUsageError(error);
      }
    },
    revoke: async (id) => void (await revokeToken(db, Number(id), 'command line')),
    close: () => store.close(),
  };
}

function ofServer(context: Context, url: string): Tokens {
  const access = towerAccess(context, url);
  return {
    list: async () => ((await askTower(access, 'GET', 'v1/tokens')) as { items: readonly Shown[] }).items,
    create: async (wanted) => (await askTower(access, 'POST', 'v1/tokens', wanted)) as Shown & { readonly token: string },
    revoke: async (id) => void (await askTower(access, 'DELETE', `v1/tokens/${id}`)),
    close: async () => {},
  };
}

/** The server that is asked; undefined: the database is. */
function serverOf({ env }: Context, { options }: Invocation): string | undefined {
  if (typeof options['tower-url'] === 'string') return options['tower-url'];
  const isDatabaseNamed = options.data !== undefined || options['database-url'] !== undefined || Boolean(env.DATABASE_URL);
  return isDatabaseNamed ? undefined : env.FLIGHTCHECK_TOWER_URL || undefined;
}

/** `isNew`: a database that is not there yet is made, for a token that a server will know from the start. */
async function withTokens(
  context: Context,
  invocation: Invocation,
  work: (tokens: Tokens) => Promise<void>,
  { isNew = false } = {},
): Promise<number> {
  const url = serverOf(context, invocation);
  const tokens = url !== undefined ? ofServer(context, url) : await ofDatabase(context, invocation, isNew);
  try {
    await work(tokens);
  } finally {
    await tokens.close();
  }
  return exitCode.fine;
}

const isName = new RegExp(newTokenSchema.properties.name.pattern);

function nameOf(invocation: Invocation): string {
  const [name] = invocation.args;
  if (name !== undefined && isName.test(name)) return name;
  throw refused('name', name === undefined ? 'The name of the token is missing' : `${name} is no name for a token`);
}

/** Absent means all; given and empty is more likely a variable that was not set. */
function placeIn({ options }: Invocation, field: 'namespace' | 'model'): string {
  const given = options[field];
  if (given === undefined) return '';
  const text = field === 'namespace' ? String(given).replace(/^\/+|\/+$/g, '') : String(given);
  if (text.trim() === '') throw refused(field, `--${field} is empty`);
  return text;
}

function wantedOf(invocation: Invocation): Wanted {
  const { role = 'write', days = 365 } = invocation.options;
  const wanted = {
    name: nameOf(invocation),
    role,
    namespace: placeIn(invocation, 'namespace'),
    model: placeIn(invocation, 'model'),
    days: days === 0 ? null : days,
  } as Wanted;
  try {
    return validToken(wanted);
  } catch (error) {
    throw asUsageError(error);
  }
}

const placeOf = ({ namespace, model }: Pick<Shown, 'namespace' | 'model'>): string =>
  `${namespace || 'all projects'}${model ? `, model ${model}` : ''}`;

export const createTowerToken = (context: Context, invocation: Invocation): Promise<number> => {
  const wanted = wantedOf(invocation);
  return withTokens(
    context,
    invocation,
    async (tokens) => {
      const made = await tokens.create(wanted);
      if (context.isJson) return context.print(`${JSON.stringify(made)}\n`);
      // Alone on standard output, so that a shell can take it into a variable.
      context.print(`${made.token}\n`);
      const end = made.expiresAt === null ? 'does not expire' : `expires ${made.expiresAt.slice(0, 10)}`;
      context.log.info(`${made.name}: ${made.role} for ${placeOf(made)}, ${end}.`);
      context.log.info('Keep it now: it is not shown again, only its hash is kept.');
    },
    { isNew: true },
  );
};

export const listTowerTokens = (context: Context, invocation: Invocation): Promise<number> =>
  withTokens(context, invocation, async (tokens) => {
    const all = await tokens.list();
    if (context.isJson) return context.print(`${JSON.stringify(all, null, 2)}\n`);
    const rows = all.map((token) => [
      token.name,
      token.prefix === null ? '–' : `${token.prefix}…`,
      token.role,
      placeOf(token),
      token.lastUsedAt?.slice(0, 16).replace('T', ' ') ?? 'never used',
      token.expiresAt === null ? 'does not expire' : `expires ${token.expiresAt.slice(0, 10)}`,
    ]);
    const widths = [0, 1, 2, 3, 4].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
    const lines = rows.map((row) =>
      row
        .map((cell, i) => oneLine(cell).padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    );
    context.print(lines.length === 0 ? 'No token is in use.\n' : `${lines.join('\n')}\n`);
  });

export const revokeTowerToken = (context: Context, invocation: Invocation): Promise<number> => {
  const name = nameOf(invocation);
  return withTokens(context, invocation, async (tokens) => {
    const found = (await tokens.list()).find((token) => token.name === name);
    if (!found)
      throw new UsageError('TOWER_TOKEN_NAME', `No token in use is named ${name}`, {
        hint: '`flightcheck tower token list` shows them.',
      });
    await tokens.revoke(found.id);
    context.print(context.isJson ? `${JSON.stringify({ revoked: name })}\n` : `${name} is revoked.\n`);
  });
};
