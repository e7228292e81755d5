/** The files that `data` names, for commands that read them from the repo: Git may ignore them, and then no working copy has them. */
import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type SourceFile, sourceFiles } from '../../adapters/tables/source-files.ts';
import { FlightcheckError } from '../../kernel/failure.ts';
import type { HookMachine } from '../../kernel/hook-machine.ts';
import { sourceNames } from '../../kernel/hooks.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { Repo } from '../repo.ts';

export interface DataFiles {
  readonly files: readonly SourceFile[];
  /** Of each entry that is not there: which, and why. */
  readonly missing: readonly string[];
}

export async function dataFiles({ root, manifest: { place, path } }: Repo, { data }: ResolvedManifest): Promise<DataFiles> {
  const files: SourceFile[] = [];
  const missing: string[] = [];
  for (const name of sourceNames) {
    const pattern = data[name];
    const key = `data.${name}`;
    try {
      if (pattern !== undefined) files.push(...(await sourceFiles(root, pattern, key, place(key) ?? { path })));
    } catch (error) {
      if (!(error instanceof FlightcheckError)) throw error;
      missing.push(error.message);
    }
  }
  return { files, missing };
}

/** Puts those into a working copy that it lacks. */
export async function addDataFiles(machine: HookMachine, repo: string, { files }: DataFiles): Promise<void> {
  for (const { path, absolute } of files) {
    const target = join(repo, path);
    // A link whose target Git ignores leads nowhere in the copy.
    if (await stat(target).catch(() => null)) continue;
    await rm(target, { force: true });
    await mkdir(dirname(target), { recursive: true });
    await machine.copy(absolute, target);
  }
}
