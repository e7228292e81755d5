/**
 * Verdicts of earlier runs over exactly the same: a check that could only say the same again is not asked again. What it reads
 * is part of the key, so whatever changes there makes another key; what cannot be told beforehand (a service) is never kept.
 */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonical } from '../kernel/canonical.ts';
import type { AnyCheck, Verdict } from '../kernel/check.ts';
import { FlightcheckError, toFailure } from '../kernel/failure.ts';
import type { HookMachine } from '../kernel/hook-machine.ts';
import { type Execution, type Hooks, type SourceName, sourceNames } from '../kernel/hooks.ts';
import { hasLocalDag } from '../kernel/local-dag.ts';
import type { ResolvedManifest } from '../kernel/manifest.ts';
import type { TableStore } from '../kernel/table-store.ts';
import type { Git, Need, World } from '../kernel/world.ts';

export interface VerdictsOptions {
  /** What the program is, to the last byte; null when that is not known, and then nothing is kept. */
  readonly program: string | null;
  readonly manifest: ResolvedManifest;
  readonly tables: Pick<TableStore, 'sources'>;
  readonly machine: Pick<HookMachine, 'cache' | 'keep' | 'treeHash'>;
  /** What the hooks of a check come down to: each request with its key. */
  readonly basis: ReadonlyMap<string, unknown>;
  readonly now?: () => Date;
}

export interface Judged {
  readonly verdict: Verdict;
  /** When the evidence was made, RFC 3339: the oldest execution that it rests on. */
  readonly ranAt: string;
}

export interface Verdicts {
  /** The kept verdict, or that of the check. */
  judge(id: string, check: AnyCheck, options: Readonly<Record<string, unknown>>, world: Pick<World, Need>): Promise<Judged>;
  /** How many of those that were judged stand as before. */
  kept(): number;
}

interface Used {
  readonly key: string;
  readonly ranAt: string;
}

interface Stored {
  readonly verdict: Verdict;
  readonly ranAt: string;
  readonly executions: readonly Used[];
}

/** Changes when what a kept verdict holds does. */
const format = 1;
const fileName = 'verdict.json';
const outcomes: readonly string[] = ['pass', 'fail', 'manual', 'not-applicable', 'skipped'] satisfies Verdict['outcome'][];

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A port that remembers which executions it gave, and whether one of them failed: a failure may be of this machine, today. */
function watched(hooks: Hooks) {
  const used = new Map<string, Used>();
  let hasFailed = false;
  const noting =
    <R, E extends Execution>(ask: (request: R) => Promise<E>) =>
    async (request: R): Promise<E> => {
      try {
        const execution = await ask(request);
        used.set(execution.key, { key: execution.key, ranAt: execution.ranAt });
        return execution;
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    };
  const port: Hooks = {
    train: noting(hooks.train),
    predict: noting(hooks.predict),
    features: noting(hooks.features),
    serve: noting(hooks.serve),
    textsIn: hooks.textsIn,
    has: hooks.has,
  };
  return { port, used: () => [...used.values()], hasFailed: () => hasFailed };
}

/** Everything that the Git port could say; null for a shallow clone, which fetches may deepen. */
async function stateOf(git: Git): Promise<unknown> {
  if (git.isShallow) return null;
  const [tags, previous, tracked] = await Promise.all([git.tags(), git.previousRelease(), git.tracked()]);
  return { head: git.head, branch: git.branch, tags, previous, tracked: [...tracked].sort() };
}

export function createVerdicts(options: VerdictsOptions): Verdicts {
  const { program, manifest, tables, machine } = options;
  const { cache } = machine;
  const now = options.now ?? (() => new Date());
  const isSilent = manifest.mlflow.registeredModel === undefined && manifest.mlflow.experiment === undefined;
  let kept = 0;

  const sources = async (): Promise<unknown> => {
    const read = (table: SourceName): Promise<unknown> =>
      tables.sources(table).catch((error: unknown) => {
        if (error instanceof FlightcheckError) return toFailure(error);
        throw error;
      });
    return Promise.all(sourceNames.map(read));
  };
  let common: Promise<unknown> | undefined;
  const commonOf = async (): Promise<unknown> => ({
    ...{ format, program, manifest, tree: await machine.treeHash() },
    sources: await sources(),
  });
  let gitState: Promise<unknown> | undefined;

  /** Null when the check asks what may answer otherwise next time. */
  const keyOf = async (id: string, check: AnyCheck, given: unknown, world: Pick<World, Need>): Promise<string | null> => {
    const needs = new Set(check.needs);
    if (program === null || cache === null || needs.has('gitlab') || needs.has('history')) return null;
    if (needs.has('mlflow') && !isSilent) return null;
    const parts: Record<string, unknown> = { id, options: given, basis: options.basis.get(id) ?? null };
    if (needs.has('unitTests')) parts.unitTests = await world.unitTests.latest();
    if (needs.has('dag') && hasLocalDag(manifest)) {
      parts.dag = await world.dag.basis();
      if (parts.dag === null) return null;
    }
    if (needs.has('git')) {
      gitState ??= stateOf(world.git);
      parts.git = await gitState;
      if (parts.git === null) return null;
    }
    common ??= commonOf();
    return sha256(canonical({ verdict: parts, common: await common }));
  };

  const isStillThere = async ({ key, ranAt }: Used): Promise<boolean> => (await cache?.record(key))?.ranAt === ranAt;
  const areAllThere = async (executions: readonly Used[]): Promise<boolean> =>
    (await Promise.all(executions.map(isStillThere))).every(Boolean);

  const recall = async (key: string): Promise<Stored | null> => {
    const found = await cache?.read(key);
    if (!found) return null;
    try {
      const stored = JSON.parse(await readFile(join(found.folder, fileName), 'utf8')) as Stored;
      if (!outcomes.includes(stored.verdict.outcome) || Number.isNaN(Date.parse(stored.ranAt))) return null;
      return (await areAllThere(stored.executions)) ? stored : null;
    } catch {
      return null;
    }
  };
  const keep = async (key: string, stored: Stored): Promise<void> => {
    const folder = await machine.keep(`verdict-${key}`);
    await writeFile(join(folder, fileName), JSON.stringify(stored));
    await cache?.write(key, folder, { ranAt: stored.ranAt, seconds: 0, maxRssBytes: null });
  };

  return {
    async judge(id, check, given, world) {
      const key = await keyOf(id, check, given, world);
      const stored = key === null ? null : await recall(key);
      if (stored) {
        kept += 1;
        return { verdict: stored.verdict, ranAt: stored.ranAt };
      }
      const started = now().toISOString();
      const hooks = check.needs.includes('hooks') ? watched(world.hooks) : null;
      const verdict: Verdict = await check.run(hooks ? { ...world, hooks: hooks.port } : world, given);
      const executions = hooks?.used() ?? [];
      const ranAt = [started, ...executions.map((one) => one.ranAt)].sort()[0] ?? started;
      // A task that failed may have failed of this machine, today.
      const isOfDag = check.needs.includes('dag') && hasLocalDag(manifest);
      const hasFailed = hooks?.hasFailed() || (isOfDag && verdict.outcome !== 'pass');
      if (key !== null && !hasFailed) await keep(key, { verdict, ranAt, executions });
      return { verdict, ranAt };
    },
    kept: () => kept,
  };
}
