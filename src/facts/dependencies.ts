/**
 * What a file of a repo depends on, name by name, and where each version stands in its text: lock files, base images, the
 * reviewed schema of the features. Files from untrusted repos: expressions are linear, and what cannot be read is null.
 */

import { readDockerfile } from './dockerfile.ts';
import { pythonLockFiles, rLockFiles } from './lock-files.ts';
import { normalName } from './requirements.ts';

export type DependencyKind = 'package' | 'image' | 'feature';

export interface Dependency {
  readonly kind: DependencyKind;
  readonly name: string;
  readonly version: string;
  /** Where the version stands in the text, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

export interface DependencyChange {
  readonly kind: DependencyKind;
  readonly name: string;
  /** Null: it was added. */
  readonly before: string | null;
  /** Null: it was removed. */
  readonly after: string | null;
}

type Reader = (text: string) => readonly Dependency[];

/** Every match's groups `name` and `version`, in a pattern with the flags g, m and d. */
const matching =
  (pattern: RegExp, nameOf: (name: string) => string = normalName): Reader =>
  (text) =>
    [...text.matchAll(pattern)].flatMap((match) => {
      const { name = '', version = '' } = match.groups ?? {};
      const [start, end] = match.indices?.groups?.version ?? [0, 0];
      return name === '' || version === '' ? [] : [{ kind: 'package' as const, name: nameOf(name), version, start, end }];
    });

const asWritten = (name: string): string => name;
const eitherOf =
  (...readers: readonly Reader[]): Reader =>
  (text) =>
    readers.flatMap((read) => read(text));

const requirements = matching(
  /^(?<name>[A-Za-z0-9][\w.-]{0,200})(?:\[[^\]\n]{0,200}\])?[ \t]*(?<version>(?:[=<>~!]=?|@)[^;#\n\\]{1,300}?)[ \t]*(?:[;#\\]|--hash|\r?$)/dgm,
);
const tomlPackages = matching(
  /^name = "(?<name>[^"\n]{1,200})"\r?\n(?:(?!name = |\[\[)[^\n]*\n){0,3}?version = "(?<version>[^"\n]{1,200})"/dgm,
);
const renv = eitherOf(
  matching(/"(?<name>R)": ?\{\s{1,20}"Version": "(?<version>[^"\n]{1,100})"/dgm, asWritten),
  matching(/"Package": "(?<name>[^"\n]{1,200})",\s{1,20}"Version": "(?<version>[^"\n]{1,100})"/dgm, asWritten),
);
const readers: Readonly<Record<string, Reader>> = {
  'Pipfile.lock': matching(
    /^ {8}"(?<name>[^"\n]{1,200})": \{\n(?:(?! {8}\})[^\n]*\n){0,500}? {12}"version": "(?<version>[^"\n]{1,200})"/dgm,
  ),
  'pixi.lock': matching(
    /^ *- (?:conda|pypi): \S*\/(?<name>[A-Za-z0-9][\w.]{0,100}(?:-[A-Za-z_][\w.]{0,100}){0,5})-(?<version>\d[\w.!+]{0,50})-\S+\r?$/dgm,
  ),
  'conda-lock.yml': matching(/^ *- name: (?<name>[\w.-]{1,200})\r?\n +version: (?<version>\S{1,100})/dgm),
  'renv.lock': renv,
  'packrat.lock': matching(
    /^Package: (?<name>\S{1,200})\r?\n(?:[A-Z][^\n]*\n){0,3}?Version: (?<version>\S{1,100})/dgm,
    asWritten,
  ),
  'pkg.lock': matching(
    /"package": ?"(?<name>[^"\n]{1,200})",(?:[^{}]{0,2000}?)"version": ?"(?<version>[^"\n]{1,100})"/dgm,
    asWritten,
  ),
};
const tomlLocks = new Set(['uv.lock', 'poetry.lock', 'pdm.lock', 'pylock.toml', 'rv.lock']);

/** Base images: `image:tag@digest`, as far as each is written. */
function images(text: string): readonly Dependency[] {
  const lineStarts = [0, ...[...text.matchAll(/\n/g)].map((match) => match.index + 1)];
  return readDockerfile(text).stages.flatMap(({ image, tag, digest, isInternal, line }) => {
    const version = [tag, digest].filter((part) => part !== null).join('@');
    const start = text.indexOf(version, lineStarts[line - 1] ?? 0);
    return isInternal || version === '' || start < 0
      ? []
      : [{ kind: 'image' as const, name: image, version, start, end: start + version.length }];
  });
}

/** Columns of a reviewed schema: the version is everything that is expected of a column. */
function features(text: string): readonly Dependency[] {
  const from = text.search(/^columns:/m);
  if (from < 0) return [];
  const blocks = /^ {2}(?<name>[^\s#-][^\n]{0,300}?):(?<version>[^\n]*\n(?: {3,}[^\n]*\n|[ \t]*\n)*)/dgm;
  return matching(
    blocks,
    asWritten,
  )(text.slice(from).concat('\n')).map((one) => ({
    ...one,
    kind: 'feature' as const,
    version: one.version.trim().replace(/\s+/g, ' '),
    start: one.start + from,
    end: Math.min(text.length, one.end + from),
  }));
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function readerOf(path: string, schemaPath: string): Reader | null {
  const name = baseName(path);
  if (path === schemaPath) return features;
  if (Object.hasOwn(readers, name)) return readers[name] ?? null;
  if (name === 'pak.lock') return readers['pkg.lock'] ?? null;
  if (tomlLocks.has(name)) return tomlPackages;
  if (/^(requirements|constraints)[\w.-]*\.txt$/.test(name)) return requirements;
  return /^(Dockerfile|Containerfile)([.-][\w.-]+)?$/.test(name) ? images : null;
}

/** Is it a file whose dependencies are watched? */
export const isWatched = (path: string, schemaPath: string): boolean =>
  readerOf(path, schemaPath) !== null && !/(^|\/)(node_modules|\.venv|venv|renv\/library|packrat\/lib[^/]*)\//.test(path);

/** Names of lock files that are read: every one that the structure rules know. */
export const lockNames: readonly string[] = [...pythonLockFiles, ...rLockFiles].map(baseName);

/** The dependencies that a file names. */
export const readDependencies = (path: string, text: string, schemaPath: string): readonly Dependency[] =>
  readerOf(path, schemaPath)?.(text) ?? [];

/** What changed between two readings of a file; a name that stands twice (an extra, a platform) is compared as a set of versions. */
export function dependencyChanges(before: readonly Dependency[], after: readonly Dependency[]): readonly DependencyChange[] {
  const byName = (list: readonly Dependency[]) => {
    const found = new Map<string, { kind: DependencyKind; name: string; versions: Set<string> }>();
    for (const { kind, name, version } of list) {
      const key = `${kind} ${name}`;
      const entry = found.get(key) ?? { kind, name, versions: new Set<string>() };
      entry.versions.add(version);
      found.set(key, entry);
    }
    return found;
  };
  const [old, now] = [byName(before), byName(after)];
  const words = (entry: { versions: Set<string> } | undefined) => (entry ? [...entry.versions].sort().join(', ') : null);
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((key) => {
    const [a, b] = [old.get(key), now.get(key)];
    const named = a ?? b;
    const [was, is] = [words(a), words(b)];
    return named && was !== is ? [{ kind: named.kind, name: named.name, before: was, after: is }] : [];
  });
}

/** The text with another version of one dependency: what it would look like had it changed. */
export function withChange(text: string, { kind, start, end }: Dependency): string {
  const version = text.slice(start, end);
  const digit = /\d(?=\D*$)/.exec(version);
  const changed =
    kind === 'feature'
      ? version.replace(/\n?$/, '\n    description: changed\n')
      : digit
        ? `${version.slice(0, digit.index)}${(Number(digit[0]) + 1) % 10}${version.slice(digit.index + 1)}`
        : `${version}1`;
  return text.slice(0, start) + changed + text.slice(end);
}
