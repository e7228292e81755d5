/**
 * YAML from untrusted repos: size, depth and alias limits, duplicate keys and custom tags refused, positions kept.
 * Parsing is the `yaml` package's (YAML 1.2 core schema); what is here are the limits and the words of the errors.
 */
import { type Document, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { type Place, UsageError } from '../kernel/failure.ts';

/** A path into a document: keys and indexes from the root. */
export type KeyPath = readonly (string | number)[];

export interface YamlDocument {
  /** The document as plain data; null when it is empty. */
  readonly value: unknown;
  /** Where the value at a path stands (its key, for a map entry); undefined when the document has no such path. */
  place(path: KeyPath): Place | undefined;
}

export interface YamlLimits {
  /** Characters; default 256 Ki. */
  readonly maxLength?: number;
  /** Nesting; default 64. */
  readonly maxDepth?: number;
  /** Custom tags (GitLab's `!reference`) are kept as plain values instead of refused. */
  readonly allowTags?: boolean;
  /** The last of equal keys wins, as in most other parsers, instead of being refused: for files that are not ours. */
  readonly allowDuplicates?: boolean;
}

/** Reads one YAML document. Throws a UsageError (YAML_*) with file, line and column. */
export function parseYaml(text: string, path: string, limits: YamlLimits = {}): YamlDocument {
  const { maxLength = 256 * 1024, maxDepth = 64, allowTags = false, allowDuplicates = false } = limits;
  if (text.length > maxLength)
    throw new UsageError('YAML_TOO_LARGE', `${path} holds ${text.length} characters, at most ${maxLength} are read`, {
      hint: 'A configuration file is small; move data elsewhere.',
      place: { path },
    });
  const lines = new LineCounter();
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { path, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const refuse = (code: string, message: string, hint: string, offset = 0): never => {
    throw new UsageError(code, message, { hint, place: at(offset) });
  };
  tooDeep(text, maxDepth * 4, (offset) => refuse('YAML_TOO_DEEP', 'the document is nested too deeply', 'Flatten it.', offset));

  let document: Document.Parsed;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, logLevel: 'error' });
  } catch (error) {
    if (error instanceof RangeError) refuse('YAML_TOO_DEEP', 'the document is nested too deeply', 'Flatten it.');
    throw error;
  }
  const problem = document.errors[0] ?? (allowTags ? undefined : document.warnings[0]);
  if (problem)
    refuse('YAML_INVALID', wordsOf(problem.code, problem.message), hintOf(problem.code, problem.message), problem.pos[0]);

  let aliases = 0;
  let lastAlias = 0;
  visit(document, {
    Map: (_key, map) => {
      // The library compares every pair of keys; a set keeps a map of 20,000 keys from taking seconds.
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        if (seen.has(name) && !allowDuplicates)
          refuse('YAML_INVALID', `the key ${name} stands twice in the same map`, 'Keep one of the two.', key.range?.[0]);
        seen.add(name);
      }
    },
    Alias: (_key, alias) => {
      aliases += 1;
      lastAlias = alias.range?.[0] ?? lastAlias;
    },
    Node: (_key, node, ancestors) => {
      if (ancestors.length > maxDepth * 2)
        refuse('YAML_TOO_DEEP', `nested deeper than ${maxDepth} levels`, 'Flatten it.', node.range?.[0] ?? 0);
    },
  });
  try {
    // 100 uses of one anchor is plenty; a bomb multiplies them and is refused by the library's count.
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (aliases > 1000)
      refuse('YAML_TOO_MANY_ALIASES', `${aliases} aliases, at most 1000 are read`, 'Write the values out.', lastAlias);
    return { value: value ?? null, place: (keys) => placeOf(document, keys, at) };
  } catch (error) {
    if (error instanceof ReferenceError)
      refuse(
        'YAML_TOO_MANY_ALIASES',
        'the aliases of this document multiply beyond what is read',
        'Write the values out instead of using anchors.',
        lastAlias,
      );
    throw error;
  }
}

/**
 * Guards the recursive parser before it begins (a stack that overflows inside a regular expression ends the process):
 * flow brackets nested beyond `limit`, and lines that begin with more than `2 * limit` columns of indentation and `- `.
 */
function tooDeep(text: string, limit: number, found: (offset: number) => never): void {
  let depth = 0;
  let start = 0;
  let isIndented = true;
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charCodeAt(i);
    if (char === 0x5b || char === 0x7b) depth += 1;
    else if (char === 0x5d || char === 0x7d) depth -= 1;
    if (depth > limit || (isIndented && i - start > 2 * limit)) found(i);
    if (char === 0x0a) {
      start = i + 1;
      isIndented = true;
    } else if (isIndented) {
      const isIndicator = (char === 0x2d || char === 0x3f) && /\s/.test(text.charAt(i + 1));
      isIndented = char === 0x20 || char === 0x09 || isIndicator;
    }
  }
}

function wordsOf(code: string, message: string): string {
  if (code === 'TAB_AS_INDENT') return 'a tab indents this line; YAML is indented with spaces';
  if (message.startsWith('Maximum call stack')) return 'the document is nested too deeply';
  if (code === 'MULTIPLE_DOCS') return 'the file holds more than one document';
  return message.replace(/\s+/g, ' ');
}

function hintOf(code: string, message: string): string {
  if (code === 'TAB_AS_INDENT') return 'Replace the tab by spaces.';
  if (message.startsWith('Maximum call stack')) return 'Flatten it.';
  if (code === 'MULTIPLE_DOCS') return 'Keep what stands before the second `---`.';
  if (/tag/i.test(message)) return 'Custom tags are not read here; write the plain value.';
  return 'Mend the YAML at this place.';
}

function placeOf(document: Document.Parsed, keys: KeyPath, at: (offset: number) => Place): Place | undefined {
  let node: unknown = document.contents;
  let offset = (document.contents as Node | null)?.range?.[0];
  for (const key of keys) {
    if (isMap(node)) {
      const pair = node.items.findLast((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key));
      if (!pair) return undefined;
      offset = (pair.key as Node).range?.[0];
      node = pair.value;
    } else if (isSeq(node) && typeof key === 'number') {
      node = node.items[key];
      if (node === undefined) return undefined;
      offset = (node as Node).range?.[0];
    } else return undefined;
  }
  return offset === undefined || offset === null ? undefined : at(offset);
}
