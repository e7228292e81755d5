/** The hooks of a version of the repo: those of the manifest, or of the manifest that the release before had. */
import type { HookMachine, Release } from '../../kernel/hook-machine.ts';
import type { HookRequest, ModelRequest } from '../../kernel/hooks.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { ManifestPort } from '../../kernel/world.ts';
import { loadManifest } from '../manifest/load.ts';
import { type HookCommands, hookCommands } from './commands.ts';

export interface ReleasedHooks {
  readonly release: Release;
  /** The manifest of this run with the hooks of the release: what a row means does not change with it. */
  readonly manifest: ResolvedManifest;
  readonly commands: HookCommands;
}

export type Releases = (release: Release) => Promise<ReleasedHooks>;

/** The release whose files a request runs with. */
export function releaseOf(request: HookRequest | ModelRequest): Release {
  if (request.hook === 'train') return request.release;
  return request.hook === 'predict' || request.hook === 'serve' ? releaseOf(request.model) : undefined;
}

/** A release without a manifest of its own is run with the hooks of now. */
export function releases(manifest: ResolvedManifest, place: ManifestPort['place'], machine: Pick<HookMachine, 'text'>): Releases {
  const present: ReleasedHooks = { release: undefined, manifest, commands: hookCommands(manifest, place) };
  const read = async (): Promise<ReleasedHooks> => {
    const old = await loadManifest({ read: (path) => machine.text(path, 'previous') });
    if (old.value === null) return { ...present, release: 'previous' };
    const merged = { ...manifest, hooks: old.value.hooks };
    return { release: 'previous', manifest: merged, commands: hookCommands(merged, () => undefined) };
  };
  let previous: Promise<ReleasedHooks> | undefined;
  return async (release) => {
    if (release === undefined) return present;
    previous ??= read();
    return previous;
  };
}
