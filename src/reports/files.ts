/** A report in every format that GitLab or a person reads, by file name; the stem is the name of the runner. */
import type { Report } from '../kernel/report.ts';
import { renderAnnotations } from './annotations.ts';
import { renderCodeQuality } from './codequality.ts';
import { renderDotenv } from './dotenv.ts';
import { renderHtml } from './html.tsx';
import { renderJson } from './json.ts';
import { renderJunit } from './junit.tsx';
import { renderMarkdown } from './markdown.ts';
import { renderOpenMetrics } from './open-metrics.ts';

interface Links {
  /** Address of the model's page in Control Tower. */
  readonly towerUrl?: string;
  /** Path of the HTML report inside the repo. */
  readonly htmlPath: string;
}

const formats = {
  json: ['report.json', renderJson],
  junit: ['junit.xml', renderJunit],
  codequality: ['codequality.json', renderCodeQuality],
  metrics: ['metrics.txt', renderOpenMetrics],
  annotations: ['annotations.json', renderAnnotations],
  dotenv: ['env', (report) => renderDotenv(report)],
  html: ['html', renderHtml],
  markdown: ['md', renderMarkdown],
} as const satisfies Record<string, readonly [ending: string, render: (report: Report, links: Links) => string]>;

export interface FilesOptions {
  /** Folder that the files will stand in, inside the repo. */
  readonly folder: string;
  readonly towerUrl?: string;
}

/** Content by name: `report.report.json`, `report.junit.xml`, ... */
export function renderFiles(report: Report, { folder, towerUrl }: FilesOptions): ReadonlyMap<string, string> {
  const links: Links = { htmlPath: `${folder}/${report.runner}.html`, ...(towerUrl && { towerUrl }) };
  return new Map(Object.values(formats).map(([ending, render]) => [`${report.runner}.${ending}`, render(report, links)]));
}
