/** Opens a model repo: the ports that every runner shares, and the head of its report. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { openFiles } from '../adapters/files.ts';
import { openGit } from '../adapters/git.ts';
import { readText } from '../adapters/read-text.ts';
import { type LoadedManifest, loadManifest } from '../engine/manifest/load.ts';
import { languageOf } from '../facts/language.ts';
import { EnvironmentError, UsageError } from '../kernel/failure.ts';
import type { Report, SuiteReport } from '../kernel/report.ts';
import { isComplete } from '../kernel/score.ts';
import type { Files, Git } from '../kernel/world.ts';
import type { Context, Invocation } from './command.ts';
import { manifestOverrides } from './options.ts';
import { componentOf, runOf, sourceOf } from './surroundings.ts';

export interface Repo {
  /** Absolute path of the model repo (or of the model's folder in it). */
  readonly root: string;
  readonly manifest: LoadedManifest;
  readonly files: Files;
  readonly git: Git;
  readonly startedAt: Date;
}

/** The folder a command is about: its argument, else FLIGHTCHECK_MODEL_DIR, else where it was called. */
export async function rootOf(context: Context, invocation: Invocation): Promise<string> {
  const given = invocation.args[0] ?? (context.env.FLIGHTCHECK_MODEL_DIR || '.');
  const root = resolve(context.cwd, given);
  const found = await stat(root).catch(() => null);
  if (!found?.isDirectory())
    throw new UsageError('NO_SUCH_FOLDER', `${given} is ${found ? 'not a folder' : 'not there'}`, {
      hint: 'Name the folder of a model repo, or call this inside one.',
    });
  const refused = await access(root, constants.R_OK | constants.X_OK).catch((error: NodeJS.ErrnoException) => error);
  if (refused)
    throw new EnvironmentError('FOLDER_UNREADABLE', `${given} cannot be read: ${refused.code}`, {
      hint: 'Give this user the right to list and enter the folder.',
    });
  return root;
}

/** The manifest alone, for commands that need no walk of the tree. */
export const openManifest = (root: string, invocation: Invocation): Promise<LoadedManifest> =>
  loadManifest({ read: (path) => readText(root, path), overrides: manifestOverrides(invocation) });

/** Where there is no manifest, and there are some in folders below: these are the models. */
function withModelsBelow(manifest: LoadedManifest, files: Files, pathOf: (folder: string) => string): LoadedManifest {
  const below = manifest.exists ? [] : files.glob('**/flightcheck.yml').map((path) => pathOf(dirname(path)));
  const [first] = below;
  if (first === undefined) return manifest;
  const hint = `There ${below.length === 1 ? 'is one' : 'are some'} in ${below.slice(0, 5).join(', ')}: name the folder of the model, as in \`flightcheck check ${first}\`.`;
  return { ...manifest, problems: manifest.problems.map((one) => (one.code === 'MANIFEST_MISSING' ? { ...one, hint } : one)) };
}

/** Opens a repo: manifest, files, history. */
export async function openRepo(context: Context, invocation: Invocation): Promise<Repo> {
  const startedAt = new Date();
  const root = await rootOf(context, invocation);
  const [manifest, files, git] = await Promise.all([openManifest(root, invocation), openFiles(root), openGit(root)]);
  const pathOf = (folder: string): string => relative(context.cwd, join(root, folder));
  return { root, manifest: withModelsBelow(manifest, files, pathOf), files, git, startedAt };
}

/** What the manifest says about the model; without a valid one the folder's name stands in. */
function modelOf(repo: Repo): Report['model'] {
  const model = repo.manifest.value?.model;
  const language = languageOf(repo.files.all.map((file) => file.path));
  if (!model) return { name: basename(repo.root), owner: null, tier: 'standard', labels: {}, language };
  const { name, owner, tier, labels, title, description } = model;
  const task = repo.manifest.value?.task;
  return {
    name,
    owner,
    tier,
    labels,
    language,
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(task !== undefined && { task }),
  };
}

/** The report of one runner. */
export function reportOf(
  context: Context,
  repo: Repo,
  runner: string,
  suites: readonly SuiteReport[],
  more: Partial<Pick<Report, 'metrics' | 'notices' | 'image'>> = {},
): Report {
  const component = componentOf(context.env);
  return {
    schema: 1,
    runner,
    tool: { name: 'flightcheck', version: context.version },
    ...(component && { component }),
    at: repo.startedAt.toISOString(),
    seconds: (Date.now() - repo.startedAt.getTime()) / 1000,
    complete: isComplete(suites) && !context.signal.aborted,
    ...(context.signal.aborted && { interrupted: true }),
    model: modelOf(repo),
    source: sourceOf(context.env, repo.git),
    run: runOf(context.env),
    suites,
    metrics: more.metrics ?? [],
    ...(more.image !== undefined && { image: more.image }),
    ...(more.notices && more.notices.length > 0 && { notices: more.notices }),
  };
}
