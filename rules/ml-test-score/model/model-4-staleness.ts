import { defineCheck, fail, pass, skipped } from '../../../src/kernel/check.ts';
import {
  ageCurve,
  ageRows,
  ageUnit,
  curveItems,
  lags,
  periods,
  periodsOf,
  predictionsAt,
  windowLength,
  windowsOr,
} from '../lib/age-curve.ts';
import { asks, labelled, sources } from '../lib/asks.ts';
import { byIdPlan } from '../lib/by-id.ts';
import { cell, inputsOf, isVerdict, rubric, tableOr } from '../lib/manifest.ts';
import { minimumRows, type Scored, scoredOf } from '../lib/scored.ts';
import { canTrain, settingOf, trainOr } from '../lib/setting.ts';

/** Widest half interval of the loss at an age at which its impact counts as known: a twentieth (ours; the paper names none). */
const precision = 0.05;

export default defineCheck({
  title: 'The impact of model staleness is known',
  why: 'Only who knows how fast a model loses with age can say how often it must be trained, and when an old one must go.',
  fix: 'Keep rows of a long time with their times, split them in time, and let training learn from {data} and nothing else.',
  about: {
    does: 'Trains on windows of equal length that end earlier and earlier, judges all of them on the same later rows, and draws the loss by age.',
    asks: asks(...labelled, 'time'),
    thresholds: [
      { what: 'widest half interval of the loss at an age', value: precision, source: sources.ours },
      { what: 'ages that are tried', value: lags.length - 1, source: sources.ours },
      { what: 'loss up to which an age is tolerated', setting: 'quality.max_drop', source: sources.paperDrop },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: (manifest) => {
    const { time, label } = manifest.columns;
    if (!canTrain(manifest) || time === undefined || label === undefined) return [];
    return [...lags.map((lag) => ({ request: predictionsAt(lag, time) })), ...byIdPlan(manifest)];
  },
  async run(world) {
    const { tables, hooks } = world;
    const setting = await settingOf(world);
    if (isVerdict(setting)) return setting;
    const untrained = trainOr(hooks);
    if (untrained) return untrained;
    const { manifest, metric, evaluation, label, task } = setting;
    const { time } = manifest.columns;
    if (time === undefined)
      return skipped('which column holds the time of a row is not known', {
        nextStep:
          'Add to flightcheck.yml: columns: { time: recorded_at }. Where rows have no time, compare an old model with a new one by hand and attest it.',
        manifestLine: 'columns: { time: recorded_at }',
      });
    const train = await tableOr(tables, 'train');
    if (isVerdict(train)) return train;
    const times = await periodsOf(tables, train, evaluation, time);
    if (isVerdict(times)) return times;
    const poor = await windowsOr(tables, time, label, task !== 'regression');
    if (poor) return poor;
    const scored: Scored[] = [];
    for (const predictions of await Promise.all(lags.map((lag) => hooks.predict(predictionsAt(lag, time))))) {
      const one = await scoredOf(world, setting, evaluation, predictions);
      if (isVerdict(one)) return one;
      scored.push(one);
    }
    const rows = await ageRows(tables, evaluation, time, times.judged, scored);
    const fewest = Math.min(...rows.starts.slice(1).map((end, period) => end - (rows.starts[period] ?? 0)));
    if (rows.y.length < minimumRows || fewest < minimumRows / periods)
      return skipped(
        `inconclusive: of ${periods} equal parts of the evaluation period, one has ${fewest} rows that all models answered`,
        { nextStep: 'Hold out more rows of a longer time under data.eval.' },
      );

    const { unit, of } = ageUnit(train, time);
    const age = (lag: number): number => Number(((lag * (times.taught.last - times.taught.first)) / of).toPrecision(3));
    const curve = ageCurve(metric, rows);
    const older = curve.slice(1);
    const most = manifest.quality.max_drop;
    const beyond = older.findIndex(({ loss }) => !(loss <= most));
    const tolerated = beyond < 0 ? older.length : beyond;
    const oldest = age(curve[tolerated]?.lag ?? 0);
    const widest = Math.max(
      ...older.map(({ interval }) => (interval ? (interval.upper - interval.lower) / 2 : Number.POSITIVE_INFINITY)),
    );
    const lost = metric.isGreaterBetter ? metric.name : `of ${metric.name}`;
    const words =
      beyond < 0
        ? `at least ${oldest} ${unit}, the oldest that was tried`
        : tolerated === 0
          ? `less than ${age(older[0]?.lag ?? 0)} ${unit}`
          : `${oldest} ${unit}`;
    const atEnd = older.at(-1);
    const evidence = {
      explanation: `${lags.length} models of ${age(windowLength)} ${unit} each were judged on ${rows.y.length.toLocaleString('en')} later rows in ${periods} parts of the evaluation period. A model that is older by ${age(lags.at(-1) ?? 0)} ${unit} ${atEnd && atEnd.loss < 0 ? 'gains' : 'loses'} ${cell(Math.abs(atEnd?.loss ?? Number.NaN))} ${lost}. Ages tolerated, at a loss of up to ${most}: ${words}.`,
      value: oldest,
      unit,
      n: rows.y.length,
      items: curveItems(curve, metric, age),
      inputs: inputsOf(train, evaluation),
      seed: 1,
      nextStep:
        tolerated === 0
          ? 'Train more often than the first age that was tried, or look for features that keep.'
          : `Train again before a model is older than ${oldest} ${unit}.`,
    };
    const first = rows.scores[0];
    if (first && rows.scores.every((score) => score.every((value, row) => value === first[row])))
      return fail(
        [
          {
            message: `${lags.length} trainings on different rows gave the same predictions: training does not learn from {data}`,
          },
        ],
        evidence,
      );
    if (!(widest <= precision))
      return skipped(`inconclusive: the loss at an age is known to ±${cell(widest)} only; ±${precision} is wanted`, {
        nextStep: 'Hold out more rows under data.eval.',
        evidence,
      });
    return pass(evidence);
  },
});
