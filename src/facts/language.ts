/** Which language a model repo is written in: what decides which variants of the rules apply. */
export type Language = 'python' | 'r' | 'other';

const isTest = (path: string): boolean => /(^|\/)(tests?|docs?|examples?|scripts|tools|inst)\//.test(path);

/** Weight of one path: project files say more than a stray script. */
function weights(path: string): { readonly python: number; readonly r: number } {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const isAtRoot = name === path;
  const file = isTest(path) ? 0.2 : 1;
  if (isAtRoot && /^(pyproject\.toml|setup\.py|setup\.cfg|requirements[\w.-]*\.txt|Pipfile|poetry\.lock|uv\.lock)$/.test(name))
    return { python: 20, r: 0 };
  if (isAtRoot && /^(DESCRIPTION|renv\.lock|NAMESPACE)$|\.Rproj$/.test(name)) return { python: 0, r: 20 };
  if (/\.py$/.test(name)) return { python: file, r: 0 };
  if (/\.(R|r|Rmd|qmd)$/.test(name)) return { python: 0, r: file };
  return { python: /\.ipynb$/.test(name) ? file / 2 : 0, r: 0 };
}

/** The main language. */
export function languageOf(paths: readonly string[]): Language {
  let python = 0;
  let r = 0;
  for (const path of paths) {
    const weight = weights(path);
    python += weight.python;
    r += weight.r;
  }
  if (python === 0 && r === 0) return 'other';
  return r > python ? 'r' : 'python';
}

/** Every language that the repo has source files or a project file of; a repo can have both. */
export function languagesOf(paths: readonly string[]): ReadonlySet<Exclude<Language, 'other'>> {
  const found = new Set<Exclude<Language, 'other'>>();
  for (const path of paths) {
    const { python, r } = weights(path);
    if (python >= 0.5) found.add('python');
    if (r >= 0.5) found.add('r');
    if (found.size === 2) break;
  }
  return found;
}
