/** `--since REF`: the tests that nothing touched. */
import { changesSince } from '../../adapters/changes.ts';
import type { Divisible } from '../../engine/hooks/shards.ts';
import { loadManifest } from '../../engine/manifest/load.ts';
import { isRestless, touchOf, untouchedWords } from '../../engine/since.ts';
import type { AnyCheck } from '../../kernel/check.ts';
import { sourceNames } from '../../kernel/hooks.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { TableStore } from '../../kernel/table-store.ts';
import type { Context, Invocation } from '../command.ts';
import { manifestOverrides } from '../options.ts';
import type { Repo } from '../repo.ts';

/** Texts that are searched for the name of a document; of more files none is known to be silent. */
const mostFiles = 5000;

export interface Untouched {
  /** Reason by id of the test. */
  readonly tests: ReadonlyMap<string, string>;
  /** What is said of it in the report. */
  readonly notice: string;
}

/** The table files that a commit does not hold. */
async function unknownTables(tables: TableStore, known: ReadonlySet<string>): Promise<readonly string[]> {
  const unknown: string[] = [];
  for (const name of sourceNames) {
    const sources = await tables.sources(name).catch(() => [{ path: `data.${name}` }]);
    unknown.push(...(sources ?? []).map(({ path }) => path).filter((path) => !known.has(path)));
  }
  return unknown;
}

interface Subject {
  readonly repo: Repo;
  readonly manifest: ResolvedManifest;
  readonly tables: TableStore;
  readonly loaded: ReadonlyMap<string, AnyCheck>;
  readonly announced: readonly Divisible[];
}

/** Null without `--since`. Throws UsageError `SINCE_INVALID` for what names no commit that is here. */
export async function untouchedSince(context: Context, invocation: Invocation, subject: Subject): Promise<Untouched | null> {
  const ref = invocation.options.since;
  if (typeof ref !== 'string' || ref === '') return null;
  const { repo, manifest, tables, loaded, announced } = subject;
  const { sha, paths, known } = await changesSince(repo.root, ref, context.signal);
  const words = `${ref} (${sha.slice(0, 8)})`;
  const old = await loadManifest({ read: (path) => repo.git.textAt(sha, path), overrides: manifestOverrides(invocation) });
  const touch = await touchOf({
    paths,
    unknownTables: await unknownTables(tables, known),
    before: old.value,
    now: repo.manifest.value ?? manifest,
    isNamed: async (name, except) => {
      const files = repo.files.all.filter(({ path }) => !except(path));
      if (files.length > mostFiles) return true;
      for (const { path } of files) if ((await repo.files.text(path))?.includes(name)) return true;
      return false;
    },
  });
  if (touch !== null) return { tests: new Map(), notice: `--since ${words}: every test runs, for ${touch}` };
  const still = announced.filter(({ id, planned }) => {
    const check = loaded.get(id);
    return check !== undefined && planned.length > 0 && !isRestless(check, planned, manifest);
  });
  return {
    tests: new Map(still.map(({ id }) => [id, untouchedWords(words, id)])),
    notice: `--since ${words}: tests whose hooks nothing touched were left out, unless the cache has what they need; what is left out earns nothing here`,
  };
}
