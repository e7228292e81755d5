/** One self-contained page: no script, no external request, readable in light, dark, on paper and by keyboard. */
import { createHash } from 'node:crypto';
import type { Report, SuiteReport } from '../kernel/report.ts';
import type { Limits } from './html/evidence.tsx';
import { pageCss } from './html/page-css.ts';
import { FindingsByFile, ManifestLine, RubricResults, WeightedSuite } from './html/results.tsx';
import { Attestations, Change, GateBanner, HowItRan, Waivers } from './html/run.tsx';
import { ScoreCard } from './html/score-card.tsx';
import { themeCss } from './html/theme.ts';
import { alsoFor, nextSteps } from './next-steps.ts';
import { cleanReport, clip, formatTime, safeUrl } from './text.ts';
import { formatShare, plural, rubricOf, shardWords } from './words.ts';

export interface HtmlOptions {
  /** Address of the model's page in Control Tower. */
  readonly towerUrl?: string;
}

const css = themeCss + pageCss;
const styleHash = createHash('sha256').update(css).digest('base64');
const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; base-uri 'none'; form-action 'none'`;

/** The page is rendered with the first of these that keeps it below this size. */
const largestPage = 150_000;
const limitSteps: readonly Limits[] = [
  { rows: 60, columns: 12, findings: 200, text: 1000 },
  { rows: 25, columns: 12, findings: 60, text: 500 },
  { rows: 12, columns: 8, findings: 20, text: 300 },
  { rows: 5, columns: 6, findings: 8, text: 160 },
  { rows: 2, columns: 4, findings: 2, text: 90 },
];

function Top({ report, towerUrl }: { readonly report: Report; readonly towerUrl: string | undefined }) {
  const { model, source } = report;
  const tags = [
    `tier ${model.tier}`,
    model.owner ?? 'no owner',
    model.task,
    model.language,
    ...Object.entries(model.labels).map(([name, value]) => `${name}: ${value}`),
  ].filter((tag) => tag !== undefined);
  const tower = safeUrl(towerUrl);
  return (
    <header class="top">
      <div>
        <h1>{clip(model.title ?? model.name, 200)}</h1>
        {model.description && <p class="about">{clip(model.description, 500)}</p>}
        <ul class="tags">
          {tags.slice(0, 20).map((tag) => (
            <li>{clip(tag, 100)}</li>
          ))}
        </ul>
      </div>
      <fieldset class="themes" aria-label="Colours">
        {['auto', 'light', 'dark'].map((theme) => (
          <label>
            <input class="hidden" type="radio" name="theme" id={`theme-${theme}`} checked={theme === 'auto'} />
            {theme}
          </label>
        ))}
      </fieldset>
      <nav class="contents" aria-label="Contents">
        <span class="quiet">
          {source.commit ? <code>{source.commit.slice(0, 8)}</code> : 'no commit'} {source.ref && `on ${clip(source.ref, 60)}`},{' '}
          {formatTime(report.at)}
        </span>
        {rubricOf(report) && <a href="#results">Tests</a>}
        {report.suites.some((suite) => suite.method === 'weighted-mean') && <a href="#structure">Structure</a>}
        {(report.attestations?.length ?? 0) > 0 && <a href="#attestations">By hand</a>}
        {(report.waivers?.length ?? 0) > 0 && <a href="#waivers">Waivers</a>}
        <a href="#run">How it was run</a>
        {tower && <a href={tower}>Control Tower</a>}
      </nav>
    </header>
  );
}

function NextSteps({ report, limits }: { readonly report: Report; readonly limits: Limits }) {
  const steps = nextSteps(report);
  if (steps.length === 0) return null;
  return (
    <section id="next">
      <header>
        <h2>What to do next</h2>
        <p>
          In this order: what keeps the report from being complete or blocks, then what raises the score with the least work. Each
          gain holds when the steps before it are done and the test then holds.
        </p>
      </header>
      <ol class="panel steps">
        {steps.slice(0, 8).map((step) => (
          <li>
            <div>
              <a href={`#${step.result.check}`}>{step.result.check}</a> <span class="quiet">{clip(step.result.title, 140)}</span>
            </div>
            <span class={`badge ${step.liftsWeakest ? 'is-warn' : 'is-skipped'}`}>{step.gain}</span>
            {step.final && <span class="badge is-warn">{step.final}</span>}
            <p>
              {clip(step.action, limits.text)}
              <span class="quiet">{alsoFor(step)}</span>
            </p>
            <ManifestLine line={step.manifestLine} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function Weighted({ suite, limits }: { readonly suite: SuiteReport; readonly limits: Limits }) {
  const results = suite.sections.flatMap((section) => section.results);
  const failed = results.filter((result) => result.outcome === 'fail').length;
  return (
    <section id={suite.id}>
      <header>
        <h2>
          {suite.title} {formatShare(suite.score)}
        </h2>
        <p>
          {plural(results.length, 'rule')}, {failed} failed. Weighted mean of the rules that were judged.
        </p>
      </header>
      <WeightedSuite suite={suite} limits={limits} />
    </section>
  );
}

function Page({ report, limits, options }: PageProps) {
  const rubric = rubricOf(report);
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={policy} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <title>{`${clip(report.model.title ?? report.model.name, 100)} · Flightcheck`}</title>
        <style dangerouslySetInnerHTML={{ __html: css }} />
      </head>
      <body>
        <main class="page">
          <Top report={report} towerUrl={options.towerUrl} />
          <GateBanner report={report} limits={limits} />
          {rubric && (
            <section id="score">
              <header>
                <h2>{rubric.title}</h2>
                {shardWords(report) !== undefined && <p>{shardWords(report)}</p>}
              </header>
              <ScoreCard suite={rubric} />
            </section>
          )}
          <Change report={report} limits={limits} />
          <NextSteps report={report} limits={limits} />
          {rubric && (
            <section id="results">
              <h2>Every test, with its evidence</h2>
              <RubricResults suite={rubric} limits={limits} />
            </section>
          )}
          {report.suites
            .filter((suite) => suite.method === 'weighted-mean')
            .map((suite) => (
              <Weighted suite={suite} limits={limits} />
            ))}
          <FindingsByFile report={report} limits={limits} />
          <Attestations report={report} limits={limits} />
          <Waivers report={report} limits={limits} />
          <HowItRan report={report} limits={limits} />
          <footer>
            ML Test Score: Breck, Cai, Nielsen, Salib, Sculley, IEEE Big Data 2017. Made by flightcheck {report.tool.version}; the
            JSON report holds everything shown here.
          </footer>
        </main>
      </body>
    </html>
  );
}

interface PageProps {
  readonly report: Report;
  readonly limits: Limits;
  readonly options: HtmlOptions;
}

/** The HTML report, at most about 150 kB: long tables and lists are cut and say so. */
export function renderHtml(report: Report, options: HtmlOptions = {}): string {
  const clean = cleanReport(report);
  let page = '';
  for (const limits of limitSteps) {
    page = `<!doctype html>${String(<Page report={clean} limits={limits} options={options} />)}\n`;
    if (page.length <= largestPage) break;
  }
  return page;
}
