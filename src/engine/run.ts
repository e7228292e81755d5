/** Runs a suite: each check gets only the ports that it declares, and whatever it throws becomes a result. */
import type { AnyCheck, Verdict } from '../kernel/check.ts';
import { type Failure, toFailure, UsageError } from '../kernel/failure.ts';
import { resolveInputs } from '../kernel/input.ts';
import type { Result, SuiteReport } from '../kernel/report.ts';
import { scoreSuite } from '../kernel/score.ts';
import type { Suite, SuiteEntry } from '../kernel/suite.ts';
import type { Need, World } from '../kernel/world.ts';
import type { Verdicts } from './verdicts.ts';

export interface SuiteRun {
  readonly suite: Suite;
  /** The check of an id; null when it does not exist yet. */
  load(id: string): Promise<AnyCheck | null>;
  /** The ports that this run has; a check that needs another one ends as an error. */
  readonly world: Partial<World>;
  /** GitLab's CI_PIPELINE_SOURCE, or `local`. */
  readonly trigger: string;
  /** Checks at the same time. */
  readonly concurrency: number;
  /** Checks that wait for all others: they judge what the run measured. */
  readonly last?: ReadonlySet<string>;
  /** This check starts alone: the others, which would only hold it up, wait until it is under way or judged. */
  readonly first?: { readonly check: string; readonly isUnderWay: Promise<void> };
  /** Checks that are not run, with the reason that the report gives. */
  readonly leaveOut?: ReadonlyMap<string, string>;
  /** Verdicts of earlier runs over the same. */
  readonly verdicts?: Verdicts;
  readonly signal: AbortSignal;
  onResult?(result: Result): void;
}

/** Runs all checks of a suite and scores them. One failing check never loses the run; after an abort the rest is skipped. */
export async function runSuite(run: SuiteRun): Promise<SuiteReport> {
  const entries = run.suite.sections.flatMap((section) => section.checks);
  const results = new Map<string, Result>();
  const work = async (queue: SuiteEntry[]): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const result = await runEntry(run, next);
      results.set(next.check, result);
      run.onResult?.(result);
    }
  };
  const isFirst = ({ check }: SuiteEntry): boolean => check === run.first?.check;
  const first = work(entries.filter(isFirst));
  await Promise.race([first, run.first?.isUnderWay ?? first]);
  for (const isLast of [false, true]) {
    const queue = entries.filter((entry) => !isFirst(entry) && (run.last?.has(entry.check) ?? false) === isLast);
    await Promise.all([first, ...Array.from({ length: Math.max(1, run.concurrency) }, () => work(queue))]);
  }
  const grouped = run.suite.sections.map(({ id, title, checks }) => ({
    id,
    title,
    results: checks.map((entry) => results.get(entry.check)).filter((result) => result !== undefined),
  }));
  return scoreSuite(run.suite, grouped, run.trigger);
}

async function runEntry(run: SuiteRun, entry: SuiteEntry): Promise<Result> {
  const started = performance.now();
  const base = { check: entry.check, severity: entry.severity, weight: entry.weight };
  let meta = { title: entry.title ?? entry.check, why: '', fix: '' } as Pick<Result, 'title' | 'why' | 'fix' | 'reference'>;
  const done = (rest: Pick<Result, 'outcome'> & Partial<Result>): Result => ({
    ...base,
    ...meta,
    findings: [],
    seconds: Math.round(performance.now() - started) / 1000,
    ...rest,
  });
  try {
    const check = await run.load(entry.check);
    if (check === null)
      return done({ outcome: 'skipped', reason: 'this test does not exist yet in this version of Flightcheck' });
    const { title, why, fix, reference } = check;
    meta = { title, why, fix, ...(reference !== undefined && { reference }) };
    const left = run.leaveOut?.get(entry.check);
    if (left !== undefined) return done({ outcome: 'skipped', reason: left });
    if (run.signal.aborted) return done({ outcome: 'skipped', reason: 'the run was interrupted before it' });
    const options = optionsOf(check, entry);
    const world = pick(run.world, check.needs);
    if (!run.verdicts) return done(resultOf(await check.run(world, options)));
    const { verdict, ranAt } = await run.verdicts.judge(entry.check, check, options, world);
    return done({ ...resultOf(verdict), ranAt });
  } catch (error) {
    const failure: Failure = run.signal.aborted
      ? { code: 'INTERRUPTED', message: 'the run was interrupted while this was judged', hint: 'Run again.' }
      : toFailure(error);
    if (failure.code === 'BUDGET_SPENT') return done({ outcome: 'skipped', reason: failure.message, nextStep: failure.hint });
    return done({ outcome: 'error', failure });
  }
}

function optionsOf(check: AnyCheck, entry: SuiteEntry): Record<string, unknown> {
  const { values, problems } = resolveInputs(check.inputs, entry.options ?? {});
  if (problems.length > 0)
    throw new UsageError('CHECK_OPTIONS_INVALID', `${entry.check}: ${problems.join('; ')}`, {
      hint: 'Mend the options of this check in its suite or rule pack.',
    });
  return values as Record<string, unknown>;
}

function pick(world: Partial<World>, needs: readonly Need[]): Pick<World, Need> {
  const missing = needs.filter((need) => world[need] === undefined);
  if (missing.length > 0) throw new Error(`this run has no ${missing.join(', ')}`);
  return Object.fromEntries(needs.map((need) => [need, world[need]])) as unknown as Pick<World, Need>;
}

/** A verdict in the shape of the report. */
function resultOf(verdict: Verdict): Pick<Result, 'outcome'> & Partial<Result> {
  // A fail without a finding would show nobody what to mend.
  if (verdict.outcome === 'fail' && verdict.findings.length === 0)
    return { ...verdict, findings: [{ message: verdict.evidence?.explanation ?? 'the check failed' }] };
  return verdict;
}
