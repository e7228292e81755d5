import { describe, expect, it } from 'vitest';
import type { Result } from '../../src/kernel/report.ts';
import { bandOf, executionOf, isComplete, pointsOf, scoreSuite } from '../../src/kernel/score.ts';

const result = (check: string, outcome: Result['outcome'], weight = 1): Result => ({
  check,
  title: check,
  why: 'why',
  fix: 'fix',
  severity: 'major',
  weight,
  outcome,
  findings: [],
  seconds: 0,
});
const section = (id: string, ...outcomes: Result['outcome'][]) => ({
  id,
  title: id,
  results: outcomes.map((outcome, i) => result(`${id}-${i + 1}`, outcome)),
});
const rubric = { id: 'ml-test-score', title: 'ML Test Score', method: 'ml-test-score' } as const;
const structure = { id: 'structure', title: 'Structure', method: 'weighted-mean' } as const;

describe('the bands of the paper', () => {
  it.each([
    [0, 'research project'],
    [0.5, 'serious holes'],
    [1, 'serious holes'],
    [1.5, 'first pass'],
    [2, 'first pass'],
    [2.5, 'reasonably tested'],
    [3, 'reasonably tested'],
    [3.5, 'strong'],
    [5, 'strong'],
    [5.5, 'exceptional'],
    [7, 'exceptional'],
  ])('%d is: %s', (score, words) => expect(bandOf(score)).toContain(words));
});

describe('how a test was executed', () => {
  it.each([
    ['push', 'data', 'automatic'],
    ['merge_request_event', 'model', 'automatic'],
    ['schedule', 'infra', 'automatic'],
    ['schedule', 'monitor', 'automatic'],
    ['push', 'monitor', 'manual'],
    ['merge_request_event', 'monitor', 'manual'],
    ['web', 'data', 'manual'],
    ['api', 'data', 'manual'],
    ['trigger', 'data', 'manual'],
    ['local', 'data', 'manual'],
    ['', 'data', 'manual'],
    ['parent_pipeline', 'data', 'manual'],
  ])('by %s in section %s: %s', (trigger, id, execution) => {
    expect(executionOf('pass', id, trigger)).toBe(execution);
    expect(executionOf('fail', id, trigger)).toBe(execution);
  });

  it('an attestation is by hand whatever the trigger', () => expect(executionOf('manual', 'data', 'schedule')).toBe('manual'));

  it.each(['skipped', 'not-applicable', 'error'] as const)('%s was not executed and earns nothing', (outcome) => {
    expect(executionOf(outcome, 'data', 'push')).toBe('none');
    expect(pointsOf(outcome, 'none')).toEqual({ paperPoints: 0, passingPoints: 0 });
  });

  it('a failing test earns paper points only', () => {
    expect(pointsOf('fail', 'automatic')).toEqual({ paperPoints: 1, passingPoints: 0 });
    expect(pointsOf('fail', 'manual')).toEqual({ paperPoints: 0.5, passingPoints: 0 });
    expect(pointsOf('pass', 'automatic')).toEqual({ paperPoints: 1, passingPoints: 1 });
    expect(pointsOf('manual', 'manual')).toEqual({ paperPoints: 0.5, passingPoints: 0.5 });
  });
});

describe('the rubric', () => {
  it('is the minimum of its sections, for both scores', () => {
    const scored = scoreSuite(
      rubric,
      [section('data', 'pass', 'pass', 'fail'), section('monitor', 'pass', 'manual', 'skipped')],
      'push',
    );
    expect(scored.sections.map((s) => [s.score, s.paperScore])).toEqual([
      [2, 3],
      [1, 1],
    ]);
    expect([scored.score, scored.paperScore]).toEqual([1, 1]);
    expect(scored.band).toContain('serious holes');
  });

  it('takes the minimum of each score by itself', () => {
    const scored = scoreSuite(rubric, [section('data', 'fail', 'fail'), section('model', 'pass', 'skipped')], 'push');
    expect([scored.score, scored.paperScore]).toEqual([0, 1]);
  });

  it('reads no points that a result brings along', () => {
    const forged = { ...result('data-1', 'fail'), paperPoints: 1, passingPoints: 1, execution: 'automatic' as const };
    const scored = scoreSuite(rubric, [{ id: 'data', title: 'data', results: [forged] }], 'local');
    expect(scored.sections[0]?.results[0]).toMatchObject({ paperPoints: 0.5, passingPoints: 0, execution: 'manual' });
  });

  it('is 0 without any section', () => expect(scoreSuite(rubric, [], 'push').score).toBe(0));
});

describe('the weighted mean', () => {
  it('leaves out what was not judged and counts errors as 0', () => {
    const results = [
      result('a', 'pass', 3),
      result('b', 'fail', 1),
      result('c', 'skipped', 9),
      result('d', 'not-applicable', 9),
      result('e', 'error', 2),
    ];
    const scored = scoreSuite(structure, [{ id: 's', title: 's', results }], 'push');
    expect(scored.score).toBe(0.5);
    expect(scored.sections[0]?.results[0]).not.toHaveProperty('paperPoints');
  });

  it('weighs over all results, not over the means of sections', () => {
    const sections = [
      { id: 'a', title: 'a', results: [result('a', 'pass', 1)] },
      { id: 'b', title: 'b', results: [result('b', 'fail', 9)] },
    ];
    expect(scoreSuite(structure, sections, 'push').score).toBe(0.1);
  });

  it('is unknown, never 0 or 1, when nothing was judged or nothing weighs', () => {
    expect(scoreSuite(structure, [section('s', 'skipped', 'not-applicable')], 'push').score).toBeNull();
    expect(scoreSuite(structure, [{ id: 's', title: 's', results: [result('a', 'pass', 0)] }], 'push').score).toBeNull();
  });
});

it('an error makes a report incomplete; a failure and a skipped test do not', () => {
  const suites = (...outcomes: Result['outcome'][]) => [scoreSuite(rubric, [section('data', ...outcomes)], 'push')];
  expect(isComplete(suites('pass', 'fail', 'skipped', 'not-applicable', 'manual'))).toBe(true);
  expect(isComplete(suites('pass', 'error'))).toBe(false);
});
