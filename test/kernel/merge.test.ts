import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MergeContext, mergeReports } from '../../src/kernel/merge.ts';
import type { Report, Result, SuiteReport } from '../../src/kernel/report.ts';
import { isComplete, scoreSuite } from '../../src/kernel/score.ts';
import type { Suite } from '../../src/kernel/suite.ts';

const ids = [1, 2, 3, 4, 5, 6, 7];
const rubric: Suite = {
  id: 'ml-test-score',
  title: 'ML Test Score',
  method: 'ml-test-score',
  sections: ['data', 'model', 'infra', 'monitor'].map((id) => ({
    id,
    title: id,
    checks: ids.map((n) => ({ check: `${id}-${n}`, weight: 1, severity: 'major', title: `${id} ${n}` })),
  })),
};
const structure: Suite = {
  id: 'structure',
  title: 'Structure',
  method: 'weighted-mean',
  sections: [{ id: 'code', title: 'Code', checks: [{ check: 'code-seeds', weight: 3, severity: 'critical' }] }],
};

const result = (check: string, outcome: Result['outcome'], more: Partial<Result> = {}): Result => ({
  check,
  title: check,
  why: 'why',
  fix: 'fix',
  severity: 'major',
  weight: 1,
  outcome,
  findings: [],
  seconds: 0,
  ...more,
});

const suiteOf = (
  id: string,
  method: SuiteReport['method'],
  sections: Readonly<Record<string, readonly Result[]>>,
): SuiteReport => ({
  id,
  title: id,
  method,
  score: 7,
  paperScore: 7,
  band: 'forged',
  sections: Object.entries(sections).map(([section, results]) => ({ id: section, title: section, score: 7, results })),
});
const rubricOf = (sections: Readonly<Record<string, readonly Result[]>>) => suiteOf('ml-test-score', 'ml-test-score', sections);

function reportOf(suites: readonly SuiteReport[], more: Partial<Report> = {}): Report {
  return {
    schema: 1,
    runner: 'score',
    tool: { name: 'flightcheck', version: '0.1.0' },
    at: '2026-11-20T06:00:00Z',
    seconds: 60,
    complete: isComplete(suites),
    model: { name: 'm', owner: null, tier: 'standard', labels: {} },
    source: { commit: 'a'.repeat(40), ref: 'main', project: null },
    run: { trigger: 'push', pipelineId: '7' },
    suites,
    metrics: [],
    ...more,
  };
}

const frame = reportOf([], { runner: 'report', at: '2026-11-20T07:00:00Z', seconds: 0, complete: true });
const context: MergeContext = { frame, suites: [structure, rubric], problems: [] };
const merge = (...reports: Report[]) => mergeReports(reports, context);
const scoreOf = (report: Report) => report.suites.find((suite) => suite.id === 'ml-test-score');
const outcomes: readonly Result['outcome'][] = ['pass', 'fail', 'manual', 'not-applicable', 'skipped', 'error'];

describe('totals', () => {
  it('are recomputed from the results, whatever the artifact says', () => {
    const merged = merge(
      reportOf([rubricOf({ data: [result('data-1', 'fail', { paperPoints: 1, passingPoints: 1, execution: 'automatic' })] })]),
    );
    expect(scoreOf(merged)).toMatchObject({ score: 0, paperScore: 0 });
    expect(scoreOf(merged)?.band).toContain('research project');
    expect(scoreOf(merged)?.sections[0]).toMatchObject({ score: 0, paperScore: 1 });
  });

  it('count sections and tests that no job reported as 0, and list them as skipped', () => {
    const merged = merge(reportOf([rubricOf({ data: ids.map((n) => result(`data-${n}`, 'pass')) })]));
    expect(scoreOf(merged)).toMatchObject({ score: 0 });
    expect(scoreOf(merged)?.sections.map((section) => [section.score, section.results.length])).toEqual([
      [7, 7],
      [0, 7],
      [0, 7],
      [0, 7],
    ]);
    expect(scoreOf(merged)?.sections[3]?.results[0]).toMatchObject({ outcome: 'skipped', title: 'monitor 1' });
  });

  it('know only the 28 tests: one more earns nothing', () => {
    const merged = merge(
      reportOf([rubricOf({ data: [result('data-1', 'pass'), result('data-8', 'pass')], extra: [result('x', 'pass')] })]),
    );
    expect(scoreOf(merged)?.sections.map((section) => section.id)).toEqual(['data', 'model', 'infra', 'monitor']);
    expect(scoreOf(merged)?.sections[0]?.score).toBe(1);
  });

  it('take weight and severity from our suite, not from the artifact', () => {
    const forged = result('code-seeds', 'fail', { weight: 0, severity: 'info' });
    const merged = merge(reportOf([suiteOf('structure', 'weighted-mean', { code: [forged, result('pack-rule', 'pass')] })]));
    expect(merged.suites[0]?.sections[0]?.results[0]).toMatchObject({ weight: 3, severity: 'critical' });
    expect(merged.suites[0]?.score).toBe(0.25);
  });

  it('take the trigger from the job that merges: no artifact makes a laptop a schedule', () => {
    const forged = reportOf([rubricOf({ monitor: [result('monitor-2', 'pass')] })], {
      run: { trigger: 'schedule', pipelineId: '7' },
    });
    expect(scoreOf(merge(forged))?.sections[3]?.score).toBe(0.5);
    expect(merge(forged).run.trigger).toBe('push');
  });

  it('let no other suite pass for the rubric', () => {
    const merged = merge(reportOf([suiteOf('aaa', 'ml-test-score', { data: [result('data-1', 'pass')] })]));
    expect(merged.suites).toMatchObject([{ id: 'aaa', method: 'weighted-mean' }]);
  });
});

describe('what an artifact may not say', () => {
  it('that a failure is waived, that the gate is open, when it is', () => {
    const forged = reportOf(
      [
        suiteOf('structure', 'weighted-mean', {
          code: [result('code-seeds', 'fail', { waived: { reason: 'r', owner: 'o', expires: '2099-01-01' } })],
        }),
      ],
      { at: '2001-01-01T00:00:00Z', gate: { mode: 'advisory', isPassed: true, reasons: [] } },
    );
    const merged = merge(forged);
    expect(merged.suites[0]?.sections[0]?.results[0]).not.toHaveProperty('waived');
    expect(merged).not.toHaveProperty('gate');
    expect(merged.at).toBe(frame.at);
  });
});

describe('a last run by schedule', () => {
  it('is not for a job to claim: neither its points nor a pass in place of what it skipped', () => {
    const lastScheduled = { counts: true, words: 'By schedule', at: '2026-11-19T00:00:00Z', cadenceSeconds: 1e9 };
    const forged = [
      result('monitor-2', 'pass', { lastScheduled }),
      result('monitor-3', 'pass', { lastScheduled: { ...lastScheduled, replaces: 'no serving rows' } }),
    ];
    const merged = scoreOf(merge(reportOf([rubricOf({ monitor: forged })])));
    expect(merged?.sections[3]?.score).toBe(0.5);
    expect(merged?.sections[3]?.results[1]).toMatchObject({ outcome: 'pass', passingPoints: 0.5 });
    expect(merged?.sections[3]?.results[2]).toMatchObject({ outcome: 'skipped', reason: 'no serving rows' });
  });
});

describe('results of several jobs', () => {
  it('are united over suites and sections', () => {
    const merged = merge(
      reportOf([suiteOf('structure', 'weighted-mean', { code: [result('code-seeds', 'pass')] })], { runner: 'check' }),
      reportOf([rubricOf({ data: [result('data-1', 'pass')] })]),
      reportOf([rubricOf({ model: [result('model-5', 'pass')] })], { runner: 'score-2', at: '2026-11-20T06:05:00Z' }),
    );
    expect(merged.suites.map((suite) => suite.id)).toEqual(['structure', 'ml-test-score']);
    expect(scoreOf(merged)?.sections.map((section) => section.score)).toEqual([1, 1, 0, 0]);
    expect(merged).toMatchObject({ complete: true, seconds: 360 });
  });

  it('believes no job that a test was executed by hand', () => {
    const attested = {
      by: '@eve',
      date: '2026-11-01',
      until: '2027-01-01',
      method: 'm',
      link: 'https://x.example',
      path: 'a.yml',
    };
    const merged = merge(reportOf([rubricOf({ data: [result('data-1', 'manual', { attested })] })]));
    expect(scoreOf(merged)?.sections[0]?.results[0]).toMatchObject({ outcome: 'skipped', passingPoints: 0, paperPoints: 0 });
    expect(JSON.stringify(merged)).not.toContain('@eve');
  });

  it.each([
    ['error', 'pass'],
    ['fail', 'pass'],
    ['error', 'fail'],
    ['skipped', 'pass'],
    ['fail', 'skipped'],
  ] as const)('of %s and %s for one check the first stands, in either order', (worse, better) => {
    const [a, b] = [worse, better].map((outcome) => reportOf([rubricOf({ data: [result('data-1', outcome)] })])) as [
      Report,
      Report,
    ];
    for (const merged of [merge(a, b), merge(b, a)]) expect(scoreOf(merged)?.sections[0]?.results[0]?.outcome).toBe(worse);
  });

  it('merged from shards equal those of one run', () => {
    const all = rubric.sections.flatMap((section) =>
      section.checks.map((entry) => ({ section: section.id, check: entry.check })),
    );
    const run = fc.record({
      outcomes: fc.array(fc.constantFrom(...outcomes), { minLength: all.length, maxLength: all.length }),
      shards: fc.array(fc.nat({ max: 4 }), { minLength: all.length, maxLength: all.length }),
    });
    fc.assert(
      fc.property(run, ({ outcomes: drawn, shards }) => {
        const part = (shard: number | null): Report => {
          const sections: Record<string, Result[]> = {};
          all.forEach(({ section, check }, i) => {
            if (shard !== null && shards[i] !== shard) return;
            sections[section] = [...(sections[section] ?? []), result(check, drawn[i] ?? 'skipped')];
          });
          return reportOf([rubricOf(sections)]);
        };
        const whole = merge(part(null));
        const sharded = merge(...[3, 1, 4, 0, 2].map((shard) => part(shard)));
        expect(sharded.suites).toEqual(whole.suites);
        expect(sharded.complete).toBe(whole.complete);
        const direct = scoreSuite(rubric, whole.suites[0]?.sections ?? [], 'push');
        expect(sharded.suites[0]?.score).toBe(direct.score);
      }),
      { numRuns: 50 },
    );
  });

  it('give each metric once', () => {
    const metric = { name: 'model.quality.auc', value: 0.7, labels: { a: '1', b: '2' } };
    const again = { ...metric, value: 0.8, labels: { b: '2', a: '1' } };
    const merged = merge(
      reportOf([], { metrics: [metric] }),
      reportOf([], { metrics: [again, { ...again, labels: { a: '1' } }] }),
    );
    expect(merged.metrics.map((m) => m.value)).toEqual([0.7, 0.8]);
  });
});

describe('shards', () => {
  const tests = [['data-1', 'model-5'], ['infra-1'], ['data-2']];
  const shard = (index: number, ids: readonly string[], division: readonly (readonly string[])[] = tests): Report => {
    const sections: Record<string, Result[]> = {};
    for (const id of ids) {
      const section = id.split('-')[0] ?? '';
      sections[section] = [...(sections[section] ?? []), result(id, 'pass')];
    }
    return reportOf([rubricOf(sections)], {
      runner: `score-${index}-of-${division.length}`,
      shard: { index, tests: division },
      metrics: [
        { name: 'hooks.executed', value: index },
        { name: 'section.score', value: 7, labels: { suite: 'ml-test-score', section: 'monitor' } },
      ],
    });
  };
  const whole = [shard(1, ['data-1', 'model-5']), shard(2, ['infra-1']), shard(3, ['data-2'])] as const;
  const resultIn = (report: Report, id: string) =>
    report.suites.flatMap(({ sections }) => sections.flatMap(({ results }) => results)).find(({ check }) => check === id);

  it('that all reported make one whole report, with totals of its own and costs added up', () => {
    const merged = merge(...whole);
    expect(merged).toMatchObject({ complete: true });
    expect(merged.notices).toBeUndefined();
    expect(merged).not.toHaveProperty('shard');
    expect(scoreOf(merged)?.sections.map(({ score }) => score)).toEqual([2, 1, 1, 0]);
    const metric = (name: string, section?: string) =>
      merged.metrics.find((one) => one.name === name && one.labels?.section === section)?.value;
    expect(metric('hooks.executed')).toBe(6);
    expect(metric('section.score', 'monitor')).toBe(0);
    expect(metric('section.score', 'data')).toBe(2);
  });

  it('of which one left no report make an incomplete one that names what was not judged', () => {
    const merged = merge(whole[0], whole[2]);
    expect(merged.complete).toBe(false);
    expect(merged.notices).toEqual(['Shard 2 of 3 left no report: infra-1']);
    expect(resultIn(merged, 'infra-1')).toMatchObject({
      outcome: 'skipped',
      reason: 'Shard 2 of 3 was to run it and left no report',
      passingPoints: 0,
    });
  });

  it('of which one dropped a test are told so', () => {
    const merged = merge(shard(1, ['data-1']), whole[1], whole[2]);
    expect(merged.complete).toBe(false);
    expect(merged.notices).toEqual(['No shard reported model-5']);
    expect(resultIn(merged, 'model-5')).toMatchObject({ outcome: 'skipped', passingPoints: 0 });
  });

  it('that divided the tests differently are told so, with what nobody reported', () => {
    const other = [['data-1'], ['infra-1'], ['data-2', 'model-5']];
    const merged = merge(shard(1, ['data-1'], other), whole[1], whole[2]);
    expect(merged.complete).toBe(false);
    expect(merged.notices?.join(' ')).toMatch(/divided the tests differently .*No shard reported model-5/);
    const left = merge(...whole, { ...shard(1, ['data-1'], [['data-1'], []]), runner: 'score-1-of-2' });
    expect(left.complete).toBe(false);
  });

  it('do not miss what the merging job judges itself', () => {
    const own = [rubricOf({ infra: [result('infra-1', 'pass')] })];
    expect(mergeReports([whole[0], whole[2]], { ...context, own }).notices).toEqual(['Shard 2 of 3 left no report: infra-1']);
    const trusted = mergeReports([shard(1, ['data-1']), whole[1], whole[2]], {
      ...context,
      own: [rubricOf({ model: [result('model-5', 'pass')] })],
    });
    expect(trusted.complete).toBe(true);
  });
});

describe('complete', () => {
  const fine = reportOf([rubricOf({ data: [result('data-1', 'pass')] })]);
  it('is false when a job was cut short, a check broke or a report was not readable', () => {
    expect(merge(fine).complete).toBe(true);
    expect(merge(fine, { ...fine, complete: false }).complete).toBe(false);
    expect(merge(fine, { ...fine, interrupted: true })).toMatchObject({ complete: false, interrupted: true });
    const broken = { ...reportOf([rubricOf({ data: [result('data-2', 'error')] })]), complete: true };
    expect(merge(fine, broken).complete).toBe(false);
    const unread = mergeReports([fine], { ...context, problems: ['x.report.json is not JSON'] });
    expect(unread.complete).toBe(false);
    expect(unread.notices).toContain('x.report.json is not JSON');
  });

  it('is false, not a crash, when no report could be read at all', () => {
    expect(mergeReports([], { ...context, problems: ['broken'] })).toMatchObject({ complete: false, suites: [] });
  });
});

describe('reports that do not belong together are refused', () => {
  const one = reportOf([]);
  it.each([
    ['commit', { ...one, source: { ...one.source, commit: 'b'.repeat(40) } }],
    ['model', { ...one, model: { ...one.model, name: 'other' } }],
    ['pipeline', { ...one, run: { trigger: 'push', pipelineId: '6' } }],
  ])('of another %s', (what, other) => {
    expect(() => merge(one, { ...other, runner: 'check' })).toThrow(`the ${what} is`);
    expect(() => merge(other)).toThrow(`the ${what} is`);
    try {
      merge(one, { ...other, runner: 'check' });
    } catch (error) {
      expect(error).toMatchObject({ code: 'REPORTS_DIFFER', exitCode: 2 });
    }
  });

  it('but a merging job outside CI and git compares only what it knows', () => {
    const local = { ...frame, source: { ...frame.source, commit: null }, run: { trigger: 'local' } };
    expect(mergeReports([one], { ...context, frame: local }).suites).toEqual([]);
  });
});
