import { describe, expect, it } from 'vitest';
import type { Report, Result } from '../../src/kernel/report.ts';
import { scoreSuite } from '../../src/kernel/score.ts';
import { nextSteps } from '../../src/reports/next-steps.ts';
import { goldenReport } from './golden.ts';

const result = (check: string, outcome: Result['outcome'], more: Partial<Result> = {}): Result => ({
  check,
  title: check,
  why: 'why',
  fix: `mend ${check}`,
  severity: 'major',
  weight: 1,
  outcome,
  findings: outcome === 'fail' ? [{ message: 'wrong' }] : [],
  seconds: 0,
  ...more,
});

function stepsOf(sections: Readonly<Record<string, readonly Result[]>>, trigger = 'push', structure: readonly Result[] = []) {
  const grouped = Object.entries(sections).map(([id, results]) => ({ id, title: id, results }));
  const report: Report = {
    ...goldenReport,
    run: { trigger },
    suites: [
      scoreSuite(
        { id: 'structure', title: 'Structure', method: 'weighted-mean' },
        [{ id: 's', title: 's', results: structure }],
        trigger,
      ),
      scoreSuite({ id: 'ml-test-score', title: 'ML Test Score', method: 'ml-test-score' }, grouped, trigger),
    ],
  };
  return nextSteps(report);
}
const checks = (...args: Parameters<typeof stepsOf>) => stepsOf(...args).map((step) => step.result.check);

describe('what to do next', () => {
  it('lifts the weakest section first, with the least work first', () => {
    const sections = {
      data: [result('data-1', 'pass'), result('data-2', 'fail')],
      model: [
        result('model-1', 'skipped', { reason: 'r', nextStep: 'Write code' }),
        result('model-2', 'fail'),
        result('model-3', 'skipped', { reason: 'r', manifestLine: 'a: b' }),
      ],
    };
    // After the first both sections are weakest, and what is easier in either comes next.
    expect(checks(sections)).toEqual(['model-3', 'data-2', 'model-2', 'model-1']);
    const line = result('model-3', 'skipped', { nextStep: 'Add to flightcheck.yml: a: b', manifestLine: 'a: b' });
    const other = { ...line, check: 'model-2', nextStep: 'Add to flightcheck.yml: c: d', manifestLine: 'c: d' };
    expect(stepsOf({ model: [line, other] }).map(({ action, manifestLine, also }) => [action, manifestLine, also])).toEqual([
      ['Add to flightcheck.yml.', 'a: b', []],
      ['Add to flightcheck.yml.', 'c: d', []],
    ]);
    expect(stepsOf(sections)[0]).toMatchObject({ gain: 'model 0.0 → 1.0', liftsWeakest: true, manifestLine: 'a: b' });
  });

  it('says which step raises the final score, and to what: none alone, where two sections are weakest', () => {
    const ids = [1, 2, 3, 4, 5, 6, 7];
    const all = (id: string, mend: Readonly<Record<string, Result['outcome']>> = {}) =>
      ids.map((n) => result(`${id}-${n}`, mend[`${id}-${n}`] ?? 'pass'));
    const steps = stepsOf({
      data: all('data', { 'data-1': 'fail' }),
      model: all('model', { 'model-1': 'fail', 'model-2': 'fail' }),
      infra: all('infra', { 'infra-1': 'fail', 'infra-2': 'fail' }),
      monitor: all('monitor'),
    });
    // Monitors count half on a push: a schedule is what they need, for all seven at once.
    expect(steps.map(({ result: { check }, gain, final }) => [check, gain, final])).toEqual([
      ['monitor-1', 'monitor 3.5 → 7.0', 'final score 3.5 → 5.0'],
      ['model-1', 'model 5.0 → 6.0', undefined],
      ['infra-1', 'infra 5.0 → 6.0', 'final score 5.0 → up to 6.0'],
      ['data-1', 'data 6.0 → 7.0', undefined],
      ['model-2', 'model 6.0 → 7.0', undefined],
      ['infra-2', 'infra 6.0 → 7.0', 'final score 6.0 → up to 7.0'],
    ]);
  });

  it('adds up what one action brings to several sections', () => {
    const line = { reason: 'r', nextStep: 'Add the task.', manifestLine: 'task: binary' };
    const [step, ...others] = stepsOf({
      data: [result('data-2', 'skipped', line)],
      model: [result('model-5', 'skipped', line), result('model-6', 'skipped', line)],
    });
    expect(step).toMatchObject({ gain: 'data 0.0 → 1.0, model 0.0 → 2.0', also: ['model-5', 'model-6'] });
    expect(others).toEqual([]);
  });

  it('puts what broke and what is critical before everything', () => {
    const sections = { data: [result('data-1', 'fail')], model: [result('model-1', 'pass'), result('model-2', 'error')] };
    const structure = [result('a', 'fail', { severity: 'minor' }), result('b', 'fail', { severity: 'critical' })];
    expect(checks(sections, 'push', structure)).toEqual(['model-2', 'b', 'data-1', 'a']);
  });

  it('promises no more than the trigger can give', () => {
    expect(stepsOf({ data: [result('data-1', 'fail')] }, 'web')[0]?.gain).toBe('data 0.0 → 0.5');
    expect(stepsOf({ monitor: [result('monitor-1', 'fail')] }, 'push')[0]?.gain).toBe('monitor 0.0 → 0.5');
  });

  it('tells how a test that holds counts in full, once for all of them', () => {
    const [step, ...others] = stepsOf({ data: [result('data-1', 'pass'), result('data-2', 'pass')] }, 'local');
    expect(step).toMatchObject({ gain: 'data 1.0 → 2.0', also: ['data-2'] });
    expect(step?.action).toContain('merge request');
    expect(others).toEqual([]);
  });

  it('says nothing about what nobody can do', () => {
    expect(checks({ data: [result('data-1', 'skipped', { reason: 'This test does not exist yet' })] })).toEqual([]);
    expect(checks({ data: [result('data-1', 'pass')] })).toEqual([]);
    const waived = { reason: 'r', owner: 'o', expires: '2099-01-01' };
    expect(checks({}, 'push', [result('a', 'fail', { waived }), result('b', 'not-applicable')])).toEqual([]);
  });
});
