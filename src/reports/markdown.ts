/**
 * The body of a merge request note. What comes from a model repo cannot run a quick action, mention anybody, reference an
 * issue, load an image or close our own markup.
 */
import { formatPlace } from '../kernel/failure.ts';
import { type Report, type Result, resultsOf, type SuiteReport, severities } from '../kernel/report.ts';
import { attestationProblems, attestedWords, openAttestations, stateOf } from './attestations.ts';
import { type Cause, causesOf } from './causes.ts';
import { comparisonHead, comparisonLines } from './comparison.ts';
import { alsoFor, gainWords, nextSteps } from './next-steps.ts';
import { problemsOf } from './places.ts';
import { cleanReport, clip, formatTime, oneLine, safeUrl } from './text.ts';
import {
  alarms,
  byHandWords,
  formatPoints,
  formatScore,
  formatShare,
  outcomeWords,
  overrideWords,
  partWords,
  plural,
  scheduleWords,
  shownSections,
} from './words.ts';

export interface MarkdownOptions {
  readonly towerUrl?: string;
}

/** First line of the note: by it the note is found again and updated in place. */
export const noteMarker = '<!-- flightcheck:report -->';

/** GitLab refuses notes over 1,000,000 characters; nobody reads a tenth of that. */
const longestNote = 60_000;
const gap = '\u200b';

/** Text of others as plain text: GitLab's references and links are parted by a zero-width space, Markdown is escaped. */
export const plainText = (text: string, most = 300): string =>
  clip(oneLine(text), most)
    .replaceAll(/([@#!~%$&^*[/])(?=\S)/g, `$1${gap}`)
    .replaceAll(/(:)(?=\/)|(www)(?=\.)|(gl-|[A-Z][A-Z0-9_]+-)(?=\d)/g, `$&${gap}`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\\`*_{}[\]()#+!|~$:-]/g, '\\$&');

const signs = {
  pass: '✅',
  fail: '❌',
  manual: '🔵',
  'not-applicable': '➖',
  skipped: '⚪',
  error: '⚠️',
} as const satisfies Record<Result['outcome'], string>;

function rubricTable(suite: SuiteReport, trigger: string): string[] {
  const cells = (results: readonly Result[]) =>
    results.map((r) => `${signs[r.outcome]} ${formatPoints(r.passingPoints ?? 0)}`).join(' ');
  const part = partWords(suite);
  const byHand = part === undefined ? byHandWords(suite, trigger) : undefined;
  const schedules = suite.sections.flatMap(scheduleWords);
  const whole = `**${plainText(suite.title)} ${formatScore(suite.score)} of 7** (paper score ${formatScore(suite.paperScore)}): ${plainText(suite.band ?? '')}`;
  return [
    part === undefined ? whole : `**${plainText(suite.title)}**: ${plainText(part)}`,
    '',
    '| Section | Passing | Paper | Tests 1 to 7 |',
    '|---|---:|---:|---|',
    ...shownSections(suite).map(
      (section) =>
        `| ${plainText(section.title)} | ${formatScore(section.score)} | ${formatScore(section.paperScore)} | ${cells(section.results)} |`,
    ),
    '',
    ...(byHand === undefined ? [] : [plainText(byHand, 600), '']),
    ...(schedules.length === 0 ? [] : [...schedules.map((words) => `- ${plainText(words)}`), '']),
  ];
}

function weightedTable(suite: SuiteReport): string[] {
  const failed = suite.sections.flatMap((section) => section.results).filter((result) => result.outcome === 'fail').length;
  return [`**${plainText(suite.title)} ${formatShare(suite.score)}**, ${plural(failed, 'rule')} failed`, ''];
}

function worstFindings(report: Report): string[] {
  const rank = ({ severity }: Cause): number => severities.indexOf(severity);
  const causes = causesOf([...resultsOf(report)].map(({ result }) => result)).toSorted((a, b) => rank(b) - rank(a));
  const lines = causes.flatMap(({ result, others, label }) =>
    problemsOf(result)
      .slice(0, 3)
      .map(({ message, fix, place }) => {
        const where = place ? ` (${plainText(formatPlace(place))})` : '';
        const waived = result.waived ? `, waived until ${plainText(result.waived.expires)}` : '';
        return `- **${label}**${waived} ${[result, ...others].map(({ check }) => plainText(check)).join(', ')}${where}: ${plainText(message)}  \n  ${plainText(`Fix: ${fix}`)}`;
      }),
  );
  if (lines.length === 0) return [];
  const left = lines.length > 10 ? [`- ${plural(lines.length - 10, 'more finding')} in the report`] : [];
  return ['<details><summary>Worst findings</summary>', '', ...lines.slice(0, 10), ...left, '', '</details>', ''];
}

function comparisonPart({ comparison }: Report): string[] {
  if (!comparison) return [];
  const head = plainText(comparisonHead(comparison));
  if (!comparison.against) return [head, ''];
  return [`**${head}**`, '', ...comparisonLines(comparison).map((line) => `- ${plainText(line)}`), ''];
}

function attestationLines(report: Report): string[] {
  const counted = [...resultsOf(report)].flatMap(({ result }) =>
    result.attested ? [`- ${plainText(result.check)}: ${plainText(attestedWords(result.attested))}`] : [],
  );
  const others = openAttestations(report).flatMap((entry) =>
    attestationProblems(entry)
      .slice(0, 3)
      .map(
        ({ where, message }) =>
          `- ${plainText(entry.test ?? where)} ${plainText(stateOf(entry))} (${plainText(where)}): ${plainText(message)}`,
      ),
  );
  const lines = [...counted, ...others];
  return lines.length > 0 ? ['**Executed by hand**', '', ...lines.slice(0, 40), ''] : [];
}

function gateLines(report: Report): string[] {
  const { gate } = report;
  if (!gate) return [];
  const overrides = overrideWords(report);
  const word = gate.isPassed ? 'open' : gate.mode === 'blocking' ? 'shut' : 'would be shut (advisory)';
  return [
    `**Gate ${word}**`,
    '',
    ...gate.reasons.slice(0, 20).map((reason) => `- ${plainText(reason)}`),
    '',
    ...(overrides === undefined ? [] : [plainText(overrides, 1000), '']),
  ];
}

export function renderMarkdown(report: Report, { towerUrl }: MarkdownOptions = {}): string {
  const clean = cleanReport(report);
  const steps = nextSteps(clean).slice(0, 5);
  const tower = safeUrl(towerUrl);
  const links = tower ? [`[Control Tower](${tower.replaceAll(/[()\s<>]/g, encodeURIComponent)})`] : [];
  const key = Object.entries(signs).map(([outcome, sign]) => `${sign} ${outcomeWords[outcome as Result['outcome']]}`);
  const body = [
    noteMarker,
    `### Flightcheck: ${plainText(clean.model.title ?? clean.model.name)}`,
    '',
    ...alarms(clean).flatMap((alarm) => [`**${plainText(alarm, 1000)}**`, '']),
    ...gateLines(clean),
    ...clean.suites.flatMap((suite) =>
      suite.method === 'ml-test-score' ? rubricTable(suite, clean.run.trigger) : weightedTable(suite),
    ),
    ...comparisonPart(clean),
    ...(steps.length > 0
      ? [
          '**What to do next**',
          '',
          ...steps.map(
            (s) =>
              `1. ${plainText(s.result.check)}: ${plainText(s.action)}${plainText(alsoFor(s)) && ` ${plainText(alsoFor(s))}`} (${plainText(gainWords(s))})`,
          ),
          '',
        ]
      : []),
    ...attestationLines(clean),
    ...worstFindings(clean),
    [key.join(' '), `${plainText(clean.source.commit?.slice(0, 8) ?? 'no commit')}, ${formatTime(clean.at)}`, ...links].join(
      ' · ',
    ),
    '',
  ].join('\n');
  return clip(body, longestNote);
}
