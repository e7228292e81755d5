/** Globs over a fixed list of paths: each pattern is matched once, the common shapes without a regex. */
import { posix } from 'node:path';
import picomatch from 'picomatch';
import { UsageError } from '../kernel/failure.ts';
import type { Files } from '../kernel/world.ts';

const maxPatternLength = 1000;
const isLiteral = (text: string): boolean => !/[*?[\]{}()!+@|\\]/.test(text);

function index(paths: readonly string[], keyOf: (path: string) => string): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    const key = keyOf(path);
    const group = groups.get(key);
    if (group) group.push(path);
    else groups.set(key, [path]);
  }
  return groups;
}

const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

/** Globs come from rule packs too, and a matcher that backtracks over many stars never ends. */
function refuseExpensive(pattern: string): void {
  const segments = pattern.split('/');
  const isTooLong = pattern.length > maxPatternLength;
  const isStarry = segments.some((segment) => segment.replace(/\*+/g, '*').split('*').length > 4);
  if (isTooLong || isStarry || segments.filter((segment) => segment.includes('**')).length > 3)
    throw new UsageError('BAD_GLOB', `The glob ${pattern.slice(0, 80)} would be too slow to match`, {
      hint: `Write at most ${maxPatternLength} characters, three * in one part of the path and three **.`,
    });
}

/** Paths that match, in the order of the list. Throws UsageError `BAD_GLOB`. */
export function createGlob(paths: readonly string[]): Files['glob'] {
  const known = once(() => new Set(paths));
  const byName = once(() => index(paths, (path) => posix.basename(path)));
  const byExtension = once(() => index(paths, (path) => posix.extname(path)));
  const cache = new Map<string, readonly string[]>();

  const find = (pattern: string, nocase: boolean): readonly string[] => {
    refuseExpensive(pattern);
    if (!nocase) {
      if (isLiteral(pattern)) return known().has(pattern) ? [pattern] : [];
      const name = /^\*\*\/([^/]+)$/.exec(pattern)?.[1];
      if (name !== undefined && isLiteral(name)) return byName().get(name) ?? [];
      const extension = /^\*\*\/\*(\.[A-Za-z0-9]+)$/.exec(pattern)?.[1];
      if (extension !== undefined)
        return (byExtension().get(extension) ?? []).filter((path) => posix.basename(path) !== extension);
    }
    // Any other shape: the regex without matcher overhead. Extended globs nest repetitions; they are not offered.
    const regex = picomatch.makeRe(pattern, { dot: true, nocase, noext: true, maxLength: maxPatternLength });
    return paths.filter((path) => regex.test(path));
  };

  return (patterns, options = {}) => {
    const nocase = options.nocase === true;
    const list = typeof patterns === 'string' ? [patterns] : patterns;
    const found = list.map((pattern) => {
      const key = `${nocase} ${pattern}`;
      const before = cache.get(key);
      if (before) return before;
      const now = find(pattern, nocase);
      cache.set(key, now);
      return now;
    });
    const [first] = found;
    if (first && found.length === 1) return first;
    const wanted = new Set(found.flat());
    return paths.filter((path) => wanted.has(path));
  };
}
