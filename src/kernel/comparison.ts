/** What a run changes against the last report that counts: per test, per section, in both scores. Pure. */
import type { Outcome, Report, Result } from './report.ts';

/** A report without its evidence: what Control Tower tells of a model's record. */
export interface Standing {
  /** RFC 3339. */
  readonly at: string;
  readonly commit: string | null;
  readonly ref: string | null;
  readonly trigger: string;
  readonly suites: readonly {
    readonly id: string;
    readonly score: number | null;
    readonly paperScore: number | null;
    readonly sections: readonly {
      readonly id: string;
      readonly score: number | null;
      readonly results: readonly { readonly check: string; readonly outcome: Outcome; readonly points: number | null }[];
    }[];
  }[];
}

export type Comparison = NonNullable<Report['comparison']>;
type TestChange = NonNullable<Comparison['tests']>[number];

export const standingOf = (report: Report): Standing => ({
  at: report.at,
  commit: report.source.commit,
  ref: report.source.ref,
  trigger: report.run.trigger,
  suites: report.suites.map(({ id, score, paperScore = null, sections }) => ({
    id,
    score,
    paperScore,
    sections: sections.map((section) => ({
      id: section.id,
      score: section.score,
      results: section.results.map(({ check, outcome, passingPoints }) => ({ check, outcome, points: passingPoints ?? null })),
    })),
  })),
});

const holds = (outcome: Outcome): boolean => outcome === 'pass' || outcome === 'manual';

type Before = Standing['suites'][number]['sections'][number]['results'][number];

function changeOf(before: Before, { check, outcome, passingPoints }: Result): TestChange | null {
  const points = {
    ...(before.points !== null && { pointsBefore: before.points }),
    ...(passingPoints !== undefined && { pointsAfter: passingPoints }),
  };
  const of = (change: TestChange['change']): TestChange => ({ check, change, before: before.outcome, after: outcome, ...points });
  if (holds(outcome) !== holds(before.outcome)) return of(holds(outcome) ? 'gained' : 'lost');
  if (!holds(outcome)) return outcome === before.outcome ? null : of('changed');
  const more = (passingPoints ?? 0) - (before.points ?? 0);
  return more === 0 || before.points === null ? null : of(more > 0 ? 'counts-more' : 'counts-less');
}

const mostTests = 500;

/** Only suites, sections and tests that both have. */
export function compareWith(before: Standing, after: Report, source: string): Comparison {
  const suites = after.suites.flatMap((suite) => {
    const old = before.suites.find(({ id }) => id === suite.id);
    return old ? [{ suite, old }] : [];
  });
  const sections = suites.flatMap(({ suite, old }) =>
    suite.sections.flatMap(({ id, title, score, results }) => {
      const section = old.sections.find((each) => each.id === id);
      return section && results.length > 0 ? [{ suite: suite.id, id, title, before: section.score, after: score }] : [];
    }),
  );
  const tests = suites.flatMap(({ suite, old }) => {
    const known = new Map(old.sections.flatMap(({ results }) => results.map((result) => [result.check, result] as const)));
    return suite.sections.flatMap(({ results }) =>
      results.flatMap((result) => {
        const was = known.get(result.check);
        const change = was && changeOf(was, result);
        return change ? [change] : [];
      }),
    );
  });
  return {
    against: { source, at: before.at, commit: before.commit, ref: before.ref, trigger: before.trigger },
    scores: suites.map(({ suite, old }) => ({
      ...{ suite: suite.id, title: suite.title, before: old.score, after: suite.score },
      ...(suite.method === 'ml-test-score' && { paperBefore: old.paperScore, paperAfter: suite.paperScore ?? null }),
    })),
    sections,
    tests: tests.slice(0, mostTests),
  };
}
