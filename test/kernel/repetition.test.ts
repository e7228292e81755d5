import { describe, expect, it } from 'vitest';
import { type Repetition, type ScheduledResult, withoutRepetition, withRepetition } from '../../src/kernel/repetition.ts';
import type { Outcome, Report, Result } from '../../src/kernel/report.ts';
import { sampleReport } from '../tower/sample.ts';

const commit = 'a'.repeat(40);
const now = new Date('2026-03-10T00:00:00Z');
const scheduled = (more: Partial<ScheduledResult> = {}): ScheduledResult => ({
  check: 'monitor-2',
  outcome: 'pass',
  at: '2026-03-08T06:00:00Z',
  commit,
  ...more,
});
const repetition = (results: Repetition['results']): Repetition => ({
  results,
  isOurs: (one) => one === commit,
  cadence: { words: '7d', seconds: 7 * 86_400 },
  now,
});
const run = (outcome: Outcome, results: Repetition['results'], trigger = 'push', isReported = true) => {
  const report = sampleReport({ trigger, outcomes: { 'monitor-2': outcome, 'data-1': 'pass' } });
  const repeated = withRepetition(report, repetition(results), () => isReported);
  return { report: repeated, result: resultIn(repeated, 'monitor-2') };
};
const resultIn = (report: Report, id: string): Result => {
  const all = report.suites.flatMap(({ sections }) => sections.flatMap(({ results }) => results));
  return all.find(({ check }) => check === id) as Result;
};

describe('a monitoring test in the pipeline of a push', () => {
  it('counts in full when its last run by schedule passed within the cadence', () => {
    const { result, report } = run('pass', [scheduled()]);
    expect(result).toMatchObject({ outcome: 'pass', execution: 'automatic', passingPoints: 1, paperPoints: 1 });
    expect(result.lastScheduled?.words).toBe('By schedule, last on 2026-03-08 06:00 UTC');
    const suite = report.suites.find(({ id }) => id === 'ml-test-score');
    // monitor-1 has no such run, and counts half.
    expect(suite?.sections.at(-1)?.score).toBe(1.5);
  });

  it.each<readonly [string, Repetition['results'], RegExp]>([
    ['too old', [scheduled({ at: '2026-02-26T00:00:00Z' })], /was 12 days ago; policy.cadence allows 7d/],
    ['failed', [scheduled({ outcome: 'fail' })], /2026-03-08 06:00 UTC, failed/],
    ['of another history', [scheduled({ commit: 'b'.repeat(40) })], /not in this history/],
    ['of no commit', [scheduled({ commit: null })], /not in this history/],
    ['to come', [scheduled({ at: '2026-03-11T00:00:00Z' })], /which is to come/],
    ['of another test', [scheduled({ check: 'monitor-3' })], /No run by schedule is on record/],
    ['not known', 'Control Tower at t.example answered 500', /is not known: Control Tower at t.example answered 500/],
  ])('earns what this run earns when the last one is %s, and says so', (_, results, words) => {
    const { result } = run('pass', results);
    expect(result).toMatchObject({ outcome: 'pass', execution: 'manual', passingPoints: 0.5 });
    expect(result.lastScheduled).toMatchObject({ counts: false, words: expect.stringMatching(words) });
  });

  it('is not healed by an earlier run: what this one found stands', () => {
    expect(run('fail', [scheduled()]).result).toMatchObject({ outcome: 'fail', paperPoints: 1, passingPoints: 0 });
    for (const outcome of ['error', 'not-applicable'] as const) {
      const { result } = run(outcome, [scheduled()]);
      expect(result).toMatchObject({ outcome, passingPoints: 0 });
      expect(result).not.toHaveProperty('lastScheduled');
    }
  });

  it('that this run could not judge stands on the earlier one, with both said; one that no job reported does not', () => {
    const { result } = run('skipped', [scheduled()]);
    expect(result).toMatchObject({ outcome: 'pass', passingPoints: 1, ranAt: '2026-03-08T06:00:00Z' });
    expect(result.evidence?.explanation).toMatch(/last on 2026-03-08.*This run did not judge it: It needs data/);
    expect(withoutRepetition(result)).toMatchObject({ outcome: 'skipped', reason: 'It needs data that is not named.' });
    expect(run('skipped', [scheduled({ outcome: 'fail' })]).result).toMatchObject({ outcome: 'skipped', passingPoints: 0 });
    expect(run('skipped', [scheduled()], 'push', false).result).toMatchObject({ outcome: 'skipped', passingPoints: 0 });
  });

  it('needs no earlier run on a schedule, and other sections never ask', () => {
    const { result } = run('pass', 'nobody was asked', 'schedule');
    expect(result).toMatchObject({ passingPoints: 1 });
    expect(result).not.toHaveProperty('lastScheduled');
    const { report } = run('pass', [scheduled({ check: 'data-1' })], 'local');
    expect(resultIn(report, 'data-1')).toMatchObject({ passingPoints: 0.5 });
  });
});
