/** Writes a report in every format, side by side with one stem: the name of the runner. */
import { join } from 'node:path';
import type { Report } from '../kernel/report.ts';
import { renderAnnotations } from '../reports/annotations.ts';
import { renderCodeQuality } from '../reports/codequality.ts';
import { renderDotenv } from '../reports/dotenv.ts';
import { renderHtml } from '../reports/html.tsx';
import { renderJson } from '../reports/json.ts';
import { renderJunit } from '../reports/junit.tsx';
import { renderOpenMetrics } from '../reports/open-metrics.ts';
import { openOutputFolder, writeAtomically } from './output-folder.ts';

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
  dotenv: ['env', renderDotenv],
  html: ['html', renderHtml],
} as const satisfies Record<string, readonly [ending: string, render: (report: Report, links: Links) => string]>;

export type ReportFormat = keyof typeof formats;

export interface WriteOptions {
  /** Absolute path of the model repo. */
  readonly root: string;
  /** Inside the repo. */
  readonly folder: string;
  /** All unless told. */
  readonly formats?: readonly ReportFormat[];
  readonly towerUrl?: string;
}

/** Writes the files and returns their paths inside the repo. Throws a FlightcheckError when the folder cannot be written. */
export async function writeReports(report: Report, options: WriteOptions): Promise<readonly string[]> {
  const { root, folder, towerUrl } = options;
  const target = await openOutputFolder(root, folder);
  const links: Links = { htmlPath: `${folder}/${report.runner}.html`, ...(towerUrl && { towerUrl }) };
  const written: string[] = [];
  for (const format of options.formats ?? (Object.keys(formats) as ReportFormat[])) {
    const [ending, render] = formats[format];
    const name = `${report.runner}.${ending}`;
    await writeAtomically(join(target, name), render(report, links));
    written.push(`${folder}/${name}`);
  }
  return written;
}
