/** Validates what comes in against the published schemas, and against the limits that storing it needs. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import reportSchema from '../../kernel/report.schema.json' with { type: 'json' };
import type { Metric, Report } from '../../kernel/report.ts';
import { type Problem, structuralProblems } from '../rescore.ts';
import { isTime } from '../store/times.ts';
import { sayFaults } from './plain-errors.ts';
import { HttpProblem } from './problem.ts';

/** A validator that knows our times, and whose faults can be said in words. */
export function ajvOf(options: { readonly useDefaults?: boolean } = {}): Ajv2020 {
  const validator = new Ajv2020({ allowUnionTypes: true, verbose: true, ...options });
  validator.addFormat('date-time', isTime);
  return validator;
}
export const ajv: Ajv2020 = ajvOf();

const isReport: ValidateFunction<Report> = ajv.compile<Report>(reportSchema);

/** Longest texts that stand in an index of the store, by pointer. */
function* lengthProblems(report: Report): Generator<Problem> {
  const texts: readonly (readonly [pointer: string, text: string | null | undefined, most: number])[] = [
    ['/model/name', report.model.name, 200],
    ['/model/owner', report.model.owner, 500],
    ['/model/tier', report.model.tier, 100],
    ['/model/language', report.model.language, 100],
    ['/source/commit', report.source.commit, 200],
    ['/source/project', report.source.project, 1000],
    ['/run/jobId', report.run.jobId, 200],
    ['/run/projectId', report.run.projectId, 200],
    ...report.suites.map((suite, i) => [`/suites/${i}/id`, suite.id, 100] as const),
  ];
  for (const [pointer, text, most] of texts)
    if (text && text.length > most) yield { pointer, detail: `is longer than ${most} characters` };
  if (report.model.name.trim() === '') yield { pointer: '/model/name', detail: 'is empty' };
  const labels = Object.keys(report.model.labels);
  if (labels.length > 64) yield { pointer: '/model/labels', detail: 'has more than 64 labels' };
  if (labels.some((key) => key.length > 100)) yield { pointer: '/model/labels', detail: 'has a key longer than 100 characters' };
}

/** Finite, and small enough to be added up a billion times. */
const mostValue = 1e300;
const mostWeight = 1e6;

/** What the schema of a metric cannot say. */
export function* metricProblems(metrics: readonly Metric[]): Generator<Problem> {
  for (const [i, { name, value, labels = {} }] of metrics.entries()) {
    if (Math.abs(value) > mostValue) yield { pointer: `/metrics/${i}/value`, detail: `is larger than ${mostValue}` };
    if (name.startsWith('tower.'))
      yield { pointer: `/metrics/${i}/name`, detail: 'names that begin with tower. are written by Control Tower alone' };
    if (Object.keys(labels).some((key) => key.length > 100))
      yield { pointer: `/metrics/${i}/labels`, detail: 'has a key longer than 100 characters' };
  }
}

/** A clock that is wrong would put points where no one looks. */
export function* timeProblems(pointer: string, time: string, now: Date): Generator<Problem> {
  const at = Date.parse(time);
  if (at > now.getTime() + 3_600_000)
    yield { pointer, detail: 'lies more than an hour in the future; check the clock of the sender' };
  if (at < Date.UTC(2000, 0, 1)) yield { pointer, detail: 'lies before the year 2000; check the clock of the sender' };
}

function* numberProblems(report: Report, now: Date): Generator<Problem> {
  yield* metricProblems(report.metrics);
  for (const [s, suite] of report.suites.entries())
    for (const [i, section] of suite.sections.entries())
      for (const [r, { weight }] of section.results.entries())
        if (weight > mostWeight)
          yield { pointer: `/suites/${s}/sections/${i}/results/${r}/weight`, detail: `is larger than ${mostWeight}` };
  yield* timeProblems('/at', report.at, now);
}

/**
 * The report, with its time in UTC.
 * @throws HttpProblem 422 with JSON pointers.
 */
export function validReport(value: unknown, now: Date): Report {
  if (!isReport(value))
    throw new HttpProblem('invalid-report', 'The report does not fit its schema.', sayFaults(isReport.errors));
  const problems = [...lengthProblems(value), ...numberProblems(value, now), ...structuralProblems(value)].slice(0, 20);
  if (problems.length > 0) throw new HttpProblem('invalid-report', 'The report cannot be stored.', problems);
  return { ...value, at: new Date(value.at).toISOString() };
}
