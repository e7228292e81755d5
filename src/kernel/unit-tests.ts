/** What unit tests said, whatever framework ran them: cases, coverage, and how far they can be believed. */

/** Best first: of two cases with one name the worse stands. */
export const testStatuses = ['passed', 'skipped', 'failed', 'error'] as const;
export type TestStatus = (typeof testStatuses)[number];

export interface TestCase {
  /** Module, file or context that it stands in. */
  readonly suite: string;
  readonly name: string;
  readonly status: TestStatus;
  /** Path inside the repo; null when the framework does not say. */
  readonly file: string | null;
  /** Counted from 1: of the failure, else of the test. */
  readonly line: number | null;
  readonly seconds: number;
  /** Tests of the rubric that it names as evidence for, as written: `data-7`. */
  readonly marks: readonly string[];
  /** It passes whatever the code answers, so it is evidence for nothing. */
  readonly assertsNothing?: true;
  /** Why it failed or was skipped, in one line. */
  readonly message: string;
  /** Traceback, bounded. */
  readonly text: string;
}

/** Lines of one source file that can be executed, each with how often it was. */
export interface FileCoverage {
  /** Inside the repo. */
  readonly path: string;
  readonly lines: readonly { readonly line: number; readonly hits: number }[];
}

/** What came of the unit tests of one state of the repo. */
export interface UnitTestRun {
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly commit: string | null;
  /** SHA-256 of the files of the working tree, tables left out. */
  readonly tree: string;
  /** In the order in which they ran. */
  readonly cases: readonly TestCase[];
  /** Null when it was not measured. */
  readonly coverage: readonly FileCoverage[] | null;
  /** What kept tests from ending as they should: a limit, a missing tool, an exit code that no case explains. */
  readonly problems: readonly TestProblem[];
  /** What else should be known: coverage not measured, and why. */
  readonly notes: readonly string[];
}

export interface TestProblem {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

const markPattern = /^(data|model|infra|monitor)-[1-7]$/;

/** True for the id of a test of the rubric. */
export const isRubricTest = (mark: string): boolean => markPattern.test(mark);

/** Share of the lines that ran, 0 to 1; null without a line. */
export function coverageOf(files: readonly FileCoverage[]): number | null {
  const lines = files.flatMap((file) => file.lines);
  return lines.length === 0 ? null : lines.filter(({ hits }) => hits > 0).length / lines.length;
}

const keyOf = ({ suite, name, file }: TestCase): string => JSON.stringify([suite, name, file]);
const badness = ({ status }: TestCase): number => testStatuses.indexOf(status);

/**
 * One case for each name of a suite: the worst status stands with its message, times add up, marks join. testthat's own
 * JUnit has one case for each expectation, all under the test's name, and GitLab shows the first of them only.
 */
export function mergeCases(cases: readonly TestCase[]): readonly TestCase[] {
  const merged = new Map<string, TestCase>();
  for (const next of cases) {
    const key = keyOf(next);
    const before = merged.get(key);
    if (!before) {
      merged.set(key, next);
      continue;
    }
    const worse = badness(next) > badness(before) ? next : before;
    const marks = next.marks.every((mark) => before.marks.includes(mark))
      ? before.marks
      : [...new Set([...before.marks, ...next.marks])];
    merged.set(key, { ...worse, seconds: before.seconds + next.seconds, marks });
  }
  return [...merged.values()];
}

/** Two runs (of two frameworks) as one. */
export function mergeCoverage(files: readonly FileCoverage[]): readonly FileCoverage[] {
  const byPath = new Map<string, Map<number, number>>();
  for (const { path, lines } of files) {
    const known = byPath.get(path) ?? new Map<number, number>();
    byPath.set(path, known);
    for (const { line, hits } of lines) known.set(line, Math.max(known.get(line) ?? 0, hits));
  }
  return [...byPath]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, lines]) => ({
      path,
      lines: [...lines].sort(([a], [b]) => a - b).map(([line, hits]) => ({ line, hits })),
    }));
}
