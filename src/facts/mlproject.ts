/**
 * MLproject files (https://mlflow.org/docs/latest/ml/projects/): entry points as hooks. Their parameters get our names by
 * the manifest's `hooks.map`, else by the conventions met in public repos; the rest keeps its default. Nothing is
 * downloaded: a parameter of type `uri` or `path` is text.
 */
import { type Place, UsageError } from '../kernel/failure.ts';
import { type Placeholder, placeholders, quoteForShell } from './command.ts';
import { isMap } from './is-map.ts';
import { type KeyPath, parseYaml, type YamlDocument } from './yaml.ts';

export const mlprojectFile = 'MLproject';

type HookOfMlproject = 'train' | 'predict' | 'features';

export interface MlprojectHooks {
  /** The part of a manifest that the file supplies: commands with our placeholders, and `params`. */
  readonly hooks: Readonly<Partial<Record<HookOfMlproject, string>>> & { readonly params?: unknown };
  /** `forecast` when predict takes history and future apart. */
  readonly task?: 'forecast';
  /** Where a key of the manifest part (`hooks`, `train`) stands in the MLproject. */
  place(path: KeyPath): Place | undefined;
}

/** Names of entry points, the likeliest first. `main` is what `mlflow run` runs: a training, where it takes data and a model. */
const entryNames: Readonly<Record<HookOfMlproject, readonly string[]>> = {
  train: ['train', 'training', 'fit', 'main'],
  predict: ['predict', 'prediction', 'inference', 'infer', 'score', 'batch_predict'],
  features: ['features', 'featurize', 'build_features', 'feature_engineering'],
};

const dataNames = 'data dataset data_path data_file dataset_path input_data input input_file input_path';
const outNames = 'out out_file out_path output output_file output_path output_data predictions predictions_file predictions_path';
const modelNames = 'model model_path model_file model_dir model_fn model_output model_out output_model saved_model';

/** What parameters are called in public MLproject files. */
const conventions: Readonly<Record<HookOfMlproject, readonly (readonly [Placeholder, string])[]>> = {
  train: [
    ['data', `train_data training_data train train_path train_file train_csv training_file ${dataNames}`],
    ['model', modelNames],
    ['seed', 'seed random_seed random_state'],
    ['params', 'params params_file model_config'],
  ],
  predict: [
    ['historic', 'historic historic_data historical_data history_data'],
    ['future', 'future future_data'],
    ['model', `${modelNames} model_uri`],
    ['in', `in test_data test_file predict_data ${dataNames}`],
    ['out', `${outNames} predictions_fn`],
    ['seed', 'seed random_seed random_state'],
    ['params', 'params params_file model_config'],
  ],
  features: [
    ['in', `in raw_data ${dataNames}`],
    ['out', `${outNames} features`],
  ],
};

const own = (map: unknown, key: string): unknown => (isMap(map) && Object.hasOwn(map, key) ? map[key] : undefined);

/** Reads an MLproject. Throws a UsageError (YAML_*, MLPROJECT_INVALID) with its place. */
export function hooksOfMlproject(text: string, path: string, map: Readonly<Record<string, string>> = {}): MlprojectHooks {
  // Public files have equal keys now and then, which MLflow lets pass.
  const document = parseYaml(text, path, { allowDuplicates: true });
  const points = own(document.value, 'entry_points');
  if (points !== undefined && !isMap(points))
    throw invalid(document, ['entry_points'], 'entry_points is not a map', 'Write entry_points: {train: {command: ...}}.', path);
  const hooks: Partial<Record<HookOfMlproject, string>> = {};
  const places: Partial<Record<string, KeyPath>> = { params: ['user_options'] };
  for (const hook of ['train', 'predict', 'features'] as const) {
    const found = entryNames[hook].find((entry) => own(points, entry) !== undefined);
    if (found === undefined) continue;
    const at = ['entry_points', found];
    const command = own(own(points, found), 'command');
    if (typeof command !== 'string')
      throw invalid(document, at, `the entry point ${found} has no command`, 'Write its command as text.', path);
    const written = withOurNames(command, hook, own(own(points, found), 'parameters'), map);
    // A main that takes no data or keeps no model is a script of its own, not a training that we can direct.
    if (found === 'main' && !(written.includes('{data}') && written.includes('{model}'))) continue;
    hooks[hook] = written;
    places[hook] = [...at, 'command'];
  }
  const takes = (placeholder: string): boolean => Object.values(hooks).some((command) => command.includes(`{${placeholder}}`));
  return {
    hooks: { ...hooks, ...(takes('params') && { params: configuration(own(document.value, 'user_options')) }) },
    ...(takes('historic') && takes('future') && { task: 'forecast' as const }),
    place: ([first, second]) => {
      if (first === 'task') return document.place(places.predict ?? ['entry_points']);
      return first === 'hooks' ? document.place(places[String(second)] ?? ['entry_points']) : undefined;
    },
  };
}

/** The command with our placeholders, defaults filled in as one word each; what is neither stays and is refused when it is run. */
function withOurNames(
  command: string,
  hook: HookOfMlproject,
  parameters: unknown,
  map: Readonly<Record<string, string>>,
): string {
  return command
    .replace(/\s*\n\s*/g, ' ')
    .trim()
    .replace(/(?<!\{)\{([A-Za-z_]\w*)\}(?!\})/g, (written, name: string) => {
      const ours = ourName(name, hook, map);
      if (ours !== undefined) return `{${ours}}`;
      const fallback = own(own(parameters, name), 'default');
      const isPlain = typeof fallback === 'string' || typeof fallback === 'number' || typeof fallback === 'boolean';
      return isPlain ? quoteForShell(String(fallback)).replace(/\{(\w+)\}/g, '{{$1}}') : written;
    });
}

function ourName(name: string, hook: HookOfMlproject, map: Readonly<Record<string, string>>): Placeholder | undefined {
  if (Object.hasOwn(map, name)) return placeholders.find((placeholder) => placeholder === map[name]);
  return conventions[hook].find(([, names]) => names.split(' ').includes(name))?.[0];
}

/** The model configuration that such repos read (YAML, of which JSON is a part): every option at its default. */
function configuration(options: unknown): unknown {
  const values = isMap(options)
    ? Object.entries(options).flatMap(([name, option]) => {
        const value = own(option, 'default');
        return value === undefined ? [] : [[name, value] as const];
      })
    : [];
  return { user_option_values: Object.fromEntries(values), additional_continuous_covariates: [] };
}

function invalid(document: YamlDocument, at: KeyPath, message: string, hint: string, path: string): UsageError {
  return new UsageError('MLPROJECT_INVALID', `${path}: ${message}`, { hint, place: document.place(at) ?? { path } });
}
