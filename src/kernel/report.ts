/** The report: the JSON of a run, generated from `report.schema.json`; every other format is rendered from it. */
import type { ReportJson } from './generated/report.ts';
import type { DeepReadonly } from './manifest.ts';

export type Report = DeepReadonly<ReportJson>;
export type SuiteReport = Report['suites'][number];
export type SectionReport = SuiteReport['sections'][number];
export type Result = SectionReport['results'][number];
export type Outcome = Result['outcome'];
export type Metric = Report['metrics'][number];
export type GateDecision = NonNullable<Report['gate']>;
export type Severity = Result['severity'];

/** Worst last. */
export const severities = ['info', 'minor', 'major', 'critical', 'blocker'] as const satisfies readonly Severity[];

/** Folder of a run's reports, relative to the model repo. */
export const reportFolder = '.flightcheck';

/** Every result of a report, with the suite and section it stands in. */
export function* resultsOf(report: Report): Generator<{ suite: SuiteReport; section: SectionReport; result: Result }> {
  for (const suite of report.suites)
    for (const section of suite.sections) for (const result of section.results) yield { suite, section, result };
}
