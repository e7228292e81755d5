/** The reports of a made-up model: tests that pass one after the other as it matures, and fail when its data move. */
import { createHash } from 'node:crypto';
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
  const passing = scored.find((suite) => suite.id === 'ml-test-score')?.score ?? 0;
  const least = { critical: 2, high: 1, standard: 0.5, experimental: 0 }[model.tier];
  const isPassed = passing >= least;
  const waived = model.tier === 'critical' && !isPassed ? 'model-7' : null;
  const { name, title, description, owner, tier, task, language, labels, project } = model;
  return {
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
    gate: {
      mode: 'blocking',
      isPassed,
      reasons: isPassed ? [] : [`The ML Test Score is ${passing}, below the ${least} that its tier asks for`],
    },
    waivers: waived
      ? [
          {
            check: waived,
            reason: 'Agreed with risk until the data of the groups are there',
            owner: '@model-risk',
            expires: new Date(at + 90 * 86_400_000).toISOString().slice(0, 10),
            isExpired: false,
          },
        ]
      : [],
  };
}
