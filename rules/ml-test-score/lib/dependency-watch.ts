/** The dependencies of a repo now and at the release before, and whether a change of any of them would be seen. */
import {
  type Dependency,
  type DependencyChange,
  dependencyChanges,
  isWatched,
  readDependencies,
  withChange,
} from '../../../src/facts/dependencies.ts';
import { readDockerfile } from '../../../src/facts/dockerfile.ts';
import type { Files, Git } from '../../../src/kernel/world.ts';

const mostBytes = 16 * 2 ** 20;
/** Dependencies of one file that are changed for a trial; of more, every second, third... */
const mostTrials = 100;

export interface WatchedFile {
  readonly path: string;
  readonly dependencies: readonly Dependency[];
  /** Against the release before; null when there is none to compare with. */
  readonly changes: readonly DependencyChange[] | null;
  readonly trials: number;
  /** Names whose trial change was not reported, or not alone. */
  readonly missed: readonly string[];
  /** Dependencies that can change while the file stays as it is. */
  readonly floating: readonly string[];
}

/** Changes dependencies one at a time in a copy of the text; each must be reported, and nothing else. */
function trialsOf(path: string, text: string, found: readonly Dependency[], schema: string) {
  const step = Math.max(1, Math.ceil(found.length / mostTrials));
  const tried = found.filter((_, i) => i % step === 0);
  const missed = tried.filter((one) => {
    const changes = dependencyChanges(found, readDependencies(path, withChange(text, one), schema));
    return changes.length !== 1 || changes[0]?.name !== one.name;
  });
  return { trials: tried.length, missed: missed.map((one) => one.name) };
}

const isPinned = ({ kind, version }: Dependency): boolean =>
  kind === 'package' ? !/^[<>~!@]|^=[^=]|^==.*\*/.test(version) || /@\S*[0-9a-f]{40}/.test(version) : !/^latest$/.test(version);

/** What a file leaves open: images without a tag, packages with a range of versions. */
function floatingOf(path: string, text: string, found: readonly Dependency[]): readonly string[] {
  const isImageFile = /(^|\/)(Dockerfile|Containerfile)[^/]*$/.test(path);
  const untagged = isImageFile
    ? readDockerfile(text)
        .stages.filter(({ isInternal, tag, digest }) => !isInternal && tag === null && digest === null)
        .map(({ image }) => image)
    : [];
  return [...untagged, ...found.filter((one) => !isPinned(one)).map((one) => one.name)];
}

/** Reads every watched file, now and at `before`. */
export async function watchDependencies(files: Files, git: Git, schema: string): Promise<readonly WatchedFile[]> {
  const previous = git.isShallow ? null : await git.previousRelease();
  const old = previous ? await git.pathsAt(previous.sha) : [];
  const now = files.glob('**/*').filter((path) => isWatched(path, schema));
  const paths = [...new Set([...now, ...old.filter((path) => isWatched(path, schema))])].sort();
  const watched: WatchedFile[] = [];
  for (const path of paths) {
    const text = now.includes(path) ? ((await files.text(path, mostBytes)) ?? '') : '';
    const dependencies = readDependencies(path, text, schema);
    const before = previous && old.includes(path) ? ((await git.textAt(previous.sha, path)) ?? '') : '';
    const changes = previous ? dependencyChanges(readDependencies(path, before, schema), dependencies) : null;
    watched.push({
      path,
      dependencies,
      changes,
      ...trialsOf(path, text, dependencies, schema),
      floating: floatingOf(path, text, dependencies),
    });
  }
  // A range is no matter where a lock beside it fixes the version.
  const fixed = new Set(watched.flatMap((file) => file.dependencies.filter(isPinned).map((one) => one.name)));
  return watched.map((file) => ({ ...file, floating: file.floating.filter((name) => !fixed.has(name)) }));
}
