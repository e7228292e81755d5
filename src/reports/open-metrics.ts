/** OpenMetrics text for GitLab's metrics report: scores, findings by severity, the metrics of the run. */
import { type Report, resultsOf, severities } from '../kernel/report.ts';
import { oneLine } from './text.ts';

interface Family {
  readonly help: string;
  /** Value by rendered labels. */
  readonly samples: Map<string, number>;
}

/** `model.drift.psi` -> `model_drift_psi`. */
const nameOf = (name: string): string => name.replaceAll(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=\d)/, '_');

const escapeText = (text: string): string => oneLine(text).replaceAll(/[\\"]/g, '\\$&');

function renderLabels(labels: Readonly<Record<string, string>>): string {
  const byName = new Map<string, string>();
  for (const [key, value] of Object.entries(labels)) {
    const name = nameOf(key).replace(/^__+/, '_');
    if (!byName.has(name)) byName.set(name, escapeText(value));
  }
  const pairs = [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}="${value}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

export function renderOpenMetrics(report: Report): string {
  const families = new Map<string, Family>();
  const add = (name: string, help: string, value: number | null | undefined, labels: Readonly<Record<string, string>> = {}) => {
    if (value === null || value === undefined || !Number.isFinite(value)) return;
    const family = families.get(nameOf(name)) ?? { help, samples: new Map<string, number>() };
    families.set(nameOf(name), family);
    const key = renderLabels(labels);
    if (!family.samples.has(key)) family.samples.set(key, value);
  };
  for (const suite of report.suites) {
    add('flightcheck_score', 'Passing score of a suite', suite.score, { suite: suite.id });
    add('flightcheck_paper_score', 'ML Test Score: tests that run, whether they hold or not', suite.paperScore, {
      suite: suite.id,
    });
    for (const section of suite.sections)
      add('flightcheck_section_score', 'Passing score of a section', section.score, { suite: suite.id, section: section.id });
  }
  const results = [...resultsOf(report)].map(({ result }) => result);
  for (const severity of severities) {
    const failed = results.filter((result) => result.outcome === 'fail' && !result.waived && result.severity === severity);
    const found = failed.reduce((sum, result) => sum + Math.max(1, result.findings.length), 0);
    add('flightcheck_findings', 'Findings without a waiver', found, { severity });
  }
  add('flightcheck_complete', '1 when everything could be judged', report.complete ? 1 : 0);
  for (const { name, value, unit, labels } of report.metrics) add(name, `Unit ${unit ?? '1'}`, value, labels);
  const lines = [...families].flatMap(([name, { help, samples }]) => [
    `# TYPE ${name} gauge`,
    `# HELP ${name} ${escapeText(help)}`,
    ...[...samples].map(([labels, value]) => `${name}${labels} ${value}`),
  ]);
  return [...lines, '# EOF', ''].join('\n');
}
