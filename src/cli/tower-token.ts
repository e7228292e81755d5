/** `flightcheck tower token`: tokens of machines, through a running server or straight at its database. */
import { exitCode, UsageError } from '../kernel/failure.ts';
import { oneLine } from '../reports/text.ts';
import { isRole } from '../tower/auth/roles.ts';
import { openStore } from '../tower/store/open.ts';
import { createToken, listTokens, revokeToken, TokenNameTaken, type TokenRow } from '../tower/store/tokens.ts';
import type { Context, Invocation } from './command.ts';
import { askTower, towerAccess } from './tower-api.ts';
import { storeLocation } from './tower-store.ts';

/** As the API says it. */
type Shown = Pick<TokenRow, 'name' | 'prefix' | 'role' | 'namespace' | 'model' | 'createdBy'> & {
  readonly id: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
};

interface Wanted {
  readonly name: string;
  readonly role: TokenRow['role'];
  readonly namespace: string;
  readonly model: string;
  readonly days: number | null;
}

interface Tokens {
  list(): Promise<readonly Shown[]>;
  create(wanted: Wanted): Promise<Shown & { readonly token: string }>;
  revoke(id: string): Promise<void>;
  close(): Promise<void>;
}

const shown = ({ id, expiresAt, lastUsedAt, createdAt: _, ...row }: TokenRow): Shown => ({
  ...row,
  id: String(id),
  expiresAt: expiresAt?.toISOString() ?? null,
  lastUsedAt: lastUsedAt?.toISOString() ?? null,
});

const taken = (name: string) =>
  new UsageError('TOWER_TOKEN_NAME', `Another token in use is named ${name}`, {
    hint: 'Choose another name, or revoke that one first.',
  });

async function ofDatabase(context: Context, invocation: Invocation): Promise<Tokens> {
  const store = await openStore(storeLocation(context, invocation));
  const { db } = store;
  return {
    list: async () => (await listTokens(db)).map(shown),
    async create(wanted) {
      try {
        const { token, row } = await createToken(db, { ...wanted, createdBy: 'command line' });
        return { ...shown(row), token };
      } catch (error) {
        throw error instanceof TokenNameTaken ? taken(wanted.name) : error;
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

async function withTokens(context: Context, invocation: Invocation, work: (tokens: Tokens) => Promise<void>): Promise<number> {
  const url = invocation.options['tower-url'];
  const tokens = typeof url === 'string' ? ofServer(context, url) : await ofDatabase(context, invocation);
  try {
    await work(tokens);
  } finally {
    await tokens.close();
  }
  return exitCode.fine;
}

function nameOf(invocation: Invocation): string {
  const [name] = invocation.args;
  if (name !== undefined && /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$/.test(name)) return name;
  throw new UsageError(
    'TOWER_TOKEN_NAME',
    name === undefined ? 'The name of the token is missing' : `${oneLine(name)} is no name for a token`,
    { hint: 'Letters, digits, spaces, points, - and _, for example nightly-monitor.' },
  );
}

function wantedOf(invocation: Invocation): Wanted {
  const { role = 'write', namespace = '', model = '', days = 365 } = invocation.options;
  if (!isRole(role))
    throw new UsageError('TOWER_TOKEN_ROLE', `--role is ${String(role)}, expected read, write or admin`, {
      hint: 'write lets a machine post reports and metrics.',
    });
  if (typeof days !== 'number' || !Number.isInteger(days) || days < 0 || days > 3650)
    throw new UsageError('TOWER_TOKEN_DAYS', `--days is ${String(days)}, expected a whole number from 0 to 3650`, {
      hint: '0 makes a token that does not expire.',
    });
  const path = String(namespace).replace(/^\/+|\/+$/g, '');
  return { name: nameOf(invocation), role, namespace: path, model: String(model), days: days === 0 ? null : days };
}

const placeOf = ({ namespace, model }: Pick<Shown, 'namespace' | 'model'>): string =>
  `${namespace || 'all projects'}${model ? `, model ${model}` : ''}`;

export const createTowerToken = (context: Context, invocation: Invocation): Promise<number> => {
  const wanted = wantedOf(invocation);
  return withTokens(context, invocation, async (tokens) => {
    const made = await tokens.create(wanted);
    if (context.isJson) return context.print(`${JSON.stringify(made)}\n`);
    // Alone on standard output, so that a shell can take it into a variable.
    context.print(`${made.token}\n`);
    const end = made.expiresAt === null ? 'does not expire' : `expires ${made.expiresAt.slice(0, 10)}`;
    context.log.info(`${made.name}: ${made.role} for ${placeOf(made)}, ${end}.`);
    context.log.info('Keep it now: it is not shown again, only its hash is kept.');
  });
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
