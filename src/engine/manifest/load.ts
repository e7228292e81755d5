/** flightcheck.yml -> the resolved manifest: layers merged, validated, defaults filled in, origins kept. */
import type { ErrorObject } from 'ajv/dist/2020.js';
import { isMap } from '../../facts/is-map.ts';
import { hooksOfMlproject, mlprojectFile } from '../../facts/mlproject.ts';
import { messagesOf } from '../../facts/schema-messages.ts';
import { type KeyPath, parseYaml } from '../../facts/yaml.ts';
import { type Failure, FlightcheckError, type Place, toFailure, UsageError } from '../../kernel/failure.ts';
import schema from '../../kernel/manifest.schema.json' with { type: 'json' };
import { manifestFile, type ResolvedManifest } from '../../kernel/manifest.ts';
import type { ManifestPort } from '../../kernel/world.ts';
import { fileLayer, type Layer, mergeLayers, type Origin, originOf, overrideLayer } from './layers.ts';
import { manifestValidator } from './validator.ts';

/** A value from outside that outranks the manifest. */
export interface Override {
  /** Dotted key of the manifest: `gate.min-score`. */
  readonly key: string;
  readonly value: string | number | boolean;
  /** `--min-score` or `FLIGHTCHECK_MIN_SCORE`. */
  readonly words: string;
}

export interface LoadOptions {
  /** Text of a file of the repo by its path, null when it does not exist; throws a FlightcheckError on unreadable ones. */
  read(path: string): Promise<string | null>;
  readonly overrides?: readonly Override[];
}

export interface LoadedManifest extends ManifestPort {
  /** Where the value of a key came from. */
  origin(path: KeyPath): Origin;
}

/** Loads the manifest. Never throws on what a repo holds: problems are in the answer. */
export async function loadManifest(options: LoadOptions): Promise<LoadedManifest> {
  const problems: Failure[] = [];
  const layers: Layer[] = [];
  let exists = false;
  try {
    const text = await options.read(manifestFile).catch((error: unknown) => {
      // One that may not or cannot be read is there all the same: it must not pass for a repo without a gate.
      exists = true;
      throw error;
    });
    exists = text !== null;
    if (text === null) throw missingManifest(await options.read(mlprojectFile).catch(() => null));
    const own = readLayer(text, manifestFile);
    const base = own.value.extends;
    if (typeof base === 'string') layers.push(await readDefaults(base, own, options));
    layers.push(own);
    const hooks = await mlprojectLayer(layers, options);
    if (hooks) layers.unshift(hooks);
  } catch (error) {
    if (!(error instanceof FlightcheckError)) throw error;
    problems.push(toFailure(error));
  }
  for (const override of options.overrides ?? []) layers.push(overrideLayer(override.key, typed(override), override.words));

  const origin = (path: KeyPath): Origin => originOf(layers, path);
  let value: ResolvedManifest | null = null;
  if (problems.length === 0) {
    const merged = mergeLayers(layers);
    const validate = manifestValidator();
    if (validate(merged)) value = merged as unknown as ResolvedManifest;
    else problems.push(...failuresOf(validate.errors ?? [], origin));
  }
  return { value, path: manifestFile, exists, problems, origin, place: (key) => origin(key.split('.')).place };
}

function missingManifest(mlproject: string | null): UsageError {
  const hooks = mlproject === null ? '' : ' The hooks come from your MLproject.';
  return new UsageError('MANIFEST_MISSING', `there is no ${manifestFile}`, {
    hint: `Write one; two lines begin it: \`version: 1\` and \`model: { name: my-model, owner: "@my-team" }\`.${hooks}`,
    place: { path: manifestFile },
  });
}

function readLayer(text: string, path: string): Layer {
  const document = parseYaml(text, path);
  if (!isMap(document.value))
    throw new UsageError(
      'MANIFEST_INVALID',
      `${path} is ${document.value === null ? 'empty' : 'not a map'}, expected keys and values`,
      {
        hint: 'It begins with `version: 1`.',
        place: { path, line: 1 },
      },
    );
  const { version } = document.value;
  if (typeof version === 'number' && version > 1)
    throw new UsageError('MANIFEST_NEWER', `${path} has version ${version}, this Flightcheck reads version 1`, {
      hint: 'Pin a newer release of the component, or write version 1.',
      place: document.place(['version']),
    });
  return fileLayer(document, path);
}

async function readDefaults(path: string, own: Layer, options: LoadOptions): Promise<Layer> {
  const place = own.origin(['extends']).place;
  if (/^[a-z][a-z0-9+.-]*:/i.test(path))
    throw new UsageError('EXTENDS_REMOTE', `extends is ${path}, expected a path inside the repo`, {
      hint: 'Commit the organisation defaults, or bring them in as a Git submodule.',
      place,
    });
  const text = await options.read(path);
  if (text === null)
    throw new UsageError('EXTENDS_MISSING', `extends names ${path}, which does not exist`, { hint: 'Mend the path.', place });
  const layer = readLayer(text, path);
  // One level only: defaults that extend others would hide where a value comes from.
  const { extends: _, ...value } = layer.value;
  return { ...layer, value };
}

/** Hooks of an MLproject, below everything else, when no layer names train or predict itself. */
async function mlprojectLayer(layers: readonly Layer[], options: LoadOptions): Promise<Layer | null> {
  const { hooks } = mergeLayers(layers);
  if (isMap(hooks) && (hooks.train !== undefined || hooks.predict !== undefined)) return null;
  const text = await options.read(mlprojectFile);
  if (text === null) return null;
  const map = isMap(hooks) && isMap(hooks.map) ? (hooks.map as Record<string, string>) : {};
  const found = hooksOfMlproject(text, mlprojectFile, map);
  return {
    value: { hooks: found.hooks, ...(found.task && { task: found.task }) },
    origin: (path) => {
      const place = found.place(path);
      return { words: place?.line ? `${mlprojectFile}:${place.line}` : mlprojectFile, ...(place && { place }) };
    },
  };
}

/** A variable is always text; the schema says what it stands for. */
function typed({ key, value }: Override): unknown {
  let node: { type?: unknown; properties?: Record<string, object> } | undefined = schema as object;
  for (const name of key.split('.')) node = node?.properties?.[name] as typeof node;
  const isNumber = node?.type === 'number' || node?.type === 'integer';
  return isNumber && typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
}

function failuresOf(errors: readonly ErrorObject[], origin: (path: KeyPath) => Origin): Failure[] {
  return messagesOf(errors).map(({ path, message, hint }) => {
    const place: Place = nearestPlace(path, origin) ?? { path: manifestFile };
    const { words, place: known } = origin(path);
    const from = known || words === 'default' ? '' : ` (from ${words})`;
    return { code: 'MANIFEST_INVALID', message: message + from, hint, place };
  });
}

/** The place of the path, or of the closest parent that stands in a file. */
function nearestPlace(path: KeyPath, origin: (path: KeyPath) => Origin): Place | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const place = origin(path.slice(0, length)).place;
    if (place) return place;
  }
  return undefined;
}

/** The manifest, or its problems thrown as one error: for commands that cannot go on without it. */
export function requireManifest(loaded: ManifestPort): ResolvedManifest {
  if (loaded.value) return loaded.value;
  const [first, ...rest] = loaded.problems;
  const more = rest.map((p) => `\n  ${p.place?.path}:${p.place?.line ?? 1}: ${p.message}. ${p.hint}`).join('');
  throw new UsageError(first?.code ?? 'MANIFEST_INVALID', (first?.message ?? 'the manifest is invalid') + more, {
    hint: first?.hint ?? '',
    place: first?.place,
  });
}

/** Every leaf of the resolved manifest with its origin, in the order of the schema: what `doctor --print` shows. */
export function explainManifest(loaded: LoadedManifest): readonly { key: string; value: unknown; origin: string }[] {
  const rows: { key: string; value: unknown; origin: string }[] = [];
  const visit = (value: unknown, path: KeyPath): void => {
    if (isMap(value) && Object.keys(value).length > 0) {
      for (const [key, inner] of Object.entries(value)) visit(inner, [...path, key]);
      return;
    }
    rows.push({ key: path.join('.'), value, origin: loaded.origin(path).words });
  };
  const order = Object.keys(schema.properties);
  for (const key of order) if (loaded.value && key in loaded.value) visit(loaded.value[key as keyof ResolvedManifest], [key]);
  return rows;
}
