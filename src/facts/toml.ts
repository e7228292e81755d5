/** TOML from untrusted repos: bounded, and a problem is a value with its line. */
import { parse, TomlError } from 'smol-toml';

export type TomlTable = Readonly<Record<string, unknown>>;
export type TomlDocument =
  | { readonly ok: true; readonly value: TomlTable }
  | { readonly ok: false; readonly message: string; readonly line: number };

const maxLength = 2 ** 20;

export function parseToml(text: string): TomlDocument {
  if (text.length > maxLength)
    return { ok: false, message: `it holds ${text.length} characters, at most ${maxLength} are read`, line: 1 };
  try {
    return { ok: true, value: parse(text, { maxDepth: 64 }) };
  } catch (error) {
    if (error instanceof TomlError) return { ok: false, message: error.message.split('\n')[0] ?? 'invalid', line: error.line };
    if (error instanceof RangeError) return { ok: false, message: 'it is nested too deeply', line: 1 };
    throw error;
  }
}

/** A table below a dotted path of keys; an empty one when it is absent or no table. */
export function tableAt(document: unknown, ...keys: readonly string[]): TomlTable {
  let node: unknown = document;
  for (const key of keys) node = isTable(node) && Object.hasOwn(node, key) ? node[key] : undefined;
  return isTable(node) ? node : {};
}

function isTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
