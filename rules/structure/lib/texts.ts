/** Which files rules read, and how. */
import { type SourceLine, sourceLines } from '../../../src/facts/source-lines.ts';
import type { Files, Git } from '../../../src/kernel/world.ts';

export const pythonSources = ['**/*.py', '**/*.ipynb'] as const;
export const rSources = ['**/*.R', '**/*.r', '**/*.Rmd', '**/*.qmd'] as const;

const others = /(^|\/)(vendor|third_party|node_modules|renv|packrat|site-packages)\//;
const tests = /(^|\/)(tests?|testthat|testdata|fixtures)\/|(^|\/)(test_[^/]*|[^/]*_test|test-[^/]*|conftest)\.\w+$/;

export const isTestPath = (path: string): boolean => tests.test(path);

/** Code that the repo's people wrote. */
export const ownPaths = (files: Files, globs: readonly string[]): readonly string[] =>
  files.glob(globs).filter((path) => !others.test(path));

/** Calls `visit` with the text of each file; `lines` are its code, split when they are asked for. */
export async function eachSource(
  files: Files,
  paths: readonly string[],
  visit: (path: string, text: string, lines: () => readonly SourceLine[]) => void,
): Promise<void> {
  for (const path of paths) {
    const text = await files.text(path);
    if (text !== null) visit(path, text, () => sourceLines(path, text));
  }
}

/** The texts of the files that match, joined: for "is this word anywhere in the set-up". */
export async function joined(files: Files, globs: readonly string[]): Promise<string> {
  const texts: string[] = [];
  for (const path of files.glob(globs)) texts.push((await files.text(path)) ?? '');
  return texts.join('\n');
}

/** Tells whether a path is in the repo; outside git every file counts. */
export async function committed(git: Git): Promise<(path: string) => boolean> {
  if (!git.isRepository) return () => true;
  const tracked = await git.tracked();
  return (path) => tracked.has(path);
}
