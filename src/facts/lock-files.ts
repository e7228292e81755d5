/** Files that fix every version, and what they fix. */
import { normalName } from './requirements.ts';
import { parseToml } from './toml.ts';

/** By file name. */
export const pythonLockFiles = [
  'uv.lock',
  'poetry.lock',
  'pdm.lock',
  'Pipfile.lock',
  'pixi.lock',
  'conda-lock.yml',
  'pylock.toml',
] as const;
export const rLockFiles = ['renv.lock', 'packrat/packrat.lock', 'pak.lock', 'rv.lock', 'pkg.lock'] as const;

/** Names that a lock of uv, poetry or pdm holds; null for a format whose names are not read here, or broken content. */
export function lockedPythonNames(path: string, text: string): ReadonlySet<string> | null {
  if (path.endsWith('Pipfile.lock')) {
    try {
      const lock = JSON.parse(text) as Record<string, Record<string, unknown> | undefined>;
      return new Set([...Object.keys(lock.default ?? {}), ...Object.keys(lock.develop ?? {})].map(normalName));
    } catch {
      return null;
    }
  }
  if (!/(uv|poetry|pdm)\.lock$/.test(path)) return null;
  // Only names are needed; locks of large projects are megabytes, above what the TOML reader accepts.
  const named = [...text.matchAll(/^name = "([^"\n]{1,200})"\r?$/gm)].map((match) => normalName(match[1] ?? ''));
  return named.length > 0 || parseToml(text).ok ? new Set(named) : null;
}
