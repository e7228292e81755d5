/** Content-addressed keys: the same key means the same result, so that nothing has to run again. */
import { createHash } from 'node:crypto';
import type { HookCommand } from '../../facts/command.ts';
import { canonical } from '../../kernel/canonical.ts';
import type { HookMachine } from '../../kernel/hook-machine.ts';
import type { HookRequest, TrainRequest } from '../../kernel/hooks.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { TableStore } from '../../kernel/table-store.ts';
import type { HookCommands } from './commands.ts';

/** Changes when what a hook is handed changes. */
const format = 1;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export interface HookKeys {
  of(request: HookRequest): Promise<string>;
  /** Key of what `setup` installs; null without a setup hook. */
  setup(): Promise<string | null>;
}

export interface KeySources {
  readonly manifest: ResolvedManifest;
  readonly commands: HookCommands;
  readonly tables: Pick<TableStore, 'key'>;
  readonly machine: Pick<HookMachine, 'treeHash' | 'lockHash' | 'programVersion'>;
}

/** Keys of a run. The tree of the repo counts as a whole: a hook may read any of its files. */
export function hookKeys({ manifest, commands, tables, machine }: KeySources): HookKeys {
  const memo = new Map<string, Promise<string>>();
  // Of the manifest, what a hook could read and act on; a stricter gate must not train again.
  const { model, task, columns, decision, hooks } = manifest;
  const settings = { model, task, columns, decision, env: hooks.env, params: hooks.params };

  const programs = async (command: HookCommand): Promise<Record<string, string | null>> => {
    const words = command.words.flatMap((word) => word.map((piece) => ('text' in piece ? piece.text : '')));
    const text = command.isShell ? words.join(' ').split(/[\s;|&()"']+/) : words;
    const named = text.filter((word) => /^(.*\/)?(python[\d.]*|Rscript|R|julia|node)$/.test(word));
    const all = new Set([command.isShell ? 'sh' : (text[0] ?? ''), ...named]);
    return Object.fromEntries(await Promise.all([...all].map(async (name) => [name, await machine.programVersion(name)])));
  };
  const common = async (command: HookCommand) => ({
    format,
    command: command.source,
    settings,
    tree: await machine.treeHash(),
    programs: await programs(command),
    setup: await setup(),
  });
  const setup = async (): Promise<string | null> => {
    if (!commands.has('setup')) return null;
    const command = commands.get('setup');
    const paths = command.source.split(/[\s"']+/).map((word) => word.replace(/^\.\//, ''));
    const parts = { format, command: command.source, env: hooks.env, lock: await machine.lockHash(paths) };
    return sha256(canonical({ ...parts, programs: await programs(command) }));
  };
  const train = async ({ data, seed, replicate, params }: TrainRequest): Promise<string> => {
    const given = { seed, replicate, ...(params && { params }), data: await tables.key(data) };
    const parts = { ...(await common(commands.get('train'))), hook: 'train', ...given };
    return sha256(canonical(parts));
  };
  const of = async (request: HookRequest): Promise<string> => {
    if (request.hook === 'train') return train(request);
    const parts = { ...(await common(commands.get(request.hook))), hook: request.hook, input: await tables.key(request.input) };
    return sha256(canonical(request.hook === 'predict' ? { ...parts, model: await keyOf(request.model) } : parts));
  };
  const keyOf = (request: HookRequest): Promise<string> => {
    const name = canonical(request);
    const known = memo.get(name) ?? of(request);
    memo.set(name, known);
    return known;
  };
  return { of: keyOf, setup };
}
