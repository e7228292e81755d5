/** Links on GitLab's job page: https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsannotations */
import type { Report } from '../kernel/report.ts';
import { safeUrl } from './text.ts';
import { formatScore, rubricOf } from './words.ts';

export interface AnnotationOptions {
  /** Address of the model's page in Control Tower. */
  readonly towerUrl?: string;
  /** Path of the HTML report inside the repo; shown through the job's artifacts. */
  readonly htmlPath?: string;
}

export function renderAnnotations(report: Report, { towerUrl, htmlPath }: AnnotationOptions = {}): string {
  const rubric = rubricOf(report);
  const score = rubric ? `, ML Test Score ${formatScore(rubric.score)} of 7` : '';
  const job = safeUrl(report.run.jobUrl);
  const path = htmlPath?.split('/').map(encodeURIComponent).join('/');
  const links = [
    { label: `Report${score}`, url: job && path && `${job.replace(/\/$/, '')}/artifacts/file/${path}` },
    { label: 'Control Tower', url: safeUrl(towerUrl) },
  ].flatMap(({ label, url }) => (url ? [{ external_link: { label, url } }] : []));
  return `${JSON.stringify(links.length > 0 ? { flightcheck: links } : {}, null, 2)}\n`;
}
