/** One model: score card, what to do next, history, versions, findings, waivers. */
import type { Report } from '../../kernel/report.ts';
import { FindingsByFile, RubricResults, WeightedSuite } from '../../reports/html/results.tsx';
import { Attestations, GateBanner, Waivers } from '../../reports/html/run.tsx';
import { ScoreCard } from '../../reports/html/score-card.tsx';
import { nextSteps } from '../../reports/next-steps.ts';
import { clip, safeUrl } from '../../reports/text.ts';
import { formatShare, plural } from '../../reports/words.ts';
import type { MeasuredSeries } from '../store/read-measured.ts';
import type { HistoryEntry, Model } from '../store/read-model.ts';
import { rubricOf } from '../store/suites.ts';
import { addressOf } from './address.ts';
import { hrefOf } from './fleet-state.ts';
import { HistoryCharts, scoresInWords } from './history-chart.tsx';
import { Layout } from './layout.tsx';
import { Measured } from './measured.tsx';
import { minute } from './words.ts';

/** How much of a long report the page shows. */
const limits = { rows: 30, columns: 12, findings: 20, text: 600 };

export interface ModelPageProps {
  readonly model: Model;
  /** The newest rubric, structure suite, gate and waivers, scored by us; null before the first authoritative report. */
  readonly report: Report | null;
  /** Newest first. */
  readonly history: readonly HistoryEntry[];
  /** What it measured in the last 90 days. */
  readonly measured: readonly MeasuredSeries[];
}

function Tags({ model }: { readonly model: Model }) {
  const tags: readonly (readonly [name: string, value: string | null, href: string])[] = [
    ['owner', model.owner, hrefOf({ owner: model.owner ?? '' })],
    ['tier', model.tier, hrefOf({ tier: model.tier })],
    ['language', model.language, hrefOf({ language: model.language ?? '' })],
    ...Object.entries(model.labels).map(
      ([name, value]) => [name.replaceAll('_', ' '), value, hrefOf({ label: `${name}:${value}` })] as const,
    ),
  ];
  return (
    <ul class="tags">
      {tags
        .filter(([, value]) => value !== null)
        .map(([name, value, href]) => (
          <li>
            <a href={href}>
              <span>{name}</span> {value}
            </a>
          </li>
        ))}
      <li>
        <a href={addressOf('/alerts', { model: model.id })}>alerts</a>
      </li>
      <li>
        <a href={`/models/${model.id}/badge`}>badge</a>
      </li>
    </ul>
  );
}

function Head({ model }: { readonly model: Model }) {
  return (
    <header>
      <p class="path">
        <a href="/">Fleet</a> / {model.project === '' ? model.name : model.project}
      </p>
      <h1>{model.title ?? model.name}</h1>
      {model.description && <p class="lead">{model.description}</p>}
      <Tags model={model} />
    </header>
  );
}

const shortCommit = (commit: string | null): string => (commit === null ? '–' : commit.slice(0, 10));

function HistoryRow({ entry }: { readonly entry: HistoryEntry }) {
  const jobUrl = safeUrl(entry.summary.jobUrl);
  const [score, paper, structure] = scoresInWords(entry);
  return (
    <tr class={entry.refClass === 'preview' ? 'is-preview' : ''}>
      <td>
        <time datetime={entry.at.toISOString()}>{minute(entry.at)}</time>
      </td>
      <td>
        <code>{shortCommit(entry.commit)}</code>
      </td>
      <td>
        {entry.ref ?? '–'} {entry.refClass === 'preview' && <span class="badge">preview</span>}
      </td>
      <td class="number">{score}</td>
      <td class="number">{paper}</td>
      <td class="number">{structure}</td>
      <td>
        {entry.isGatePassed === null ? '–' : entry.isGatePassed ? 'open' : 'shut'}
        {!entry.isComplete && <span class="badge is-error">incomplete</span>}
      </td>
      <td>{entry.trigger}</td>
      <td>{jobUrl ? <a href={jobUrl}>{entry.writtenBy}</a> : entry.writtenBy}</td>
    </tr>
  );
}

function Reports({ model, history }: { readonly model: Model; readonly history: readonly HistoryEntry[] }) {
  return (
    <section id="reports">
      <h2>Versions and reports</h2>
      <div class="panel chart-panel">
        <p class="small quiet">
          {plural(model.versions, 'version')}; the last {plural(history.length, 'report')}. Times in UTC.
        </p>
        <section class="scroll" tabindex={0} aria-label="Reports">
          <table class="history">
            <thead>
              <tr>
                {['Time', 'Commit', 'Branch or tag'].map((head) => (
                  <th scope="col">{head}</th>
                ))}
                {['Passing', 'Paper', 'Structure'].map((head) => (
                  <th scope="col" class="number">
                    {head}
                  </th>
                ))}
                {['Gate', 'Trigger', 'Written by'].map((head) => (
                  <th scope="col">{head}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {history.map((entry) => (
                <HistoryRow entry={entry} />
              ))}
            </tbody>
          </table>
        </section>
      </div>
    </section>
  );
}

/** The steps that would raise the score most. */
function Next({ report }: { readonly report: Report }) {
  const steps = nextSteps(report).slice(0, 4);
  if (steps.length === 0) return null;
  return (
    <section id="next">
      <h2>What would raise it most</h2>
      <ol class="panel next">
        {steps.map(({ result, action, gain, final, liftsWeakest }) => (
          <li>
            <a href={`#${result.check}`}>{result.check}</a>
            <span>{clip(action, limits.text)}</span>
            <span class={`badge ${liftsWeakest ? 'is-warn' : 'is-skipped'}`}>
              {gain}
              {final && `, ${final}`}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Contents({ report, hasMeasured }: { readonly report: Report; readonly hasMeasured: boolean }) {
  const links: readonly (readonly [id: string, text: string])[] = [
    ['rubric', 'ML Test Score'],
    ['history', 'Over time'],
    ...(hasMeasured ? ([['measured', 'Measured']] as const) : []),
    ['next', 'What would raise it'],
    ['tests', 'The tests'],
    ...report.suites.filter((suite) => suite.method === 'weighted-mean').map((suite) => [suite.id, suite.title] as const),
    ...((report.attestations?.length ?? 0) > 0 ? ([['attestations', 'Executed by hand']] as const) : []),
    ...((report.waivers?.length ?? 0) > 0 ? ([['waivers', 'Waivers']] as const) : []),
    ['reports', 'Versions and reports'],
  ];
  return (
    <nav class="section-nav" aria-label="On this page">
      {links.map(([id, text]) => (
        <a href={`#${id}`}>{text}</a>
      ))}
    </nav>
  );
}

interface StandingProps extends ModelPageProps {
  readonly report: Report;
}

function Standing({ model, report, history, measured }: StandingProps) {
  const rubric = rubricOf(report);
  return (
    <>
      <Contents report={report} hasMeasured={measured.length > 0} />
      <GateBanner report={report} limits={limits} />
      {rubric && (
        <section id="rubric">
          <h2>ML Test Score</h2>
          <ScoreCard suite={rubric} />
        </section>
      )}
      <section id="history">
        <h2>Over time</h2>
        <HistoryCharts entries={history.filter((entry) => entry.refClass === 'authoritative')} />
      </section>
      <Measured model={model.name} series={measured} />
      <Next report={report} />
      {rubric && (
        <section id="tests">
          <h2>The tests</h2>
          <RubricResults suite={rubric} limits={limits} />
        </section>
      )}
      {report.suites
        .filter((suite) => suite.method === 'weighted-mean')
        .map((suite) => (
          <section id={suite.id}>
            <h2>
              {suite.title} {formatShare(suite.score)}
            </h2>
            <WeightedSuite suite={suite} limits={limits} />
          </section>
        ))}
      <FindingsByFile report={report} limits={limits} />
      <Attestations report={report} limits={limits} />
      <Waivers report={report} limits={limits} />
    </>
  );
}

export function ModelPage({ model, report, history, measured }: ModelPageProps) {
  return (
    <Layout title={`${model.title ?? model.name} · Control Tower`}>
      <Head model={model} />
      {report ? (
        <Standing model={model} report={report} history={history} measured={measured} />
      ) : (
        <p class="panel empty">
          No report of a protected default branch has come yet: what is below are previews, and they change no score.
        </p>
      )}
      {!report && <Measured model={model.name} series={measured} />}
      <Reports model={model} history={history} />
    </Layout>
  );
}
