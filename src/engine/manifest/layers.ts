/** The layers of a manifest: organisation defaults < manifest < environment < flag, with the origin of every value. */

import { isMap } from '../../facts/is-map.ts';
import type { KeyPath, YamlDocument } from '../../facts/yaml.ts';
import type { Place } from '../../kernel/failure.ts';

/** Where a value came from, in words: a place in a file, a variable, a flag, or `default`. */
export interface Origin {
  readonly words: string;
  readonly place?: Place;
}

export interface Layer {
  readonly value: Readonly<Record<string, unknown>>;
  origin(path: KeyPath): Origin;
}

/** A layer read from a YAML file. */
export function fileLayer(document: YamlDocument, path: string): Layer {
  return {
    value: isMap(document.value) ? document.value : {},
    origin(keys) {
      const place = document.place(keys);
      return place ? { words: `${place.path}:${place.line}`, place } : { words: path };
    },
  };
}

/** A layer of one value set from outside, for example by `--min-score` or `FLIGHTCHECK_MIN_SCORE`. */
export function overrideLayer(key: string, value: unknown, words: string): Layer {
  const nested = key.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
  return { value: nested as Record<string, unknown>, origin: () => ({ words }) };
}

/** Later layers win; maps are merged, everything else is replaced. The result is a copy: filling it in changes no layer. */
export function mergeLayers(layers: readonly Layer[]): Record<string, unknown> {
  return structuredClone(layers.reduce<Record<string, unknown>>((merged, layer) => mergeMaps(merged, layer.value), {}));
}

function mergeMaps(low: Readonly<Record<string, unknown>>, high: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const merged = new Map(Object.entries(low));
  for (const [key, value] of Object.entries(high)) {
    const below = merged.get(key);
    merged.set(key, isMap(below) && isMap(value) ? mergeMaps(below, value) : value);
  }
  return Object.fromEntries(merged);
}

/** Does the layer itself say something at this path? */
function has(layer: Layer, path: KeyPath): boolean {
  let value: unknown = layer.value;
  for (const key of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, key)) return false;
    value = (value as Record<string | number, unknown>)[key];
  }
  return true;
}

/** Origin of the value at a path: of the last layer that says something there. */
export function originOf(layers: readonly Layer[], path: KeyPath): Origin {
  const layer = layers.findLast((candidate) => has(candidate, path));
  return layer ? layer.origin(path) : { words: 'default' };
}
