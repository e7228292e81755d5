/** The plan of a rubric run as a table for the terminal. */
import type { Failure } from '../kernel/failure.ts';
import { clip, oneLine } from './text.ts';
import { plural } from './words.ts';

interface Row {
  readonly words: string;
  readonly checks: readonly string[];
  readonly isCached: boolean;
  readonly sometimes?: string;
  readonly problem?: Failure;
}

/** The part of a plan that is shown. */
export interface PlanView {
  readonly setup: { readonly command: string; readonly isCached: boolean } | null;
  readonly executions: readonly Row[];
  readonly leaveOut: ReadonlyMap<string, string>;
  readonly budget: { readonly minutes: number; readonly trains: number; readonly parallel: number; readonly memory: string };
  readonly totals: Readonly<
    Record<
      'train' | 'predict' | 'features' | 'serve',
      { readonly runs: number; readonly cached: number; readonly sometimes: number }
    >
  >;
}

const widestWords = 76;

/** What will run, for which tests, what is cached and what the budget leaves out; ends with a newline. */
export function renderPlan(plan: PlanView): string {
  const rows = [
    ...(plan.setup
      ? [{ words: `setup: ${plan.setup.command}`, checks: [], state: plan.setup.isCached ? 'installed' : 'runs' }]
      : []),
    ...plan.executions.map((row) => ({ words: row.words, checks: row.checks, state: stateOf(row) })),
  ].map(({ words, checks, state }) => [clip(oneLine(words), widestWords), state, checks.join(' ')] as const);
  const lines = rows.length > 0 ? table([['hook', 'state', 'tests that share it'], ...rows]) : ['No hook will run.'];
  const problems = new Set(plan.executions.flatMap(({ problem }) => (problem ? [`  ${problemWords(problem)}`] : [])));
  const left = [...plan.leaveOut].map(([check, reason]) => `  ${check}: ${oneLine(reason)}`);
  const { trains, minutes, parallel, memory } = plan.budget;
  return [
    ...lines,
    '',
    totalsOf(plan),
    `Budget: ${plural(trains, 'training')}, ${plural(minutes, 'minute')}, ${plural(parallel, 'hook')} at a time, ${memory} each.`,
    ...(problems.size > 0 ? ['', 'In the way:', ...problems] : []),
    ...(left.length > 0 ? ['', 'Left out by the budget:', ...left] : []),
    '',
  ].join('\n');
}

function stateOf({ isCached, problem, sometimes }: Row): string {
  if (isCached) return 'cached';
  if (problem) return `blocked: ${problem.code}`;
  return sometimes === undefined ? 'runs' : `runs ${clip(oneLine(sometimes), 40)}`;
}

function problemWords({ code, message, hint, place }: Failure): string {
  const at = place ? `${place.path}${place.line === undefined ? '' : `:${place.line}`}: ` : '';
  return `${code}: ${oneLine(`${at}${message}`)}. ${oneLine(hint)}`;
}

function table(rows: readonly (readonly [string, string, string])[]): string[] {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => [...(row[column] ?? '')].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function totalsOf({ totals }: PlanView): string {
  const words = (['train', 'predict', 'features', 'serve'] as const).flatMap((hook) => {
    const { runs, cached, sometimes } = totals[hook];
    if (runs + cached + sometimes === 0) return [];
    const more = [...(cached > 0 ? [`${cached} cached`] : []), ...(sometimes > 0 ? [`up to ${sometimes} more`] : [])];
    return [`${hook} ${runs}${more.length > 0 ? ` (${more.join(', ')})` : ''}`];
  });
  return words.length > 0 ? `To run: ${words.join(', ')}.` : 'To run: nothing.';
}
