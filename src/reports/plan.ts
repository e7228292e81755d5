/** The plan of a rubric run as a table for the terminal. */
import type { Failure } from '../kernel/failure.ts';
import { clip, oneLine, wrap } from './text.ts';
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
  /** The DAG, where its tasks run too. */
  readonly dag?: { readonly words: string; readonly checks: readonly string[] };
  readonly leaveOut: ReadonlyMap<string, string>;
  readonly shard?: { readonly index: number; readonly tests: readonly (readonly string[])[] };
  readonly budget: { readonly minutes: number; readonly trains: number; readonly parallel: number; readonly memory: string };
  readonly totals: Readonly<
    Record<
      'train' | 'predict' | 'features' | 'serve',
      { readonly runs: number; readonly cached: number; readonly sometimes: number }
    >
  >;
}

type Cells = readonly [hook: string, state: string, tests: string];

/** What will run, for which tests, what is cached and what is left out; no line is wider than asked, and it ends with a newline. */
export function renderPlan(plan: PlanView, { width = 100 }: { readonly width?: number } = {}): string {
  const columns = Math.min(Math.max(width, 60), 160);
  const rows = [
    ...(plan.setup
      ? [{ words: `setup: ${plan.setup.command}`, checks: [], state: plan.setup.isCached ? 'installed' : 'runs' }]
      : []),
    ...plan.executions.map((row) => ({ words: row.words, checks: row.checks, state: stateOf(row) })),
    ...(plan.dag ? [{ ...plan.dag, state: 'runs' }] : []),
  ].map(({ words, checks, state }): Cells => [oneLine(words), state, checks.join(' ')]);
  const lines = rows.length > 0 ? table([['hook', 'state', 'tests that share it'], ...rows], columns) : ['No hook will run.'];
  const problems = new Set(plan.executions.flatMap(({ problem }) => (problem ? [problemWords(problem)] : [])));
  const left = [...plan.leaveOut].map(([check, reason]) => `${check}: ${oneLine(reason)}`);
  const { trains, minutes, parallel, memory } = plan.budget;
  const wrapped = (texts: Iterable<string>) => [...texts].flatMap((text) => indented(text, columns));
  return [
    ...lines,
    '',
    ...wrap(totalsOf(plan), columns, ''),
    ...wrap(
      `Budget: ${plural(trains, 'training')}, ${plural(minutes, 'minute')}, ${plural(parallel, 'hook')} at a time, ${memory} each.`,
      columns,
      '',
    ),
    ...shardLines(plan, columns),
    ...(problems.size > 0 ? ['', 'In the way:', ...wrapped(problems)] : []),
    ...(left.length > 0 ? ['', 'Left out:', ...wrapped(left)] : []),
    '',
  ].join('\n');
}

function stateOf({ isCached, problem, sometimes }: Row): string {
  if (isCached) return 'cached';
  if (problem) return `blocked: ${problem.code}`;
  return sometimes === undefined ? 'runs' : `runs ${oneLine(sometimes)}`;
}

function problemWords({ code, message, hint, place }: Failure): string {
  const at = place ? `${place.path}${place.line === undefined ? '' : `:${place.line}`}: ` : '';
  return `${code}: ${oneLine(`${at}${message}`)}. ${oneLine(hint)}`;
}

/** Lines that fit; what has no space to break at is cut. */
const fitted = (text: string, width: number): string[] => wrap(text, width, '').map((line) => clip(line, width));

/** Further lines of one text stand deeper than its first. */
const indented = (text: string, width: number): string[] =>
  fitted(text, width - 4).map((line, i) => `${i === 0 ? '  ' : '    '}${line}`);

/** The widest text of a column, or of its share of the width when that is less. */
function widthsOf(rows: readonly Cells[], columns: number): readonly [number, number, number] {
  const widest = (column: 0 | 1 | 2): number => Math.max(...rows.map((row) => row[column].length));
  const room = columns - 4;
  const state = Math.min(widest(1), Math.floor(room * 0.3));
  const tests = Math.min(widest(2), Math.max(Math.floor(room * 0.25), room - state - widest(0)));
  return [Math.min(widest(0), room - state - tests), state, tests];
}

function table(rows: readonly Cells[], columns: number): string[] {
  const widths = widthsOf(rows, columns);
  return rows.flatMap((row) => {
    const cells = row.map((cell, column) => {
      const room = widths[column] ?? 10;
      // Further lines of a hook stand deeper.
      return fitted(cell, column === 0 && cell.length > room ? room - 2 : room);
    });
    const height = Math.max(...cells.map((lines) => lines.length));
    return Array.from({ length: height }, (_, line) =>
      cells
        .map((lines, column) => `${column === 0 && line > 0 ? '  ' : ''}${lines[line] ?? ''}`.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  });
}

function shardLines({ shard }: PlanView, columns: number): string[] {
  if (!shard) return [];
  const own = shard.tests[shard.index - 1] ?? [];
  const [first = '', ...more] = fitted(
    `Shard ${shard.index} of ${shard.tests.length}: ${own.length > 0 ? own.join(' ') : 'no test'}`,
    columns - 2,
  );
  return [first, ...more.map((line) => `  ${line}`)];
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
