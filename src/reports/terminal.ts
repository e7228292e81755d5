/** The score card and the findings for a terminal. */
import pc from 'picocolors';
import { formatPlace } from '../kernel/failure.ts';
import { type Outcome, type Report, type Result, resultsOf, type SectionReport, type SuiteReport } from '../kernel/report.ts';
import { attestationProblems, attestedWords, openAttestations, stateOf } from './attestations.ts';
import { type Cause, causesOf } from './causes.ts';
import { comparisonHead, comparisonLines } from './comparison.ts';
import { alsoFor, gainWords, nextSteps, type Step } from './next-steps.ts';
import { problemsOf } from './places.ts';
import { cleanReport, cleanText, clip, oneLine, wrap } from './text.ts';
import {
  alarms,
  byHandWords,
  formatPoints,
  formatScore,
  formatShare,
  judgedWords,
  outcomeWords,
  overrideWords,
  partWords,
  plural,
  rubricOf,
  scheduleWords,
  shardWords,
  shownSections,
} from './words.ts';

export interface TerminalOptions {
  /** Columns to fill. */
  readonly width?: number;
  readonly color?: boolean;
}

type Paint = ReturnType<typeof pc.createColors>;
interface Pen {
  readonly width: number;
  readonly paint: Paint;
}

const marks = { pass: '✓', fail: '✗', manual: '◐', 'not-applicable': '∅', skipped: '·', error: '!' } as const satisfies Record<
  Outcome,
  string
>;

function tint({ paint }: Pen, outcome: Outcome, text: string): string {
  if (outcome === 'pass') return paint.green(text);
  if (outcome === 'fail') return paint.red(text);
  if (outcome === 'error') return paint.magenta(text);
  return outcome === 'manual' ? paint.blue(text) : paint.dim(text);
}

/** Eight-step bar of a score; `ran` shows what the paper score adds. */
function bar({ paint }: Pen, passing: number, ran: number, most: number, cells: number): string {
  const full = Math.round((passing / most) * cells);
  const extra = Math.max(0, Math.round((ran / most) * cells) - full);
  return paint.cyan('█'.repeat(full)) + paint.cyan('▒'.repeat(extra)) + paint.dim('░'.repeat(Math.max(0, cells - full - extra)));
}

function head(report: Report, { width, paint }: Pen): string[] {
  const { model, source, run } = report;
  const shard = shardWords(report);
  const about = [source.commit?.slice(0, 8) ?? 'no commit', source.ref, run.trigger].filter((part) => part).join(' · ');
  return [
    '',
    `${paint.bold(oneLine(clip(model.title ?? model.name, width)))}`,
    paint.dim(clip(oneLine(about), width)),
    ...(shard === undefined ? [] : wrap(shard, width, '')),
    '',
  ];
}

function alarmLines(report: Report, { width, paint }: Pen): string[] {
  const lines = alarms(report).flatMap((alarm) => wrap(`${marks.error} ${oneLine(alarm)}.`, width, ''));
  return lines.length > 0 ? [...lines.map((line) => paint.bold(paint.magenta(line))), ''] : [];
}

const isNarrow = (pen: Pen): boolean => pen.width < 62;

/** With the word on which it counts, where people executed it; why others earned nothing is told below the card. */
function testLines(result: Result, pen: Pen): string[] {
  const margin = isNarrow(pen) ? '      ' : '                 ';
  const note = result.attested && `${margin}${oneLine(attestedWords(result.attested))}`;
  return [testLine(result, pen), ...(note ? [pen.paint.blue(clip(note, pen.width))] : [])];
}

function testLine(result: Result, pen: Pen): string {
  const start = `  ${marks[result.outcome]} ${formatPoints(result.passingPoints ?? 0)}  ${result.check.padEnd(10)}`;
  const end = result.outcome === 'pass' || isNarrow(pen) ? '' : ` ${outcomeWords[result.outcome]}`;
  const room = Math.max(12, pen.width - start.length - end.length - 1);
  const title = clip(oneLine(result.title), room).padEnd(end ? room : 0);
  return `${tint(pen, result.outcome, start)} ${title}${tint(pen, result.outcome, end)}`;
}

function rubricSection(section: SectionReport, suite: SuiteReport, pen: Pen): string[] {
  const isWeakest = partWords(suite) === undefined && (section.score ?? 0) === (suite.score ?? 0);
  const note = isWeakest ? pen.paint.yellow('  sets the score') : '';
  const drawing = bar(pen, section.score ?? 0, section.paperScore ?? 0, 7, isNarrow(pen) ? 8 : 14);
  const title = pen.paint.bold(section.title.padEnd(24));
  const line = `${title} ${drawing} ${formatScore(section.score)}`;
  const schedules = scheduleWords(section).flatMap((words) => wrap(oneLine(words), pen.width, '    '));
  return [
    ...(isNarrow(pen) && note ? [line, note] : [line + note]),
    ...section.results.flatMap((r) => testLines(r, pen)),
    ...schedules.map((words) => pen.paint.blue(words)),
    '',
  ];
}

function rubricCard(suite: SuiteReport, trigger: string, pen: Pen): string[] {
  const { paint } = pen;
  const sections = shownSections(suite).flatMap((section) => rubricSection(section, suite, pen));
  const byHand = byHandWords(suite, trigger);
  const part = partWords(suite);
  if (part !== undefined)
    return [`${paint.bold(suite.title)}  ${formatScore(null)}`, ...wrap(`${part}.`, pen.width, ''), '', ...sections];
  const parts = [
    paint.bold(`${suite.title}  ${formatScore(suite.score)} of 7`),
    bar(pen, suite.score ?? 0, suite.paperScore ?? 0, 7, 28),
    paint.dim(`paper score ${formatScore(suite.paperScore)}`),
  ];
  return [
    ...(pen.width < 80 ? parts : [parts.join('  ')]),
    ...wrap(`${(suite.band ?? '').replace(/^./, (first) => first.toUpperCase())}.`, pen.width, ''),
    ...(byHand === undefined ? [] : wrap(oneLine(byHand), pen.width, '').map((line) => paint.yellow(line))),
    '',
    ...sections,
  ];
}

/** A log keeps its lines and their indents: a stack trace run together cannot be read. */
const messageLines = (message: string, pen: Pen): readonly string[] =>
  cleanText(message)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line) => wrap(line, pen.width, `    ${/^ {0,12}/.exec(line)?.[0] ?? ''}`));

function problemLines({ result, others, label }: Cause, pen: Pen): string[] {
  const problems = problemsOf(result);
  const outcome = label === 'error' ? 'error' : result.outcome;
  const waiver = result.waived ? ` waived until ${result.waived.expires} by ${oneLine(result.waived.owner)}` : '';
  const start = `  ${tint(pen, outcome, `${marks[outcome]} ${label}`)} ${pen.paint.bold(result.check)}`;
  const title = oneLine(result.title);
  const isLong = 4 + label.length + 1 + result.check.length + 1 + title.length + waiver.length > pen.width;
  const heading = isLong
    ? [start, ...wrap(title, pen.width, '    '), ...wrap(waiver, pen.width, '    ').map((line) => pen.paint.blue(line))]
    : [`${start} ${title}${pen.paint.blue(waiver)}`];
  const shared =
    others.length > 0 ? wrap(`It breaks ${others.map(({ check }) => check).join(', ')} too.`, pen.width, '    ') : [];
  const shown = problems
    .slice(0, 10)
    .flatMap(({ message, fix, place }) => [
      ...(place ? [`    ${pen.paint.cyan(oneLine(formatPlace(place)))}`] : []),
      ...messageLines(message, pen),
      ...wrap(`→ ${oneLine(fix)}`, pen.width, '    ').map((line) => pen.paint.dim(line)),
    ]);
  const left = problems.length > 10 ? [`    ${plural(problems.length - 10, 'more finding')} in the JSON report`] : [];
  return [...heading.filter((line) => line.trim() !== ''), ...shown, ...shared, ...left];
}

function weightedCard(suite: SuiteReport, pen: Pen): string[] {
  const sections = shownSections(suite).map((section) => {
    const count = isNarrow(pen) ? '' : `  ${pen.paint.dim(judgedWords(section))}`;
    const drawing = bar(pen, section.score ?? 0, 0, 1, isNarrow(pen) ? 8 : 14);
    return `  ${section.title.padEnd(22)} ${drawing} ${formatShare(section.score).padStart(5)}${count}`;
  });
  return [`${pen.paint.bold(`${suite.title}  ${formatShare(suite.score)}`)}`, ...sections, ''];
}

/** Why a test earns nothing or a rule does not count; one line for each reason, however many it keeps from being judged. */
function unjudgedLines(report: Report, pen: Pen): string[] {
  const byReason = new Map<string, string[]>();
  for (const { suite, result } of resultsOf(report)) {
    const isTold = result.outcome === 'skipped' || (result.outcome === 'not-applicable' && suite.method === 'ml-test-score');
    if (!isTold || result.reason === undefined) continue;
    const reason = oneLine(result.reason);
    byReason.set(reason, [...(byReason.get(reason) ?? []), result.check]);
  }
  return [...byReason].flatMap(([reason, ids]) => {
    const [first = '', ...rest] = wrap(`${ids.join(', ')}: ${reason}`, pen.width, '    ');
    return [`  ${pen.paint.dim(marks.skipped)} ${first.trimStart()}`, ...rest];
  });
}

/** Wraps with every line but the first indented. */
const hanging = (text: string, { width }: Pen): string[] =>
  wrap(text, width, '     ').map((line, i) => (i === 0 ? `  ${line.trimStart()}` : line));

function stepLines(step: Step, index: number, pen: Pen): string[] {
  const { result, action, manifestLine } = step;
  const gain = gainWords(step);
  const name = `  ${index + 1}. ${pen.paint.bold(result.check)}`;
  const first = isNarrow(pen)
    ? [name, ...wrap(gain, pen.width, '     ').map((part) => pen.paint.yellow(part))]
    : hanging(`${index + 1}. ${result.check}  ${gain}`, pen).map((text, i) =>
        i === 0
          ? `${name}  ${pen.paint.yellow(text.slice(text.indexOf(result.check) + result.check.length + 1))}`
          : pen.paint.yellow(text),
      );
  const line = manifestLine ? [`     ${pen.paint.cyan(oneLine(manifestLine))}`] : [];
  return [...first, ...wrap(oneLine(`${action}${alsoFor(step)}`), pen.width, '     '), ...line];
}

function comparisonPart({ comparison }: Report, pen: Pen): string[] {
  if (!comparison) return [];
  const head = wrap(oneLine(comparisonHead(comparison)), pen.width, '');
  if (!comparison.against) return [...head.map((line) => pen.paint.dim(line)), ''];
  return [
    ...head.map((line) => pen.paint.bold(line)),
    ...comparisonLines(comparison).flatMap((line) => wrap(oneLine(line), pen.width, '  ')),
    '',
  ];
}

function attestationLines(report: Report, pen: Pen): string[] {
  const lines = openAttestations(report).flatMap((entry) => [
    `  ${pen.paint.bold(entry.test ?? 'unreadable')} ${pen.paint.yellow(stateOf(entry))}`,
    ...attestationProblems(entry)
      .slice(0, 10)
      .flatMap(({ where, message, fix }) => [
        `    ${pen.paint.cyan(oneLine(where))}`,
        ...wrap(oneLine(message), pen.width, '    '),
        ...wrap(`→ ${oneLine(fix)}`, pen.width, '    ').map((line) => pen.paint.dim(line)),
      ]),
  ]);
  return lines.length > 0 ? [pen.paint.bold('Executed by hand'), ...lines, ''] : [];
}

function gateLines(report: Report, { paint, width }: Pen): string[] {
  const { gate } = report;
  if (!gate) return [];
  const overrides = overrideWords(report);
  const word = gate.isPassed ? paint.green('open') : gate.mode === 'blocking' ? paint.red('shut') : paint.yellow('would be shut');
  return [
    `${paint.bold('Gate')} ${word} ${paint.dim(`(${gate.mode})`)}`,
    ...gate.reasons.flatMap((reason) => wrap(`- ${oneLine(reason)}`, width, '  ')),
    ...(overrides === undefined ? [] : wrap(`${oneLine(overrides)}.`, width, '').map((line) => paint.yellow(line))),
    '',
  ];
}

/** Score card, problems, what to do next, gate. Places are printed as path:line:column. */
export function renderTerminal(report: Report, { width = 100, color = false }: TerminalOptions = {}): string {
  const clean = cleanReport(report);
  const pen: Pen = { width: Math.min(Math.max(width, 40), 160), paint: pc.createColors(color) };
  const rubric = rubricOf(clean);
  const problems = causesOf([...resultsOf(clean)].map(({ result }) => result)).flatMap((cause) => problemLines(cause, pen));
  const unjudged = unjudgedLines(clean, pen);
  const steps = nextSteps(clean).slice(0, 5);
  const lines = [
    ...head(clean, pen),
    ...alarmLines(clean, pen),
    ...(rubric ? rubricCard(rubric, clean.run.trigger, pen) : []),
    ...clean.suites.filter((suite) => suite.method === 'weighted-mean').flatMap((suite) => weightedCard(suite, pen)),
    ...comparisonPart(clean, pen),
    ...(problems.length > 0 ? [pen.paint.bold('What is wrong'), ...problems, ''] : []),
    ...(unjudged.length > 0 ? [pen.paint.bold('Not judged'), ...unjudged, ''] : []),
    ...attestationLines(clean, pen),
    ...(steps.length > 0
      ? [pen.paint.bold('What to do next, in this order'), ...steps.flatMap((step, i) => stepLines(step, i, pen)), '']
      : []),
    ...gateLines(clean, pen),
    ...(clean.notices ?? []).flatMap((notice) => wrap(`Note: ${oneLine(notice)}`, pen.width, '')),
  ];
  return lines
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd()
    .concat('\n');
}
