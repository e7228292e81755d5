/** Executing hooks on this machine: puts processes, working copies and the cache together. */
import { access, constants, mkdir, open, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../kernel/failure.ts';
import type { HookMachine } from '../kernel/hook-machine.ts';
import { openHookCache } from './hook-cache.ts';
import { holdCommand, runCommand } from './process.ts';
import { hookEnvironment, secretValues } from './process-environment.ts';
import { textsIn } from './search-bytes.ts';
import { serveAndAsk } from './serve/session.ts';
import { copyTree } from './tree.ts';
import { openWorkingCopies } from './working-copy.ts';

export interface HookMachineOptions {
  /** Absolute path of the model repo. */
  readonly root: string;
  /** Our own environment; hooks see an allow-listed part of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the cache folder; null = off. */
  readonly cacheFolder: string | null;
  /** GitLab's CI_COMMIT_REF_PROTECTED. */
  readonly isProtected: boolean;
  /** False on schedules: everything is executed, and the cache renewed. */
  readonly isCacheRead: boolean;
  /** Globs of files that no working copy holds: the manifest's tables. */
  readonly exclude: readonly string[];
  /** Finds models that are not trained here. */
  readonly model?: HookMachine['model'];
  readonly signal: AbortSignal;
}

/** Programs whose version changes what a hook computes, and that tell it without running code of a repo. */
const interpreters = /^(python[\d.]*|pypy[\d.]*|Rscript|R|julia|node|perl|ruby)$/;

/** Opens the machine; `close` removes everything temporary. */
export async function openHookMachine(options: HookMachineOptions): Promise<HookMachine> {
  const { root, env, cacheFolder, signal } = options;
  const inRepo = cacheFolder?.startsWith(`${root}/`) ? [`${cacheFolder.slice(root.length + 1)}/**`] : [];
  const copies = await openWorkingCopies({ root, exclude: [...options.exclude, ...inRepo], signal });
  const { isProtected, isCacheRead: isRead } = options;
  const { keep } = copies;
  // What an unprotected ref installed is not run by a protected one.
  const dependencyFolder = async (): Promise<string> => {
    const base = env.FLIGHTCHECK_ENV_DIR || (cacheFolder ? join(cacheFolder, 'env') : await keep('env'));
    return join(base, isProtected ? 'protected' : 'open');
  };
  const versions = new Map<string, Promise<string | null>>();
  try {
    const cache = cacheFolder === null ? null : await openHookCache({ folder: cacheFolder, root, isProtected, isRead, keep });
    return {
      run: runCommand,
      hold: holdCommand,
      serve: serveAndAsk,
      workspace: copies.create,
      treeHash: copies.treeHash,
      lockHash: copies.lockHash,
      textsIn,
      text: copies.text,
      model: options.model ?? noModel,
      environment: (folders) => hookEnvironment(env, folders),
      secrets: secretValues(env),
      cache,
      keep,
      copy: copyTree,
      programVersion(program) {
        const known = versions.get(program) ?? versionOf(program, options, keep);
        versions.set(program, known);
        return known;
      },
      dependencies: async (key, stop, fill) => fillOnce(join(await dependencyFolder(), key), stop, fill),
      hasDependencies: async (key) => isThere(`${join(await dependencyFolder(), key)}.complete`),
      async close() {
        await Promise.all([cache?.prune(), copies.close()]);
      },
    };
  } catch (error) {
    await copies.close();
    throw error;
  }
}

const noModel: HookMachine['model'] = async () => {
  throw new UsageError('MODEL_MISSING', 'no model is given', { hint: 'Name one under mlflow or quality.production.' });
};

async function findProgram(program: string, path: string): Promise<string | null> {
  const candidates = program.includes('/')
    ? [program]
    : path.split(delimiter).flatMap((folder) => (isAbsolute(folder) ? [join(folder, program)] : []));
  for (const candidate of candidates) {
    const isProgram = await access(candidate, constants.X_OK)
      .then(async () => (await stat(candidate)).isFile())
      .catch(() => false);
    if (isProgram) return candidate;
  }
  return null;
}

async function versionOf(program: string, options: HookMachineOptions, keep: HookMachine['keep']): Promise<string | null> {
  // A program of the repo is part of the tree hash.
  if (program.includes('/') && !isAbsolute(program)) return 'in the repo';
  const found = await findProgram(program, options.env.PATH ?? '');
  if (found === null) return null;
  const real = await realpath(found);
  const { size, mtimeMs } = await stat(real);
  const identity = `${real} ${size} ${Math.round(mtimeMs)}`;
  const isOfRepo = [found, real].some((path) => path.startsWith(`${options.root}/`));
  if (isOfRepo || !interpreters.test(program.slice(program.lastIndexOf('/') + 1))) return identity;
  const folder = await keep('version');
  const asked = await runCommand({
    argv: [found, '--version'],
    cwd: folder,
    env: hookEnvironment(options.env, { home: folder, temporary: folder, env: null }),
    limits: { seconds: 20, memoryBytes: 2 ** 30, outputBytes: 2 ** 16 },
    signal: options.signal,
  });
  return asked.exitCode === 0 ? asked.tail.join(' ') : identity;
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Fills a folder once over all processes that share it: a lock file names who is at it, a marker file says that it is whole. */
async function fillOnce(folder: string, signal: AbortSignal, fill: (folder: string) => Promise<void>): Promise<string> {
  const [marker, lock] = [`${folder}.complete`, `${folder}.lock`];
  const isWhole = async (): Promise<boolean> => (await isThere(marker)) && (await isThere(folder));
  await mkdir(join(folder, '..'), { recursive: true });
  while (!(await isWhole())) {
    signal.throwIfAborted();
    const mine = await open(lock, 'wx').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return null;
      throw error;
    });
    if (mine === null) {
      if (await isAbandoned(lock)) await rm(lock, { force: true });
      else await sleep(200);
      continue;
    }
    try {
      await mine.writeFile(String(process.pid));
      await mine.close();
      // Between our look and our lock another process may have finished.
      if (await isWhole()) break;
      await rm(folder, { recursive: true, force: true });
      for (const part of ['python', 'r', 'renv']) await mkdir(join(folder, part), { recursive: true });
      await fill(folder);
      await writeFile(marker, '');
    } finally {
      await rm(lock, { force: true });
    }
  }
  return folder;
}

/** The process that made the lock is gone, or it has been at it for longer than any hook may run. */
async function isAbandoned(lock: string): Promise<boolean> {
  const [text, stats] = await Promise.all([readFile(lock, 'utf8').catch(() => ''), stat(lock).catch(() => null)]);
  if (!stats) return false;
  const age = Date.now() - stats.mtimeMs;
  if (text === '') return age > 5000;
  try {
    process.kill(Number(text), 0);
    return age > 24 * 3600 * 1000;
  } catch {
    return true;
  }
}
