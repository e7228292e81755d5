/** The reports of a made-up model: tests that pass one after the other as it matures, and fail when its data move. */
import { createHash } from 'node:crypto';
import { applyWaivers, decide } from '../../kernel/gate.ts';
import type { Gate, Waiver } from '../../kernel/manifest.ts';
import type { Report, Result, SuiteReport } from '../../kernel/report.ts';
import { scoreSuite } from '../../kernel/score.ts';
import type { Day } from './life.ts';
import type { Chance, DemoModel } from './organisation.ts';

/** A test as its suite lists it. */
export interface DemoTest {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  readonly fix: string;
  readonly severity: Result['severity'];
  readonly weight: number;
}
export interface DemoSuite {
  readonly id: string;
  readonly title: string;
  readonly method: SuiteReport['method'];
  readonly sections: readonly { readonly id: string; readonly title: string; readonly tests: readonly DemoTest[] }[];
}

/** Tests that see the data move. */
const watchers: ReadonlySet<string> = new Set(['monitor-3', 'monitor-7', 'data-1']);

const gate: Gate = { mode: 'blocking', 'min-score': 0, 'min-section-score': 0, 'min-structure': 0, 'max-severity': 'critical' };

/** Why a test of the rubric may fail for a time, by its section. */
const reasons = {
  data: 'The supplier of the data changes its format in the next quarter',
  model: 'Agreed with risk until the labels of the year are there',
  infra: 'The platform cannot do this yet: it is on its plan for the next half-year',
  monitor: 'Small volume: reviewed by hand each month instead',
};
const reasonOf = (check: string): string | undefined => reasons[check.replace(/-\d+$/, '') as keyof typeof reasons];

/** How mature a model must be to pass a test; the same for every report of the model. */
export type Hurdles = ReadonlyMap<string, number>;

export function hurdlesOf(suites: readonly DemoSuite[], chance: Chance): Hurdles {
  const isStructure = (suite: DemoSuite): boolean => suite.method === 'weighted-mean';
  return new Map(
    suites.flatMap((suite) =>
      suite.sections.flatMap((section) =>
        section.tests.map((test) => [test.id, chance.uniform() ** (isStructure(suite) ? 2.2 : 1.3)] as const),
      ),
    ),
  );
}

function resultOf(test: DemoTest, maturity: number, hurdle: number, day: Day): Result {
  const base = {
    check: test.id,
    title: test.title,
    why: test.why,
    fix: test.fix,
    severity: test.severity,
    weight: test.weight,
    findings: [],
    seconds: Math.round(200 * hurdle) / 100,
  };
  if (watchers.has(test.id) && maturity > hurdle && day.shift > 0.4) {
    const value = Math.round(450 * day.shift) / 1000;
    return {
      ...base,
      outcome: 'fail',
      evidence: {
        explanation: `The data have moved: the largest index is ${value}.`,
        value,
        threshold: 0.2,
        unit: 'psi',
        n: 5000,
      },
      findings: [{ message: `A feature moved: PSI ${value}, at most 0.2`, place: { path: 'flightcheck.yml' } }],
    };
  }
  if (maturity > hurdle) return { ...base, outcome: 'pass', evidence: { explanation: `${test.title}.` } };
  if (maturity > hurdle - 0.08) return { ...base, outcome: 'fail', findings: [{ message: `Not yet: ${test.fix}` }] };
  return { ...base, outcome: 'skipped', reason: 'What it needs is not named in flightcheck.yml.', nextStep: test.fix };
}

const dayMs = 86_400_000;

/** One model in three has agreed with risk on the test that it is nearest to: for some months, and a few are late to end it. */
function waiversOf({ project, maturity, owner }: DemoModel, hurdles: Hurdles, at: number, lastDay: number): readonly Waiver[] {
  const [draw = 0, spread = 0] = createHash('sha1').update(project).digest();
  const ahead = [...hurdles].filter(([check, hurdle]) => reasonOf(check) && hurdle >= Math.max(...maturity));
  const [check = ''] = ahead.sort(([, a], [, b]) => a - b)[0] ?? [];
  const reason = reasonOf(check);
  const ends = lastDay + ((spread % 140) - 20) * dayMs;
  if (draw % 3 > 0 || !reason || !owner || at < ends - 120 * dayMs) return [];
  return [{ check, reason, owner: '@model-risk', expires: new Date(ends).toISOString().slice(0, 10) }];
}

export interface ReportTime {
  readonly day: Day;
  readonly days: number;
  /** Milliseconds. */
  readonly at: number;
  readonly version: string;
}

export function reportOn(
  model: DemoModel,
  suites: readonly DemoSuite[],
  hurdles: Hurdles,
  { day, days, at, version }: ReportTime,
): Report {
  const [first, last] = model.maturity;
  const maturity = first + ((last - first) * day.index) / Math.max(1, days - 1);
  const scored = suites.map((suite) =>
    scoreSuite(
      suite,
      suite.sections.map(({ id, title, tests }) => ({
        id,
        title,
        results: tests.map((test) => resultOf(test, maturity, hurdles.get(test.id) ?? 1, day)),
      })),
      'schedule',
    ),
  );
  const { name, title, description, owner, tier, task, language, labels, project } = model;
  const report: Report = {
    schema: 1,
    runner: 'report',
    tool: { name: 'flightcheck', version },
    at: new Date(at).toISOString(),
    seconds: 60 + Math.round(40 * maturity),
    complete: true,
    model: { name, title, description, owner, tier, task, language, labels },
    source: { commit: createHash('sha1').update(`${project}${day.version}`).digest('hex'), ref: 'main', project },
    run: { trigger: 'schedule', projectId: null, pipelineId: String(day.index), jobId: `${name}-${day.index}` },
    suites: scored,
    metrics: [],
  };
  const waived = applyWaivers(report, waiversOf(model, hurdles, at, at + (days - 1 - day.index) * dayMs));
  return {
    ...waived,
    gate: decide(waived, { ...gate, 'min-score': { critical: 2, high: 1, standard: 0.5, experimental: 0 }[tier] }),
  };
}
