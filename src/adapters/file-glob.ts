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

const firstSegment = (path: string): string => path.split('/', 1)[0] ?? '';

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

/** The paths that a pattern can match at all, by the literal ends that most patterns have. */
function candidates(paths: readonly string[]) {
  const folded = once(() => index(paths, (path) => firstSegment(path).toLowerCase()));
  const byExtension = once(() => index(paths, (path) => posix.extname(path)));
  const atRoot = once(() => paths.filter((path) => !path.includes('/')));
  const folders = once(() => new Set(paths.flatMap((path) => path.split('/').slice(0, -1))));
  return (pattern: string, nocase: boolean): readonly string[] => {
    if (!pattern.includes('/') && !pattern.includes('**')) return atRoot();
    const first = firstSegment(pattern);
    if (first !== pattern && isLiteral(first)) return folded().get(first.toLowerCase()) ?? [];
    const inner = /^\*\*\/([^/]+)\/\*\*$/.exec(pattern)?.[1];
    if (!nocase && inner !== undefined && isLiteral(inner) && !folders().has(inner)) return [];
    const extension = /[^./*](\.[A-Za-z0-9]+)$/.exec(pattern)?.[1] ?? /\*(\.[A-Za-z0-9]+)$/.exec(pattern)?.[1];
    return !nocase && extension !== undefined ? (byExtension().get(extension) ?? []) : paths;
  };
}

/** Paths that match, sorted; `paths` must be sorted by code unit. Throws UsageError `BAD_GLOB`. */
export function createGlob(paths: readonly string[]): Files['glob'] {
  const known = once(() => new Set(paths));
  const byName = once(() => index(paths, (path) => posix.basename(path)));
  const candidatesOf = candidates(paths);
  const cache = new Map<string, readonly string[]>();

  const find = (pattern: string, nocase: boolean): readonly string[] => {
    refuseExpensive(pattern);
    if (!nocase) {
      if (isLiteral(pattern)) return known().has(pattern) ? [pattern] : [];
      const name = /^\*\*\/([^/]+)$/.exec(pattern)?.[1];
      if (name !== undefined && isLiteral(name)) return byName().get(name) ?? [];
    }
    // Extended globs nest repetitions; they are not offered.
    const regex = picomatch.makeRe(pattern, { dot: true, nocase, noext: true, maxLength: maxPatternLength });
    return candidatesOf(pattern, nocase).filter((path) => regex.test(path));
  };

  const findOnce = (pattern: string, nocase: boolean): readonly string[] => {
    const key = `${nocase} ${pattern}`;
    const found = cache.get(key) ?? find(pattern, nocase);
    cache.set(key, found);
    return found;
  };

  return (patterns, options = {}) => {
    const nocase = options.nocase === true;
    if (typeof patterns === 'string') return findOnce(patterns, nocase);
    const key = `${nocase} ${patterns.join('\0')}`;
    const before = cache.get(key);
    if (before) return before;
    const wanted = new Set(patterns.flatMap((pattern) => findOnce(pattern, nocase)));
    const found = wanted.size * 8 < paths.length ? [...wanted].sort() : paths.filter((path) => wanted.has(path));
    cache.set(key, found);
    return found;
  };
}
