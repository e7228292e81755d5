import { describe, expect, it } from 'vitest';
import { applyWaivers, decide } from '../../src/kernel/gate.ts';
import type { Gate, Waiver } from '../../src/kernel/manifest.ts';
import { type Report, type Result, resultsOf } from '../../src/kernel/report.ts';
import { isComplete, scoreSuite } from '../../src/kernel/score.ts';

const open: Gate = { mode: 'blocking', 'min-score': 0, 'min-section-score': 0, 'min-structure': 0, 'max-severity': 'blocker' };

const failing = (more: Partial<Result> = {}): Result => ({
  check: 'layout-no-data',
  title: 'No data file is committed',
  why: 'why',
  fix: 'fix',
  severity: 'major',
  weight: 1,
  outcome: 'fail',
  findings: [{ message: 'data/a.csv is data', place: { path: 'data/a.csv' } }],
  seconds: 0,
  ...more,
});

function reportOf(structure: readonly Result[], rubric: readonly Result[] = [], more: Partial<Report> = {}): Report {
  const suites = [
    scoreSuite(
      { id: 'structure', title: 'Structure', method: 'weighted-mean' },
      [{ id: 'layout', title: 'Layout', results: structure }],
      'push',
    ),
    scoreSuite(
      { id: 'ml-test-score', title: 'ML Test Score', method: 'ml-test-score' },
      [{ id: 'data', title: 'Data', results: rubric }],
      'push',
    ),
  ];
  return {
    schema: 1,
    runner: 'report',
    tool: { name: 'flightcheck', version: '0.1.0' },
    at: '2026-11-20T23:30:00Z',
    seconds: 1,
    complete: isComplete(suites),
    model: { name: 'm', owner: null, tier: 'standard', labels: {} },
    source: { commit: null, ref: null, project: null },
    run: { trigger: 'push' },
    suites,
    metrics: [],
    ...more,
  };
}

const waiver = (more: Partial<Waiver> = {}): Waiver => ({
  check: 'layout-no-data',
  reason: 'sample',
  owner: '@ana',
  expires: '2026-12-31',
  ...more,
});
const waivedIn = (report: Report) => [...resultsOf(report)].map(({ result }) => result.waived);
const sabotaged = { waived: { reason: 'trust me', owner: '@mallory', expires: '2099-01-01' } };

describe('waivers', () => {
  it('cover a failed result and say why, who, until when', () => {
    const report = applyWaivers(reportOf([failing()]), [waiver()]);
    expect(waivedIn(report)).toEqual([{ reason: 'sample', owner: '@ana', expires: '2026-12-31' }]);
    expect(report.waivers).toEqual([{ ...waiver(), isExpired: false }]);
  });

  it('hold through their last day, UTC, and not a day longer', () => {
    const expiring = [waiver({ expires: '2026-11-20' })];
    expect(waivedIn(applyWaivers(reportOf([failing()]), expiring))[0]).toBeDefined();
    const nextDay = applyWaivers(reportOf([failing()], [], { at: '2026-11-21T00:00:00Z' }), expiring);
    expect(waivedIn(nextDay)[0]).toBeUndefined();
    expect(decide(nextDay, open).reasons).toContain('The waiver of layout-no-data by @ana expired on 2026-11-20');
  });

  it('with a path cover only findings under it', () => {
    const inside = (path: string | undefined) =>
      waivedIn(
        applyWaivers(reportOf([failing({ findings: [{ message: 'x', ...(path && { place: { path } }) }] })]), [
          waiver({ path: 'data' }),
        ]),
      )[0];
    expect(inside('data/a.csv')).toBeDefined();
    expect(inside('data')).toBeDefined();
    expect(inside('database/a.csv')).toBeUndefined();
    expect(inside(undefined)).toBeUndefined();
    const mixed = failing({
      findings: [
        { message: 'x', place: { path: 'data/a' } },
        { message: 'y', place: { path: 'src/b' } },
      ],
    });
    expect(waivedIn(applyWaivers(reportOf([mixed]), [waiver({ path: 'data/' })]))[0]).toBeUndefined();
  });

  it('never raise a score', () => {
    const before = reportOf([failing()]);
    expect(applyWaivers(before, [waiver()]).suites).toMatchObject(before.suites.map(({ score }) => ({ score })));
  });

  it('cover no error, no pass and no other check', () => {
    const report = reportOf([failing({ outcome: 'error' }), failing({ check: 'b' }), failing({ check: 'c', outcome: 'pass' })]);
    expect(waivedIn(applyWaivers(report, [waiver()]))).toEqual([undefined, undefined, undefined]);
  });

  it('that a report brings along count for nothing, with and without waivers in the manifest', () => {
    const forged = reportOf([failing(sabotaged)], [], { waivers: [{ ...waiver(), isExpired: false }] });
    for (const waivers of [[], [waiver({ check: 'other' })]]) {
      const report = applyWaivers(forged, waivers);
      expect(waivedIn(report)).toEqual([undefined]);
      expect(decide(report, { ...open, 'max-severity': 'minor' }).isPassed).toBe(false);
    }
    expect(applyWaivers(forged, [])).not.toHaveProperty('waivers');
  });
});

describe('the gate', () => {
  const test = (outcome: Result['outcome']) => failing({ check: 'data-1', outcome, findings: [] });

  it('opens at exactly the scores that are asked for', () => {
    const report = reportOf([failing({ outcome: 'pass' }), failing({ check: 'b' })], [test('pass'), test('pass')]);
    expect(decide(report, { ...open, 'min-score': 2, 'min-section-score': 2, 'min-structure': 0.5 })).toEqual({
      mode: 'blocking',
      isPassed: true,
      reasons: [],
    });
    const shut = decide(report, { ...open, 'min-score': 2.5, 'min-section-score': 2.5, 'min-structure': 0.6 });
    expect(shut.reasons).toEqual([
      'The ML Test Score is 2, below the 2.5 that the gate asks for',
      'The score of section Data is 2, below the 2.5 that the gate asks for',
      'The structure score is 0.5, below the 0.6 that the gate asks for',
    ]);
  });

  it('asks for the passing score: tests that run but do not hold open nothing', () => {
    expect(decide(reportOf([], [test('fail')]), { ...open, 'min-score': 0.5 }).isPassed).toBe(false);
  });

  it('stays shut when the merged report lacks a suite that it asks about', () => {
    const { suites: _, ...head } = reportOf([]);
    const decision = decide({ ...head, suites: [] }, { ...open, 'min-score': 1, 'min-structure': 0.1 });
    expect(decision.reasons).toHaveLength(2);
    expect(decision.reasons[0]).toContain('not known');
  });

  it('does not take nothing judged for a score', () => {
    expect(decide(reportOf([failing({ outcome: 'skipped' })]), { ...open, 'min-structure': 0.1 }).isPassed).toBe(false);
  });

  it.each([
    ['none', 'info', false],
    ['info', 'info', true],
    ['minor', 'major', false],
    ['major', 'major', true],
    ['major', 'critical', false],
    ['critical', 'blocker', false],
    ['blocker', 'blocker', true],
  ] as const)('max-severity %s with a failure that is %s: passes is %s', (allowed, severity, isPassed) => {
    expect(decide(reportOf([failing({ severity })]), { ...open, 'max-severity': allowed }).isPassed).toBe(isPassed);
  });

  it('lets a waived failure pass max-severity', () => {
    const report = applyWaivers(reportOf([failing({ severity: 'blocker' })]), [waiver()]);
    expect(decide(report, { ...open, 'max-severity': 'none' }).isPassed).toBe(true);
  });

  it('leaves failed tests of the rubric to the score', () => {
    expect(decide(reportOf([], [test('fail')]), { ...open, 'max-severity': 'none' }).isPassed).toBe(true);
  });

  it('stays shut on an error and names the check', () => {
    const decision = decide(reportOf([], [test('error')]), open);
    expect(decision.reasons).toEqual(['The report is incomplete: data-1 could not be judged']);
  });

  it('stays shut on a report that was cut short', () => {
    expect(decide(reportOf([], [], { complete: false }), open).reasons[0]).toContain('cut short');
  });

  it('says the same in advisory mode', () => {
    const decision = decide(reportOf([failing()]), { ...open, mode: 'advisory', 'max-severity': 'none' });
    expect(decision).toMatchObject({ mode: 'advisory', isPassed: false });
  });
});
