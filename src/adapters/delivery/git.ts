/** A Git repository that Airflow reads: every delivery is a commit with trailers, every way back a revert, never a force-push. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type SimpleGit, simpleGit } from 'simple-git';
import type { DagTarget, DeliveryRecord } from '../../kernel/delivery.ts';
import { EnvironmentError, FlightcheckError, UsageError } from '../../kernel/failure.ts';
import { makeTemporary } from '../temporary.ts';

export interface GitTargetOptions {
  readonly url: string;
  readonly branch: string;
  /** Folder in the repository, relative. */
  readonly path: string;
  /** Environment of git: PATH, HOME and what authenticates. */
  readonly env: Readonly<Record<string, string>>;
  /** After so long without a byte a server over HTTP is given up. */
  readonly stallSeconds?: number;
}

const mostTries = 5;

const trailers = ({ hash, previousHash, commit, imageDigest, model }: DeliveryRecord): string =>
  [
    `Render-Hash: ${hash}`,
    `Previous-Hash: ${previousHash ?? 'none'}`,
    `Source-Commit: ${commit}`,
    ...(imageDigest === null ? [] : [`Image-Digest: ${imageDigest}`]),
    ...(model ? [`Model-Version: ${model.version}`, `Previous-Model-Version: ${model.previousVersion ?? 'none'}`] : []),
  ].join('\n');

/** The record in the message of a delivery. */
function recordIn(message: string): DeliveryRecord {
  const of = (key: string): string | null => {
    const value = message.split('\n').find((line) => line.startsWith(`${key}: `));
    return value?.slice(key.length + 2) ?? null;
  };
  const orNone = (key: string): string | null => (of(key) === 'none' ? null : of(key));
  const version = of('Model-Version');
  return {
    hash: of('Render-Hash') ?? '',
    previousHash: orNone('Previous-Hash'),
    commit: of('Source-Commit') ?? '',
    imageDigest: of('Image-Digest'),
    ...(version !== null && { model: { version, previousVersion: orNone('Previous-Model-Version') } }),
  };
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What git says, without the credentials that an address can hold. */
const said = (error: unknown): string =>
  wordsOf(error)
    .replaceAll(/\/\/[^/@\s]+@/g, '//***@')
    .trim()
    .slice(0, 500);

const failed = (what: string, error: unknown): EnvironmentError =>
  new EnvironmentError('DELIVERY_FAILED', `${what} failed: ${said(error)}`, {
    hint: 'Check the address, the branch (may this account push to it?) and the credentials of git on this runner.',
    cause: error,
  });

/** What happens in the clone fails of its disk, if at all; git does not always say so. */
const local = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    if (error instanceof FlightcheckError) throw error;
    throw new EnvironmentError('DELIVERY_FAILED', `Working in the clone of the repository failed: ${said(error)}`, {
      hint: 'Is there space left where this runner keeps temporary files (TMPDIR)? Nothing was delivered.',
      cause: error,
    });
  });

/** A push that the server refused or never got; of any other error it may have done what was asked. */
const isRefusal = (text: string): boolean =>
  /rejected|denied|refused|not allowed|could not resolve|authentication|error: 4\d\d|not found/i.test(text);

const unsure = (what: string, error: unknown): EnvironmentError =>
  new EnvironmentError('DELIVERY_UNSURE', `${what} had no answer, so it may have arrived: ${said(error)}`, {
    hint: 'Look at the branch; run this again when the server answers: it finds what is there.',
    cause: error,
  });

/** Opens a clone of the branch's tip in a temporary folder; `close` removes it. */
export async function openGitTarget(options: GitTargetOptions): Promise<DagTarget & { close(): Promise<void> }> {
  const { url, branch } = options;
  const folder = options.path.replace(/^\/+|\/+$/g, '');
  if (url.startsWith('-') || /^[a-z+]*ext::/i.test(url) || folder.split('/').includes('..'))
    throw new UsageError(
      'DELIVERY_ADDRESS',
      `environments.*.deliver.git: ${said(url)} with path ${options.path} is no repository and folder`,
      {
        hint: 'Name an https or ssh address and a folder inside the repository.',
      },
    );
  const clone = await makeTemporary('dags');
  const plain: SimpleGit = simpleGit({
    baseDir: clone,
    config: [
      'user.name=Flightcheck',
      'user.email=flightcheck@localhost',
      'commit.gpgSign=false',
      'core.hooksPath=/dev/null',
      'protocol.ext.allow=never',
      'http.lowSpeedLimit=1',
      `http.lowSpeedTime=${options.stallSeconds ?? 60}`,
    ],
    unsafe: {
      allowUnsafeHooksPath: true,
      allowUnsafeProtocolOverride: true,
      allowUnsafeAskPass: true,
      allowUnsafeSshCommand: true,
    },
    allowEnvironment: ['GIT_TERMINAL_PROMPT', 'GIT_ASKPASS', 'GIT_SSH_COMMAND'],
  });
  // No command is told to be quiet: simple-git waits a while for the words of one that says nothing.
  const git = plain.env({ ...options.env, GIT_TERMINAL_PROMPT: '0' });
  const close = () => rm(clone, { recursive: true, force: true });
  try {
    await git.raw(['clone', '--single-branch', '--branch', branch, '--', url, '.']);
  } catch (error) {
    await close();
    throw failed(`Cloning ${said(url)}, branch ${branch},`, error);
  }
  const pathOf = (name: string): string => (folder === '' ? name : `${folder}/${name}`);
  const head = async (): Promise<string> => (await git.raw(['rev-parse', 'HEAD'])).trim();
  const refresh = async (): Promise<void> => {
    await git.raw(['fetch', 'origin', branch]).catch((error: unknown) => Promise.reject(failed(`Fetching ${branch}`, error)));
    await local(git.raw(['reset', '--hard', 'FETCH_HEAD']));
  };
  /**
   * Commits what `change` makes of the newest tip and pushes it; another push in between means doing it again. What `change`
   * returns instead of committing ends it.
   */
  const push = async <T extends string = never>(change: () => Promise<T | null>): Promise<T | string> => {
    for (let tries = 1; ; tries++) {
      await refresh();
      const instead = await local(change());
      if (instead !== null) return instead;
      try {
        await git.raw(['push', 'origin', `HEAD:refs/heads/${branch}`]);
        return await head();
      } catch (error) {
        const isRace = /fetch first|non-fast-forward|cannot lock ref|failed to update ref|incorrect old value/i.test(
          wordsOf(error),
        );
        if (isRace && tries < mostTries) continue;
        throw (isRace || isRefusal(said(error)) ? failed : unsure)(`Pushing to ${branch}`, error);
      }
    }
  };
  /** The last delivery of the file that is neither rolled back nor removed: what was is not rolled back twice. */
  const undoable = async (name: string): Promise<string | null> => {
    const last = async (pattern: string): Promise<string> =>
      (await git.raw(['log', '-1', '--format=%H', `--grep=${pattern}`, '--', pathOf(name)])).trim();
    const [delivery, either] = [await last('^Render-Hash:'), await last('^\\(Render-Hash\\|Reverts\\|Removes\\):')];
    return delivery === '' || either !== delivery ? null : delivery;
  };
  const read = (name: string): Promise<string | null> => readFile(join(clone, pathOf(name)), 'utf8').catch(() => null);
  return {
    words: `repository ${said(url)}, branch ${branch}, folder ${folder || '/'}`,
    close,
    async read(name) {
      await refresh();
      return read(name);
    },
    write: (name, text, record) =>
      push(async () => {
        const path = join(clone, pathOf(name));
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, text);
        await git.raw(['add', '--verbose', '--', pathOf(name)]);
        await git.raw(['commit', '--allow-empty', '-m', `Deploy ${name}`, '-m', trailers(record)]);
        return null;
      }),
    async last(name) {
      await refresh();
      const delivery = await undoable(name);
      return delivery === null ? null : recordIn(await git.raw(['log', '-1', '--format=%B', delivery]));
    },
    async revert(name, reason, delivered) {
      const done = await push<'nothing' | 'superseded'>(async () => {
        const delivery = await undoable(name);
        if (delivery === null) return 'nothing';
        if (delivered !== undefined && (await read(name)) !== delivered) return 'superseded';
        await git
          .raw(['revert', '--no-edit', '--no-commit', delivery])
          .catch((error: unknown) =>
            Promise.reject(failed(`Reverting ${delivery.slice(0, 8)}, which was changed since,`, error)),
          );
        await git.raw(['commit', '-m', `Roll back ${name}`, '-m', `${reason}\n\nReverts: ${delivery}`]);
        return null;
      });
      return done === 'nothing' || done === 'superseded' ? done : { text: await read(name), change: done };
    },
    async remove(name, reason) {
      await refresh();
      if ((await read(name)) === null) return;
      await push(async () => {
        await git.raw(['rm', '--ignore-unmatch', '--', pathOf(name)]);
        await git.raw(['commit', '--allow-empty', '-m', `Remove ${name}`, '-m', `${reason}\n\nRemoves: ${name}`]);
        return null;
      });
    },
  };
}
