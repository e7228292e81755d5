/** Content-addressed keys: the same key means the same result, so that nothing has to run again. */
import { createHash } from 'node:crypto';
import type { HookCommand } from '../../facts/command.ts';
import { canonical } from '../../kernel/canonical.ts';
import type { HookMachine, Release } from '../../kernel/hook-machine.ts';
import type { HookRequest, ModelRequest, TrainRequest } from '../../kernel/hooks.ts';
import { isMlflowHook } from '../../kernel/mlflow-model.ts';
import type { TableStore } from '../../kernel/table-store.ts';
import { type ReleasedHooks, type Releases, releaseOf } from './releases.ts';
import { isTraced } from './trace.ts';

/** Changes when what a hook is handed changes. */
const format = 2;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export interface HookKeys {
  of(request: HookRequest): Promise<string>;
  /** Key of what `setup` installs; null without a setup hook. */
  setup(release: Release): Promise<string | null>;
}

export interface KeySources {
  readonly releases: Releases;
  readonly tables: Pick<TableStore, 'key'>;
  readonly machine: Pick<HookMachine, 'treeHash' | 'lockHash' | 'programVersion' | 'model'>;
}

/** Keys of a run. The tree of the repo counts as a whole: a hook may read any of its files. */
export function hookKeys({ releases, tables, machine }: KeySources): HookKeys {
  const memo = new Map<string, Promise<string>>();
  // Of the manifest, what a hook could read and act on; a stricter gate must not train again.
  const settingsOf = ({ manifest: { model, task, columns, decision, hooks } }: ReleasedHooks) => ({
    ...{ model, task, columns, decision, env: hooks.env, params: hooks.params },
  });

  const programs = async (command: HookCommand): Promise<Record<string, string | null>> => {
    const words = command.words.flatMap((word) => word.map((piece) => ('text' in piece ? piece.text : '')));
    const text = command.isShell ? words.join(' ').split(/[\s;|&()"']+/) : words;
    const named = text.filter((word) => /^(.*\/)?(python[\d.]*|Rscript|R|julia|node)$/.test(word));
    const all = new Set([command.isShell ? 'sh' : (text[0] ?? ''), ...named]);
    return Object.fromEntries(await Promise.all([...all].map(async (name) => [name, await machine.programVersion(name)])));
  };
  const common = async (request: HookRequest) => {
    const release = releaseOf(request);
    const released = await releases(release);
    const command = released.commands.get(request.hook);
    const [tree, versions] = await Promise.all([machine.treeHash(release), programs(command)]);
    return {
      format,
      command: command.source,
      // Our loader is not named by its source.
      ...(isMlflowHook(command.source) && { words: sha256(canonical(command.words)) }),
      settings: settingsOf(released),
      tree,
      programs: versions,
      setup: await setup(release),
      hook: request.hook,
    };
  };
  const setup = async (release: Release): Promise<string | null> => {
    const { commands, manifest } = await releases(release);
    if (!commands.has('setup')) return null;
    const command = commands.get('setup');
    const paths = command.source.split(/[\s"']+/).map((word) => word.replace(/^\.\//, ''));
    const lock = await machine.lockHash(paths, release);
    const parts = { format, command: command.source, env: manifest.hooks.env, lock };
    return sha256(canonical({ ...parts, programs: await programs(command) }));
  };
  const train = async (request: TrainRequest): Promise<string> => {
    const { data, seed, replicate, params, interrupted } = request;
    const given = {
      seed,
      replicate,
      ...(params && { params }),
      ...(interrupted && { interrupted }),
      data: await tables.key(data),
    };
    return sha256(canonical({ ...(await common(request)), ...given }));
  };
  const modelKey = async (model: ModelRequest): Promise<string> =>
    model.hook === 'train' ? keyOf(model) : (await machine.model(model.which)).key;
  const of = async (request: HookRequest): Promise<string> => {
    if (request.hook === 'train') return train(request);
    const isLeftover = request.hook === 'predict' && request.leftover === true;
    const trace = isTraced(request);
    const parts = {
      ...(await common(request)),
      ...(isLeftover && { isLeftover }),
      ...(trace && { trace }),
      input: await tables.key(request.input),
    };
    return sha256(canonical(request.hook === 'features' ? parts : { ...parts, model: await modelKey(request.model) }));
  };
  const keyOf = (request: HookRequest): Promise<string> => {
    const name = canonical(request);
    const known = memo.get(name) ?? of(request);
    memo.set(name, known);
    return known;
  };
  return { of: keyOf, setup };
}
