/**
 * Variables for later jobs. Their names begin with FLIGHTCHECK_RESULT_, so that none is taken for an option
 * (`FLIGHTCHECK_GATE`) by a later job. GitLab allows 20 variables, 5 KB, no quotes and no line breaks.
 */
import type { Report } from '../kernel/report.ts';
import { rubricOf } from './words.ts';

const mostVariables = 19;

/** Only letters, digits and a few marks survive: no value can begin a new line or carry a reference. */
const safe = (value: string): string => value.replaceAll(/[^A-Za-z0-9._/:@-]/g, '').slice(0, 600);

/** `url`: of what the run has made, for the environment's page in GitLab. */
export function renderDotenv(report: Report, url?: string): string {
  const rubric = rubricOf(report);
  const structure = report.suites.find((suite) => suite.id === 'structure');
  const variables: readonly (readonly [string, string | number | boolean | null | undefined])[] = [
    ['GATE', report.gate && (report.gate.isPassed ? 'passed' : 'failed')],
    ['COMPLETE', report.complete],
    ['SCORE', rubric?.score],
    ['PAPER_SCORE', rubric?.paperScore],
    ['STRUCTURE', structure?.score],
    ['URL', url],
    ['MODEL', report.model.name],
    ['COMMIT', report.source.commit],
    ['IMAGE', report.image],
    ['IMAGE_DIGEST', report.image?.split('@')[1]],
    ...(rubric?.sections ?? []).map(
      (section) => [`SCORE_${section.id.slice(0, 40).toUpperCase().replaceAll('-', '_')}`, section.score] as const,
    ),
  ];
  return variables
    .flatMap(([name, value]) =>
      value === null || value === undefined ? [] : [`FLIGHTCHECK_RESULT_${name}=${safe(String(value))}\n`],
    )
    .slice(0, mostVariables)
    .join('');
}
