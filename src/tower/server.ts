/** Starts Control Tower: the store, the operator's token, the HTTP server. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { EnvironmentError, UsageError } from '../kernel/failure.ts';
import { ActionFault, noTargets, type TowerActions } from '../kernel/tower-actions.ts';
import { createApp } from './app.ts';
import { checkIssuer, idTokenVerifier } from './auth/gitlab.ts';
import { type LoginOptions, openLogin } from './auth/login.ts';
import { isLoopback } from './auth/loopback.ts';
import { noteBroker } from './notes/broker.ts';
import { publicOrigin } from './public-url.ts';
import { chainVerifier } from './store/audit-chain.ts';
import type { Database, OpenDatabase } from './store/database.ts';
import { type Maintenance, startMaintenance } from './store/maintain.ts';
import { openStore } from './store/open.ts';
import { qualifierOf } from './store/scope.ts';
import { settlePaths } from './store/settle-paths.ts';
import { ensureOperatorToken, setOperatorToken, TokenIsPast } from './store/tokens.ts';
import { startWorker } from './triggers/worker.ts';

export interface TowerOptions {
  /** Folder of the embedded database; made when it does not exist. Not used with `databaseUrl`. */
  readonly folder: string;
  readonly databaseUrl?: string | undefined;
  /** 127.0.0.1 unless told; another address needs `databaseUrl`. */
  readonly host?: string | undefined;
  /** 0 takes a free one. */
  readonly port: number;
  readonly version: string;
  /** Addresses of the GitLab servers whose id_tokens are trusted. */
  readonly gitlabIssuers?: readonly string[] | undefined;
  /** The first of them, where another was the first before and that is meant. */
  readonly acceptedFirstGitlab?: string | undefined;
  /** What the id_tokens' `aud` must be; the Tower's own address unless told. */
  readonly audience?: string | undefined;
  readonly defaultBranches?: readonly string[] | undefined;
  /** The operator's token is what this file holds; it is made when it does not exist. */
  readonly tokenFile?: string | undefined;
  /** Replace the operator's token by a new one. */
  readonly isTokenReplaced?: boolean | undefined;
  /** Seconds that a request may take to arrive. */
  readonly requestSeconds?: number | undefined;
  /** What is done when an alert opens: elsewhere nothing, unless given. */
  readonly actions?: TowerActions | undefined;
  /** Where people log in; needs `publicUrl`. */
  readonly login?: Omit<LoginOptions, 'publicUrl' | 'qualifier'> | undefined;
  /** Origin at which people reach this server, for links and copied commands; where it listens unless told. */
  readonly publicUrl?: string | undefined;
  /** When months are sealed, and how long what is kept. */
  readonly maintenance?: Maintenance | undefined;
  /** Milliseconds between two looks at what waits to be judged or delivered. */
  readonly workerPause?: number | undefined;
  /** Told of errors of ours; nothing of them reaches a client. */
  onError?(error: unknown, requestId: string): void;
}

export interface Tower {
  readonly url: string;
  /** The operator's token when it was just made or comes from a file; else null, for only its hash is kept. */
  readonly token: string | null;
  readonly engine: string;
  readonly location: string;
  readonly durability: string;
  /** Finishes running requests (5 seconds at most), then closes the database. */
  close(): Promise<void>;
}

function tokenIn(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new EnvironmentError('TOWER_TOKEN_FILE', `The token file ${path} cannot be read: ${String(error)}`, {
      hint: 'Check its permissions.',
    });
  }
}

/** @returns the token when it may be shown. */
async function prepareToken(db: Database, { tokenFile, isTokenReplaced = false }: TowerOptions): Promise<string | null> {
  if (tokenFile === undefined) return ensureOperatorToken(db, isTokenReplaced);
  const given = isTokenReplaced ? null : tokenIn(tokenFile);
  if (given !== null) {
    if (!/^[\w-]{20,200}$/.test(given))
      throw new UsageError('TOWER_TOKEN_FILE', `The token file ${tokenFile} does not hold 20 to 200 letters, digits, - or _`, {
        hint: 'Remove the file and a token is made in it, or put a long random one there.',
      });
    await setOperatorToken(db, given).catch((error: unknown) => {
      if (!(error instanceof TokenIsPast)) throw error;
      throw new UsageError('TOWER_TOKEN_FILE', `The token in ${tokenFile} was revoked or replaced, or belongs to somebody else`, {
        hint: 'Put another long random one there, or remove the file and a new one is made in it.',
      });
    });
    return given;
  }
  const made = await ensureOperatorToken(db, true);
  try {
    writeFileSync(tokenFile, `${made}\n`, { mode: 0o600 });
  } catch (error) {
    throw new EnvironmentError('TOWER_TOKEN_FILE', `The token file ${tokenFile} cannot be written: ${String(error)}`, {
      hint: 'Choose a place that this user may write to.',
    });
  }
  return made;
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why: Readonly<Record<string, string>> = {
        EADDRINUSE: 'it is in use',
        EACCES: 'this user may not listen on it',
        EADDRNOTAVAIL: 'this machine does not have that address',
      };
      reject(
        new EnvironmentError(
          'TOWER_PORT',
          `Control Tower cannot listen on ${host} port ${port}: ${why[error.code ?? ''] ?? error.message}`,
          {
            hint: 'Choose another with --port N; --port 0 takes a free one.',
            cause: error,
          },
        ),
      );
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

const noActions: TowerActions = {
  ...noTargets,
  send: () => Promise.reject(new ActionFault('this server sends no webhooks')),
};

const stop = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), 5000);
    server.close(() => {
      clearTimeout(force);
      resolve();
    });
    server.closeIdleConnections();
  });

/**
 * Starts the server and resolves when it answers.
 * @throws EnvironmentError (exit 3): folder in use or not writable, database not usable, port taken.
 * @throws UsageError (exit 2): an address of the network without PostgreSQL, a malformed address.
 */
export async function startTower(options: TowerOptions): Promise<Tower> {
  const { host = '127.0.0.1', databaseUrl, port, gitlabIssuers = [], acceptedFirstGitlab, requestSeconds = 30 } = options;
  const isLocal = isLoopback(host);
  if (!isLocal && !databaseUrl)
    throw new UsageError(
      'TOWER_HOST',
      `The address ${host} can be reached from other machines, and the embedded database is for this one`,
      {
        hint: 'Give --database-url (PostgreSQL), or listen on 127.0.0.1.',
      },
    );
  if (gitlabIssuers.length > 0 && !options.audience)
    throw new UsageError('TOWER_AUDIENCE', 'GitLab id_tokens are trusted for one audience, and none is named', {
      hint: "Give --audience with the value of the jobs' id_tokens aud, usually this server's address.",
    });
  if (options.login && !options.publicUrl && !isLocal)
    throw new UsageError(
      'TOWER_LOGIN',
      'People are sent back here after their login, and no address is named at which they reach this server',
      {
        hint: 'Give --public-url, for example https://tower.example.com.',
      },
    );
  const ownOrigin = options.publicUrl === undefined ? null : publicOrigin(options.publicUrl, options.login !== undefined);
  const verifyIdToken = gitlabIssuers.length > 0 && options.audience ? idTokenVerifier(gitlabIssuers, options.audience) : null;
  const trusted = gitlabIssuers.map(checkIssuer);
  const loginIssuer = options.login?.issuer.replace(/\/+$/, '') ?? '';
  // Groups of a provider that is no GitLab of ours are named like those of the first.
  const qualifierOfLogin = trusted.includes(loginIssuer) ? qualifierOf(trusted[0] ?? '', loginIssuer) : '';
  // The port comes first: whether it is free is known at once, the database takes seconds.
  let fetch: Hono['fetch'] = () => new Response('starting\n', { status: 503 });
  const server = createAdaptorServer({
    fetch: (request, bindings) => fetch(request, bindings),
    hostname: host,
    serverOptions: {
      requestTimeout: requestSeconds * 1000,
      headersTimeout: Math.min(10, requestSeconds) * 1000,
      connectionsCheckingInterval: Math.min(5, requestSeconds) * 1000,
    },
  }) as Server;
  const bound = await listen(server, host, port);
  let store: OpenDatabase | undefined;
  try {
    store = await openStore(databaseUrl ? { databaseUrl } : { folder: options.folder });
    const { db, engine, location, durability, close } = store;
    await settlePaths(db, trusted, acceptedFirstGitlab && checkIssuer(acceptedFirstGitlab));
    const token = await prepareToken(db, options);
    const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
    const url = `http://${name}:${bound}`;
    const actions = options.actions ?? noActions;
    const chain = chainVerifier(db);
    const app = createApp({
      db,
      chain,
      version: options.version,
      verifyIdToken,
      defaultBranches: options.defaultBranches ?? ['main', 'master'],
      isLocal,
      publicUrl: ownOrigin,
      actions,
      note: actions.gitlab
        ? noteBroker({
            db,
            gitlab: actions.gitlab,
            url: ownOrigin ?? url,
            onError: (error) => options.onError?.(error, 'note'),
          })
        : null,
      login: options.login ? openLogin({ ...options.login, publicUrl: ownOrigin ?? url, qualifier: qualifierOfLogin }) : null,
      onError: options.onError ?? (() => {}),
    });
    fetch = app.fetch;
    const worker = startWorker({
      db,
      actions,
      url: ownOrigin ?? url,
      pause: options.workerPause,
      onError: (error) => options.onError?.(error, 'worker'),
    });
    const maintenance = startMaintenance(db, chain, options.maintenance ?? {}, (error) =>
      options.onError?.(error, 'maintenance'),
    );
    return {
      url,
      token,
      engine,
      location,
      durability,
      async close() {
        await Promise.all([stop(server), worker.stop(), maintenance.stop()]);
        await close();
      },
    };
  } catch (error) {
    await stop(server);
    await store?.close();
    throw error;
  }
}
