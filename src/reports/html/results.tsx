/** Every result of the rubric with its evidence; every rule of the other suites; findings grouped by file. */

import { formatPlace } from '../../kernel/failure.ts';
import type { Report, Result, SuiteReport } from '../../kernel/report.ts';
import { resultsOf, severities } from '../../kernel/report.ts';
import { clip, formatTime, safeUrl } from '../text.ts';
import {
  formatPoints,
  formatScore,
  formatSeconds,
  formatShare,
  judgedWords,
  outcomeWords,
  plural,
  scheduleWords,
  shownSections,
} from '../words.ts';
import { EvidenceInputs, Headline, Items, type Limits } from './evidence.tsx';
import { OutcomeIcon } from './icons.tsx';
import { CheckLinks, type Shared, sharedCauses } from './shared-causes.tsx';

type Finding = Result['findings'][number];

export function SeverityBadge({ severity }: { readonly severity: Result['severity'] }) {
  const tone = severity === 'critical' || severity === 'blocker' ? 'is-fail' : severity === 'major' ? 'is-warn' : 'is-skipped';
  return <span class={`badge ${tone}`}>{severity}</span>;
}

/** The line that mends it, ready to be copied. */
export function ManifestLine({ line }: { readonly line: string | undefined }) {
  return line ? (
    <pre class="line">
      <span class="hidden">Line for flightcheck.yml: </span>
      {line}
    </pre>
  ) : null;
}

function FindingItem({ finding, limits }: { readonly finding: Finding; readonly limits: Limits }) {
  return (
    <li>
      {clip(finding.message, limits.text)}
      {finding.place && <code class="place"> {clip(formatPlace(finding.place), limits.text)}</code>}
      {finding.fix && <p class="quiet">Fix: {clip(finding.fix, limits.text)}</p>}
      <ManifestLine line={finding.manifestLine} />
    </li>
  );
}

function Findings({ findings, limits }: { readonly findings: readonly Finding[]; readonly limits: Limits }) {
  if (findings.length === 0) return null;
  return (
    <ul class="findings">
      {findings.slice(0, limits.findings).map((finding) => (
        <FindingItem finding={finding} limits={limits} />
      ))}
      {findings.length > limits.findings && (
        <li class="quiet">{plural(findings.length - limits.findings, 'more finding')} in the JSON report.</li>
      )}
    </ul>
  );
}

function Explanation({
  result,
  limits,
  shared = {},
}: {
  readonly result: Result;
  readonly limits: Limits;
  readonly shared?: Shared | undefined;
}) {
  const { evidence, failure, reason } = result;
  const told =
    shared.told === undefined ? null : (
      <p>
        The same as <CheckLinks checks={[shared.told]} />:{' '}
        {clip((failure?.message ?? result.findings[0]?.message ?? '').split('\n')[0] ?? '', limits.text)}
      </p>
    );
  const nextStep = result.nextStep ?? evidence?.nextStep;
  return (
    <>
      {evidence && <p>{clip(evidence.explanation, limits.text)}</p>}
      {reason && <p>{clip(reason, limits.text)}.</p>}
      {told}
      {failure && !told && (
        <p>
          {clip(failure.message, limits.text)} <code>{failure.code}</code>
          {failure.place && <code class="place"> {clip(formatPlace(failure.place), limits.text)}</code>}
        </p>
      )}
      {failure && !told && <p class="quiet">{clip(failure.hint, limits.text)}.</p>}
      {evidence && <Headline evidence={evidence} />}
      {!told && <Findings findings={result.findings} limits={limits} />}
      {shared.others && (
        <p>
          It breaks <CheckLinks checks={shared.others} /> too.
        </p>
      )}
      {evidence && <Items evidence={evidence} limits={limits} />}
      {nextStep && (
        <p>
          <strong>Next:</strong> {clip(nextStep, limits.text)}
        </p>
      )}
      <ManifestLine line={result.manifestLine} />
    </>
  );
}

function TestResult({ result, limits, shared }: TestResultProps) {
  const { outcome, evidence } = result;
  const reference = safeUrl(result.reference);
  const facts = [
    result.execution &&
      result.execution !== 'none' &&
      `was executed ${result.execution === 'manual' ? 'by hand' : 'automatically'}`,
    result.ranAt && `ran ${formatTime(result.ranAt)}`,
    result.seconds > 0 && `took ${formatSeconds(result.seconds)}`,
  ].filter((fact) => typeof fact === 'string');
  return (
    <details class={`result is-${outcome}`} open={outcome === 'fail' || outcome === 'error'}>
      <summary>
        <OutcomeIcon outcome={outcome} />
        <span class="id mono">{result.check}</span>
        <span class="title">{result.title}</span>
        <span class={`badge is-${outcome}`}>{outcomeWords[outcome]}</span>
        <span class="points">
          {formatPoints(result.passingPoints ?? 0)}
          <span class="hidden"> points</span>
        </span>
      </summary>
      <div class="details" id={result.check}>
        <Explanation result={result} limits={limits} shared={shared} />
        <p class="quiet small">
          <strong>Why:</strong> {clip(result.why, limits.text)} {facts.length > 0 && `It ${facts.join(', ')}.`}{' '}
          {reference && (
            <a href={reference} rel="noreferrer noopener">
              Source
            </a>
          )}
        </p>
        {evidence && <EvidenceInputs evidence={evidence} limits={limits} />}
      </div>
    </details>
  );
}

interface TestResultProps {
  readonly result: Result;
  readonly limits: Limits;
  readonly shared: Shared | undefined;
}

/** The 28 tests, section by section, the failing ones unfolded. */
export function RubricResults({ suite, limits }: { readonly suite: SuiteReport; readonly limits: Limits }) {
  const shared = sharedCauses(suite.sections.flatMap((section) => section.results));
  return (
    <>
      {shownSections(suite).map((section) => (
        <section class="results">
          <h3>
            {section.title} <span class="quiet">{formatScore(section.score)} of 7</span>
          </h3>
          {scheduleWords(section).map((words) => (
            <p class="quiet small">{clip(words, limits.text)}</p>
          ))}
          <div class="panel">
            {section.results.map((result) => (
              <TestResult result={result} limits={limits} shared={shared.get(result.check)} />
            ))}
          </div>
        </section>
      ))}
    </>
  );
}

function Rule({ result, limits }: { readonly result: Result; readonly limits: Limits }) {
  const note = result.reason ?? result.failure?.message;
  return (
    <li class="rule" id={result.check}>
      <OutcomeIcon outcome={result.outcome} />
      <div>
        {result.title} <span class="hidden">({outcomeWords[result.outcome]})</span>
        {result.outcome === 'fail' && <SeverityBadge severity={result.severity} />}{' '}
        {result.waived && <span class="badge is-manual">waived until {result.waived.expires}</span>}
        {note && (
          <p class="quiet small">
            {outcomeWords[result.outcome]}: {clip(note, limits.text)}
            {result.nextStep && `. ${clip(result.nextStep, limits.text)}`}
          </p>
        )}
        <ManifestLine line={result.manifestLine} />
      </div>
    </li>
  );
}

/** A suite that is a weighted mean, such as the project structure. */
export function WeightedSuite({ suite, limits }: { readonly suite: SuiteReport; readonly limits: Limits }) {
  return (
    <div class="card panel">
      {shownSections(suite).map((section) => (
        <section class="card-row">
          <div class="card-section">
            <h3>{section.title}</h3>
            <p class="total">{formatShare(section.score)}</p>
            {section.score === null && <p class="quiet small">{judgedWords(section)}</p>}
            <svg class="bar" aria-hidden="true">
              <rect class="rail" width="100%" height="7" rx="2" />
              <rect class="done" width={`${(section.score ?? 0) * 100}%`} height="7" rx="2" />
            </svg>
          </div>
          <ul class="rules">
            {section.results.map((result) => (
              <Rule result={result} limits={limits} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

interface Located {
  readonly result: Result;
  readonly finding: Finding;
}

const severityOf = ({ result }: Located): number => severities.indexOf(result.severity);

/** Findings of the suites that are about files, worst file first. */
function byFile(report: Report): readonly (readonly [path: string, found: readonly Located[]])[] {
  const files = new Map<string, Located[]>();
  for (const { suite, result } of resultsOf(report)) {
    if (suite.method === 'ml-test-score') continue;
    for (const finding of result.findings) {
      const path = finding.place?.path ?? '';
      const found = files.get(path);
      if (found) found.push({ result, finding });
      else files.set(path, [{ result, finding }]);
    }
  }
  const worst = (found: readonly Located[]) => found.reduce((most, each) => Math.max(most, severityOf(each)), 0);
  return [...files]
    .map(([path, found]) => [path, found.toSorted((a, b) => severityOf(b) - severityOf(a))] as const)
    .sort(([a, left], [b, right]) => worst(right) - worst(left) || (a < b ? -1 : 1));
}

export function FindingsByFile({ report, limits }: { readonly report: Report; readonly limits: Limits }) {
  const files = byFile(report);
  if (files.length === 0) return null;
  const shown = files.slice(0, limits.findings);
  return (
    <section id="files">
      <h2>Findings by file</h2>
      <div class="panel files">
        {shown.map(([path, found]) => (
          <div>
            <h3 class="mono">{path ? clip(path, limits.text) : 'The project as a whole'}</h3>
            <ul class="findings">
              {found.slice(0, limits.findings).map(({ result, finding }) => (
                <li>
                  <SeverityBadge severity={result.severity} /> {finding.place?.line && <code>line {finding.place.line}: </code>}
                  {clip(finding.message, limits.text)} <a href={`#${result.check}`}>{result.check}</a>{' '}
                  {result.waived && <span class="badge is-manual">waived</span>}
                  {finding.fix && <p class="quiet">Fix: {clip(finding.fix, limits.text)}</p>}
                  <ManifestLine line={finding.manifestLine} />
                </li>
              ))}
              {found.length > limits.findings && (
                <li class="quiet">{plural(found.length - limits.findings, 'more finding')} in the JSON report.</li>
              )}
            </ul>
          </div>
        ))}
        {files.length > shown.length && (
          <p class="quiet small">{plural(files.length - shown.length, 'more file')} in the JSON report.</p>
        )}
      </div>
    </section>
  );
}
