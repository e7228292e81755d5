/** Which tests nothing touched since a commit. Whatever cannot be known as untouched counts as touched; pure. */
import { canonical } from '../kernel/canonical.ts';
import type { AnyCheck } from '../kernel/check.ts';
import type { PlannedExecution } from '../kernel/hooks.ts';
import { hasLocalDag } from '../kernel/local-dag.ts';
import { manifestFile, type ResolvedManifest } from '../kernel/manifest.ts';

/** Files for people and for GitLab. A hook could read them all the same: only where no other file names them, none does. */
const documents =
  /^(README\.md|CHANGELOG\.md|CONTRIBUTING\.md|LICEN[CS]E(\.\w+)?|CODEOWNERS|\.gitlab-ci\.yml|\.gitlab\/.*|\.gitignore|\.editorconfig)$/;
/** Parts of the manifest that no test of the rubric reads. */
const otherSections: ReadonlySet<string> = new Set([
  'gate',
  'waivers',
  'attestations',
  'structure',
  'tower',
  'dag',
  'tasks',
  'environments',
  'monitor',
]);

export interface Since {
  /** Changed paths. */
  readonly paths: ReadonlySet<string>;
  /** Files of the manifest's tables that the commit does not hold: whether they changed is not known. */
  readonly unknownTables: readonly string[];
  /** The resolved manifest at the commit; null when there was none that is valid. */
  readonly before: ResolvedManifest | null;
  readonly now: ResolvedManifest;
  /** True when a file holds the name, those left aside that `except` is true of. */
  readonly isNamed: (name: string, except: (path: string) => boolean) => Promise<boolean>;
}

/** What differs that a test may read; null when nothing does. */
function changedManifest({ before, now }: Since): string | null {
  if (before === null) return `there was no valid ${manifestFile} then`;
  const [a, b] = [before, now] as unknown as readonly Readonly<Record<string, unknown>>[];
  const names = new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})]);
  const section = [...names].find(
    (name) => !otherSections.has(name) && canonical(a?.[name] ?? null) !== canonical(b?.[name] ?? null),
  );
  return section === undefined ? null : `${manifestFile} changed (${section})`;
}

const isQuiet = (path: string): boolean => path === manifestFile || documents.test(path);

/** Why every hook may have been touched, in words; null when nothing that one may read changed. */
export async function touchOf(since: Since): Promise<string | null> {
  const [table] = since.unknownTables;
  if (table !== undefined) return `${table} is not in Git, so whether it changed is not known`;
  const manifest = changedManifest(since);
  if (manifest !== null) return manifest;
  for (const path of since.paths) {
    if (!isQuiet(path)) return `${path} changed`;
    if (await since.isNamed(path.slice(path.lastIndexOf('/') + 1), isQuiet)) return `${path} changed, and another file names it`;
  }
  return null;
}

const rests = ({ request }: PlannedExecution): boolean => {
  const model = request.hook === 'predict' || request.hook === 'serve' ? request.model : request;
  return model.hook === 'given' || (model.hook === 'train' && model.release !== undefined);
};

/** Does it rest on what lies outside the files: a service, a registry, tags and other commits? */
export function isRestless(check: AnyCheck, planned: readonly PlannedExecution[], manifest: ResolvedManifest): boolean {
  const { mlflow } = manifest;
  const hasMlflow = mlflow.registeredModel !== undefined || mlflow.experiment !== undefined;
  const outside = check.needs.some(
    (need) =>
      need === 'gitlab' ||
      need === 'history' ||
      need === 'git' ||
      (need === 'mlflow' && hasMlflow) ||
      (need === 'dag' && hasLocalDag(manifest)),
  );
  return outside || planned.some(rests);
}

/** Why a test is left out, and how to run it; `words` name the commit. */
export const untouchedWords = (words: string, id: string): string =>
  `nothing that its hooks read changed since ${words}; flightcheck score --only ${id} runs it`;
