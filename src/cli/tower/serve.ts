/** Runs Control Tower until it is interrupted. */
import { rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { EnvironmentError, exitCode, UsageError } from '../../kernel/failure.ts';
import { oneLine } from '../../reports/text.ts';
import { startTower, type Tower, type TowerOptions } from '../../tower/server.ts';
import type { Context, Invocation, Log } from '../command.ts';
import { readActions } from './actions.ts';
import { readLogin } from './login.ts';
import { storeOptions } from './store.ts';

/** One line on standard error, also with `--json`, which silences the log: whoever asked was told that it stands there. */
export const errorTeller =
  (log: Log) =>
  (error: unknown, requestId: string): void => {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`warning: request ${requestId} failed: ${oneLine(message)}\n`);
    if (error instanceof Error && error.stack) log.debug(error.stack);
  };

function towerOptions(context: Context, { options }: Invocation): TowerOptions {
  const { cwd, version, log } = context;
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined);
  const list = (name: string): readonly string[] | undefined => (Array.isArray(options[name]) ? options[name] : undefined);
  const path = (name: string): string | undefined => (text(name) === undefined ? undefined : resolve(cwd, text(name) ?? ''));
  const whole = (name: string, least: number): number | undefined => {
    const value = options[name];
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= 1200) return value;
    throw new UsageError('TOWER_KEEP', `--${name} is ${String(value)}, expected a whole number from ${least} to 1200`, {
      hint: 'Leave it out to keep all.',
    });
  };
  const port = typeof options.port === 'number' ? options.port : 4700;
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UsageError('TOWER_PORT', `--port is ${port}, expected a whole number from 0 to 65535`, {
      hint: '0 takes a free port.',
    });
  return {
    ...storeOptions(context, { options }),
    host: text('host'),
    port,
    version,
    gitlabIssuers: list('gitlab-issuer'),
    acceptedFirstGitlab: text('accept-first-gitlab'),
    audience: text('audience'),
    defaultBranches: list('default-branch'),
    tokenFile: path('token-file'),
    isTokenReplaced: options['new-token'] === true,
    actions: readActions(path('actions'), context.env),
    login: readLogin(path('login'), context.env),
    maintenance: {
      sealAfterDays: whole('seal-after-days', 1),
      pointMonths: whole('keep-points', 1),
      dayMonths: whole('keep-daily', 1),
      weekMonths: whole('keep-weekly', 1),
    },
    publicUrl: text('public-url'),
    onError: errorTeller(log),
  };
}

function writeReadyFile(path: string, content: object): void {
  try {
    writeFileSync(path, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  } catch (error) {
    throw new EnvironmentError('TOWER_READY_FILE', `The file ${path} cannot be written: ${String(error)}`, {
      hint: 'Choose a place that this user may write to.',
    });
  }
}

/** A token that stands in a file is not shown: what a server prints is kept in logs. */
const told = (tower: Tower, version: string, tokenFile: unknown): string =>
  [
    `Control Tower ${version} is ready: ${tower.url}`,
    `  database     ${tower.engine}, ${tower.location}`,
    `  durability   ${tower.durability}`,
    ...(typeof tokenFile === 'string'
      ? [`  token        the operator's, in ${tokenFile}`]
      : tower.token === null
        ? ["  token        the operator's, as shown when it was made; --new-token makes another"]
        : [
            `  token        ${tower.token}`,
            "               the operator's, which may do everything; only its hash is kept here",
            '               pipelines and scripts get their own, with this one in FLIGHTCHECK_TOWER_TOKEN:',
            `               flightcheck tower token create NAME --role write --tower-url ${tower.url}`,
          ]),
    'Ctrl-C stops it.',
    '',
  ].join('\n');

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

export async function serveTower(context: Context, invocation: Invocation): Promise<number> {
  const tower = await startTower(towerOptions(context, invocation));
  const readyFile = invocation.options['ready-file'];
  const readyPath = typeof readyFile === 'string' ? resolve(context.cwd, readyFile) : null;
  try {
    const tokenFile = invocation.options['token-file'];
    const { url, engine, location, durability } = tower;
    const token = typeof tokenFile === 'string' ? null : tower.token;
    const ready = { url, token, engine, location, durability, pid: process.pid };
    if (readyPath !== null) writeReadyFile(readyPath, ready);
    context.print(context.isJson ? `${JSON.stringify(ready)}\n` : told(tower, context.version, tokenFile));
    await aborted(context.signal);
    return exitCode.interrupted;
  } finally {
    if (readyPath !== null) rmSync(readyPath, { force: true });
    await tower.close();
  }
}
