/** The score card of the ML Test Score: four sections of seven tests, both scores, the band. */
import type { Outcome, Result, SectionReport, SuiteReport } from '../../kernel/report.ts';
import { formatPoints, formatScore, outcomeWords, partWords, shownSections, weakestSections } from '../words.ts';
import { OutcomeIcon } from './icons.tsx';

export interface ScoreCardProps {
  /** A suite of method `ml-test-score`. */
  readonly suite: SuiteReport;
  /** Address of a test's details; `#<check>` unless told. Null makes plain cells. */
  readonly linkTo?: ((check: string) => string) | null;
}

const most = 7;
const percent = (score: number | null | undefined): string => `${((score ?? 0) / most) * 100}%`;

/** Where the paper's bands begin and end. */
const borders = [0, 1, 2, 3, 5, 7];

function Scale({ suite }: { readonly suite: SuiteReport }) {
  const passing = suite.score ?? 0;
  return (
    <svg
      class="scale"
      role="img"
      aria-label={`Passing score ${formatScore(suite.score)}, paper score ${formatScore(suite.paperScore)}, on a scale of 0 to 7`}
    >
      <rect class="rail" x="0" y="16" width="100%" height="10" rx="3" />
      {(suite.paperScore ?? 0) > passing && (
        <rect class="ran" x="1" y="16.75" width={percent(suite.paperScore)} height="8.5" rx="3" />
      )}
      <rect class="done" x="0" y="16" width={percent(passing)} height="10" rx="3" />
      {borders.map((border) => [
        border > 0 && border < most && <line class="tick" x1={percent(border)} x2={percent(border)} y1="15" y2="27" />,
        <text x={percent(border)} y="41" text-anchor={border === 0 ? 'start' : border === most ? 'end' : 'middle'}>
          {border}
        </text>,
      ])}
      <text class="is-now" x={percent(passing)} y="11" text-anchor={passing < 0.5 ? 'start' : passing > 6.5 ? 'end' : 'middle'}>
        {formatScore(suite.score)}
      </text>
    </svg>
  );
}

function Test({ result, linkTo }: { readonly result: Result; readonly linkTo: ((check: string) => string) | null }) {
  const { outcome } = result;
  const content = (
    <>
      <span class="test-head">
        <OutcomeIcon outcome={outcome} />
        <span class="id">{result.check}</span>
        <span class="hidden">
          {outcomeWords[outcome]}
          {result.waived && ', waived'}, {String(result.passingPoints ?? 0)} of 1 point:
        </span>
        <span class="test-points" aria-hidden="true">
          {formatPoints(result.passingPoints ?? 0)}
        </span>
      </span>
      <span class="test-title">{result.title}</span>
    </>
  );
  const tip = `${result.title} (${outcomeWords[outcome]})`;
  return (
    <li>
      {linkTo ? (
        <a class={`test is-${outcome}`} href={linkTo(result.check)} title={tip}>
          {content}
        </a>
      ) : (
        <div class={`test is-${outcome}`} title={tip}>
          {content}
        </div>
      )}
    </li>
  );
}

function Section({ section, isWeakest, linkTo }: SectionProps) {
  return (
    <section class="card-row">
      <div class="card-section">
        <h3>{section.title}</h3>
        <p class="total">
          {formatScore(section.score)} <small>of 7</small>
        </p>
        {isWeakest && <span class="badge is-warn">sets the score</span>}
        <svg class="bar" aria-hidden="true">
          <rect class="rail" width="100%" height="7" rx="2" />
          {(section.paperScore ?? 0) > (section.score ?? 0) && (
            <rect class="ran" x="1" y=".75" width={percent(section.paperScore)} height="5.5" rx="2" />
          )}
          <rect class="done" width={percent(section.score)} height="7" rx="2" />
        </svg>
      </div>
      <ol class="card-tests">
        {section.results.map((result) => (
          <Test result={result} linkTo={linkTo} />
        ))}
      </ol>
    </section>
  );
}

interface SectionProps {
  readonly section: SectionReport;
  readonly isWeakest: boolean;
  readonly linkTo: ((check: string) => string) | null;
}

const outcomes = Object.keys(outcomeWords) as Outcome[];

export function ScoreCard({ suite, linkTo = (check) => `#${check}` }: ScoreCardProps) {
  const weakest = weakestSections(suite);
  const part = partWords(suite);
  const present = new Set(suite.sections.flatMap((section) => section.results.map((result) => result.outcome)));
  return (
    <div class="card panel">
      <div class="card-head">
        <p class="card-score">
          <b>{formatScore(part === undefined ? suite.score : null)}</b>
          <span>of 7</span>
        </p>
        <div class="card-words">
          <p>{part ?? suite.band}</p>
          {part === undefined && (
            <p class="quiet small">
              Passing score: tests that run and hold. Paper score, tests that run:{' '}
              <strong>{formatScore(suite.paperScore)}</strong>. The weakest section sets each.
            </p>
          )}
        </div>
        {part === undefined && <Scale suite={suite} />}
      </div>
      {shownSections(suite).map((section) => (
        <Section
          section={section}
          isWeakest={part === undefined && weakest.length < suite.sections.length && weakest.includes(section)}
          linkTo={linkTo}
        />
      ))}
      <ul class="legend">
        {outcomes
          .filter((outcome) => present.has(outcome))
          .map((outcome) => (
            <li>
              <OutcomeIcon outcome={outcome} />
              {outcomeWords[outcome]}
            </li>
          ))}
        <li>1 automatic, ½ by hand, 0 not run or not held</li>
      </ul>
    </div>
  );
}
