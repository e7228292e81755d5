/** The folder that the `setup` hook fills, shared with the hooks of the rubric: what is installed once serves both. */
import type { HookMachine } from '../../kernel/hook-machine.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { ManifestPort } from '../../kernel/world.ts';
import { runSetup } from '../hooks/execute.ts';
import { hookKeys } from '../hooks/keys.ts';
import { openBudget, turns } from '../hooks/limits.ts';
import { releases } from '../hooks/releases.ts';

export interface SetupOptions {
  readonly manifest: ResolvedManifest;
  readonly place: ManifestPort['place'];
  readonly machine: HookMachine;
  readonly signal: AbortSignal;
  onStart?(): void;
  onLine?(line: string): void;
}

const noTable = (): Promise<never> => Promise.reject(new Error('setup is handed no table'));

/** Runs `setup` unless its folder is filled; null without such a hook. Rejects with HOOK_* errors. */
export async function prepareDependencies(options: SetupOptions): Promise<string | null> {
  const { manifest, place, machine, signal } = options;
  const released = releases(manifest, place, machine);
  const key = await hookKeys({ releases: released, tables: { key: noTable }, machine }).setup(undefined);
  if (key === null) return null;
  const hooks = await released(undefined);
  const around = {
    ...{ manifest, machine, signal, place },
    tables: { export: noTable, rows: noTable },
    ...{ budget: openBudget(manifest.budget), inTurn: turns(1) },
    now: () => new Date(),
    onLine: (_hook: string, line: string) => options.onLine?.(line),
  };
  return machine.dependencies(key, signal, async (folder) => {
    options.onStart?.();
    await runSetup(around, hooks, folder);
  });
}
