/** JUnit XML as GitLab reads it: one test case per result. JSX does the escaping. */
import { formatPlace } from '../kernel/failure.ts';
import { type Report, type Result, resultsOf } from '../kernel/report.ts';
import { anchorOf, problemsOf } from './places.ts';
import { cleanText, clip, oneLine } from './text.ts';

/** GitLab refuses a file over 30 MB. */
const largestFile = 29_000_000;
/** Characters of one failure. */
const longestText = 8000;

function textOf(result: Result): string {
  const problems = problemsOf(result).map(({ message, fix, place }) =>
    [`${place ? `${formatPlace(place)}: ` : ''}${message}`, `  Fix: ${fix}`].join('\n'),
  );
  const waiver = result.waived && `Waived until ${result.waived.expires} by ${result.waived.owner}: ${result.waived.reason}`;
  const lines = [waiver, result.evidence?.explanation, ...problems, `Why: ${result.why}`, result.reference];
  return clip(cleanText(lines.filter((line) => line !== undefined).join('\n')), longestText);
}

function Verdict({ result }: { readonly result: Result }) {
  const [first] = problemsOf(result);
  const message = oneLine(clip(first?.message ?? result.reason ?? result.title, 500));
  switch (result.outcome) {
    case 'fail':
      return (
        <failure message={message} type={result.severity}>
          {textOf(result)}
        </failure>
      );
    case 'error':
      return (
        <error message={message} type={result.failure?.code ?? 'ERROR'}>
          {textOf(result)}
        </error>
      );
    case 'skipped':
    case 'not-applicable': {
      const next = result.nextStep ? `. ${result.nextStep}` : '';
      return (
        <skipped message={message}>{oneLine(clip(`${result.outcome}: ${result.reason ?? ''}${next}`, longestText))}</skipped>
      );
    }
    default:
      return null;
  }
}

interface Case {
  readonly xml: string;
  readonly outcome: Result['outcome'];
}

/** Test cases until the file is full; GitLab shows the first of two with one name, so names are made unique. */
function casesOf(report: Report): { readonly cases: Case[]; readonly left: number } {
  const names = new Map<string, number>();
  const cases: Case[] = [];
  let [bytes, left] = [0, 0];
  for (const { suite, section, result } of resultsOf(report)) {
    const classname = `${suite.id}.${section.id}`;
    const base = `${result.check}: ${oneLine(result.title)}`;
    const count = (names.get(base) ?? 0) + 1;
    names.set(base, count);
    const xml = String(
      <testcase
        classname={classname}
        name={count > 1 ? `${base} (${count})` : base}
        file={anchorOf(problemsOf(result)[0]?.place).path}
        time={result.seconds.toFixed(3)}
      >
        <Verdict result={result} />
      </testcase>,
    );
    bytes += Buffer.byteLength(xml) + 1;
    if (bytes > largestFile) left += 1;
    else cases.push({ xml, outcome: result.outcome });
  }
  return { cases, left };
}

export function renderJunit(report: Report): string {
  const { cases, left } = casesOf(report);
  if (left > 0)
    cases.push({
      xml: `<testcase classname="flightcheck" name="${left} more results stand in the JSON report" time="0"><skipped/></testcase>`,
      outcome: 'skipped',
    });
  const count = (...outcomes: readonly Result['outcome'][]) => cases.filter((c) => outcomes.includes(c.outcome)).length;
  const totals = [
    `tests="${cases.length}" failures="${count('fail')}" errors="${count('error')}"`,
    `skipped="${count('skipped', 'not-applicable')}" time="${report.seconds.toFixed(3)}"`,
  ].join(' ');
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${totals}>`,
    `<testsuite name="flightcheck" timestamp="${report.at.slice(0, 19)}" ${totals}>`,
    ...cases.map((c) => c.xml),
    '</testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}
