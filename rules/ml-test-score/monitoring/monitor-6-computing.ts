import { defineCheck, type Finding, judge, skipped, type Verdict } from '../../../src/kernel/check.ts';
import { asks, lines, sources } from '../lib/asks.ts';
import { cell, isVerdict, manifestOr, percent, rounded, rubric } from '../lib/manifest.ts';
import { pastOf } from '../lib/past-performance.ts';
import { judgeSeries, jumpShare, leakShare, minimumRuns, type SeriesVerdict } from '../lib/performance.ts';

/** A single run has no usual value and no trend. */
const orNull = (value: number) => cell(Number.isFinite(value) ? value : null);

function findingOf({ series, newest, usual, jump, allowedJump, leak, p, verdict }: SeriesVerdict): Finding {
  const worse = series.isGreaterBetter ? 'less' : 'more';
  return {
    message:
      verdict === 'jumped'
        ? `${series.name}: ${cell(newest)} ${series.unit} in the newest run, ${percent(jump)} ${worse} than the usual ${cell(usual)} (median of ${series.values.length - 1} runs; ${percent(allowedJump)} is allowed)`
        : `${series.name} gets worse slowly: ${percent(leak)} ${worse} in 30 runs (Theil-Sen; Mann-Kendall p ${Number(p.toPrecision(2))})`,
  };
}

export default defineCheck({
  title:
    'The model has not experienced a dramatic or slow-leak regressions in training speed, serving latency, throughput, or RAM usage',
  why: 'A model that takes a little longer with each release is noticed on the day it misses its deadline, and by then nobody knows which release it was.',
  fix: 'Compare the commits of the runs before and after: new features, more rows, another library version, another machine.',
  about: {
    does: 'Takes time, memory and rates of earlier runs from Control Tower, else MLflow, and looks for a jump in the newest run and for a slow trend.',
    asks: asks('tower', 'experiment?'),
    thresholds: [
      { what: 'jump of the newest run, share', value: jumpShare, source: sources.ours },
      { what: 'slow rise in 30 runs, share', value: leakShare, source: sources.ours },
      { what: 'runs needed', value: minimumRuns, source: sources.ours },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'history', 'mlflow'],
  isLast: true,
  async run(world): Promise<Verdict> {
    const manifest = manifestOr(world);
    if (isVerdict(manifest)) return manifest;
    const past = await pastOf(world);
    const judged = judgeSeries(past.series);
    const known = judged.filter((one) => one.verdict !== 'inconclusive');
    const longest = Math.max(0, ...past.series.map((series) => series.values.length));
    const worst = [...known].sort((a, b) => b.jump / b.allowedJump - a.jump / a.allowedJump)[0];
    const evidence = {
      explanation: `${known.length} of ${judged.length} series of ${past.source ?? 'this run alone'} have at least ${minimumRuns} runs${worst ? `; the newest ${worst.series.name} is ${cell(worst.newest)} ${worst.series.unit}, usual are ${cell(worst.usual)}` : ''}.`,
      ...(worst && { value: rounded(worst.jump), threshold: rounded(worst.allowedJump), unit: '1' }),
      n: longest,
      items: judged.map(({ series, newest, usual, jump, allowedJump, leak, p, verdict }) => ({
        series: series.name,
        unit: series.unit,
        runs: series.values.length,
        newest: cell(newest),
        usual: orNull(usual),
        worse_by: orNull(jump),
        allowed: cell(allowedJump),
        worse_in_30_runs: orNull(leak),
        p_holm: cell(p),
        verdict,
      })),
      nextStep: 'Let it run on a schedule, always on the same kind of machine.',
    };
    const findings = judged.filter((one) => one.verdict === 'jumped' || one.verdict === 'leaks').map(findingOf);
    if (findings.length > 0) return judge(findings, evidence);
    if (known.length === 0)
      return skipped(
        `inconclusive: ${longest} ${longest === 1 ? 'run' : 'runs'} known, at least ${minimumRuns} needed${past.source === null ? ` (${past.reasons.join('; ')})` : ''}`,
        past.source === null
          ? {
              nextStep:
                'Send the reports to Control Tower (input tower-url of the report component), or name the experiment whose runs train the model.',
              manifestLine: lines.experiment,
              evidence,
            }
          : { nextStep: 'Wait: each scheduled run adds one.', evidence },
      );
    return judge([], evidence);
  },
});
