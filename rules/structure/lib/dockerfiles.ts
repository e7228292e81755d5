/** The Dockerfiles of a repo, for rules. */
import type { Dockerfile } from '../../../src/facts/dockerfile.ts';
import type { Files } from '../../../src/kernel/world.ts';

const globs = ['**/Dockerfile', '**/Dockerfile.*', '**/*.Dockerfile', '**/*.dockerfile', '**/Containerfile'];

/** Those that build something to ship: not the ones of development environments and tests. */
export async function dockerfilesOf(
  files: Files,
): Promise<readonly { readonly path: string; readonly dockerfile: Dockerfile }[]> {
  const found: { path: string; dockerfile: Dockerfile }[] = [];
  for (const path of files.glob(globs)) {
    if (/(^|\/)(\.devcontainer|tests?|node_modules)\/|\.(dockerignore|md|j2|tmpl)$/.test(path)) continue;
    const text = await files.text(path);
    // Most of the time that its parser takes is spent on loading it.
    const { readDockerfile } = await import('../../../src/facts/dockerfile.ts');
    if (text !== null) found.push({ path, dockerfile: readDockerfile(text) });
  }
  return found;
}
