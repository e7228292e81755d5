/** The hooks of a manifest as commands: which placeholders each may and must use. */
import { type HookCommand, type Placeholder, parseCommand } from '../../facts/command.ts';
import { type Place, UsageError } from '../../kernel/failure.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import { isMlflowHook, parseMlflowHook } from '../../kernel/mlflow-model.ts';
import { mlflowCommand } from './mlflow-loader.ts';

export type HookName = 'setup' | 'train' | 'predict' | 'features' | 'serve';

interface Contract {
  readonly allowed: readonly Placeholder[];
  /** At least one of each group; without it the hook cannot do its work. */
  readonly needed: readonly (readonly Placeholder[])[];
}

const contracts: Readonly<Record<HookName, Contract>> = {
  setup: { allowed: [], needed: [] },
  train: { allowed: ['data', 'seed', 'params', 'model'], needed: [['data'], ['model']] },
  predict: {
    allowed: ['model', 'in', 'out', 'historic', 'future', 'params', 'seed'],
    needed: [['model'], ['in', 'future'], ['out']],
  },
  features: { allowed: ['in', 'out', 'params'], needed: [['in'], ['out']] },
  serve: { allowed: ['model', 'port'], needed: [['port']] },
};

export interface HookCommands {
  has(hook: HookName): boolean;
  /** The command of a hook. Throws a UsageError (HOOK_*) when it is missing or cannot be run as it is written. */
  get(hook: HookName): HookCommand;
}

/** Reads the commands of a manifest, each when it is asked for: a fault in one does not stop the others. */
export function hookCommands(manifest: ResolvedManifest, place: (key: string) => Place | undefined): HookCommands {
  const read = new Map<HookName, HookCommand>();
  const compile = (hook: HookName): HookCommand => {
    const name = `hooks.${hook}`;
    const at = place(name);
    const source = manifest.hooks[hook];
    if (source === undefined)
      throw new UsageError('HOOK_MISSING', `there is no ${hook} hook`, {
        hint: `Add ${name} to the manifest: the command that runs your own ${hook} code.`,
        place: at,
      });
    if (isMlflowHook(source)) {
      if (hook === 'predict' && parseMlflowHook(source) !== null) return mlflowCommand(source, manifest);
      throw new UsageError(
        'HOOK_MLFLOW',
        `${name}: ${hook === 'predict' ? `no model is named by ${source}` : 'only predict can be an MLflow model'}`,
        {
          hint: 'Write `predict: mlflow:models/NAME@ALIAS`, `mlflow:models:/NAME/3` or `mlflow:path/to/model/folder`.',
          place: at,
        },
      );
    }
    const { allowed, needed } = contracts[hook];
    const command = parseCommand(source, { name, allowed, place: at });
    const lacking = needed.find((group) => !group.some((placeholder) => command.uses.has(placeholder)));
    if (lacking)
      throw new UsageError(
        'HOOK_PLACEHOLDER_MISSING',
        `${name}: the command does not use ${lacking.map((p) => `{${p}}`).join(' or ')}: ${command.source}`,
        { hint: `Hand ${lacking.map((p) => `{${p}}`).join(' or ')} to your program as an argument.`, place: at },
      );
    return command;
  };
  return {
    has: (hook) => manifest.hooks[hook] !== undefined,
    get(hook) {
      const command = read.get(hook) ?? compile(hook);
      read.set(hook, command);
      return command;
    },
  };
}
