import { defineCheck, type Finding, judge, skipped } from '../../../src/kernel/check.ts';
import { quoteName, secondsOf } from '../../../src/kernel/sql.ts';
import type { Table, World } from '../../../src/kernel/world.ts';
import { mostUnread } from '../lib/age-curve.ts';
import { asks, lines, sources } from '../lib/asks.ts';
import { servedOr } from '../lib/held-out.ts';
import { cell, inputsOf, isVerdict, lacks, manifestOr, rubric } from '../lib/manifest.ts';
import { daysOf, periodSeconds } from '../lib/periods.ts';

/** One row in this many, and one at least, may have a time that is years off: it would make all the others young (ours). */
const rowsPerError = 1000;

/**
 * The newest time of a table, a few rows left aside, in seconds; null without such a column or time; the words why where
 * too many cannot be read: one of them may be newer.
 */
async function newestOf(tables: World['tables'], table: Table, time: string): Promise<number | string | null> {
  if (!table.columns.some(({ name }) => name === time)) return null;
  const [row] = await tables.query<{ newest: number | null; unread: number; example: string | null }>(
    `WITH read AS (SELECT ${secondsOf(quoteName(time))} AS t, CAST(${quoteName(time)} AS VARCHAR) AS x FROM ${table.name}),
       times AS (SELECT CASE WHEN isfinite(t) THEN t END AS t, x FROM read),
       newest AS (SELECT t FROM times WHERE t IS NOT NULL ORDER BY t DESC LIMIT ${2 + Math.floor(table.rows / rowsPerError)})
     SELECT (SELECT min(t) FROM newest) AS newest, count(*) FILTER (t IS NULL) AS unread, min(x) FILTER (t IS NULL) AS example
     FROM times`,
  );
  const { newest = null, unread = 0, example = null } = row ?? {};
  if (newest !== null && unread > mostUnread * table.rows)
    return `the time of ${unread} of ${table.rows} rows cannot be read${example === null ? '' : `, such as ${JSON.stringify(example)}`}`;
  return newest;
}

/** Serving logs of batch models are late by as much as their schedule. */
const lateFactor = 2;

export default defineCheck({
  title: 'Models are not too stale',
  why: 'A world that moves on leaves a model behind without any error: what it learnt gets older with every row that it answers.',
  fix: 'Retrain on newer rows, and release; or show with model-4 that a greater age costs nothing, and raise policy.max_age.',
  about: {
    does: 'Takes the age of the newest training row at the newest request, of the model in production and of the newest label.',
    asks: asks('time', 'maxAge', 'train', 'serving', 'outcomes?', 'registeredModel?'),
    thresholds: [{ what: 'age of labels, times policy.max_age', value: lateFactor, source: sources.ours }],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'mlflow'],
  async run({ tables, mlflow, ...world }) {
    const manifest = manifestOr(world);
    if (isVerdict(manifest)) return manifest;
    const { time } = manifest.columns;
    if (time === undefined) return lacks('when a row happened', lines.time);
    const { max_age: maxAge } = manifest.policy;
    if (maxAge === undefined) return lacks('how old a model may get (model-4 says what age it tolerates)', lines.maxAge);
    const both = await servedOr(tables, manifest);
    if (isVerdict(both)) return both;
    const { train, serving } = both;
    const [learnt, asked] = [await newestOf(tables, train, time), await newestOf(tables, serving, time)];
    const nextStep = 'Keep the time of each row, as 2026-03-01T10:00:00Z.';
    if (typeof learnt === 'string') return skipped(`inconclusive: data.train: ${learnt}`, { nextStep });
    if (typeof asked === 'string') return skipped(`inconclusive: data.serving: ${asked}`, { nextStep });
    if (learnt === null || asked === null)
      return skipped(
        `inconclusive: the column ${time} of data.${learnt === null ? 'train' : 'serving'} has no time that can be read`,
        { nextStep },
      );
    const allowed = periodSeconds(maxAge);
    const stages: { stage: string; age: number; allowed: number }[] = [
      { stage: 'newest training row, at the newest request', age: asked - learnt, allowed },
    ];
    if (manifest.mlflow?.registeredModel !== undefined) {
      const production = await mlflow.production();
      if (!production.ok)
        return skipped(production.reason, { nextStep: 'Name the model in production: mlflow: { registeredModel, alias }.' });
      const { name, version, createdAt } = production.value;
      stages.push({
        stage: `${name} ${version}, in production since its registration`,
        age: Date.now() / 1000 - Date.parse(createdAt) / 1000,
        allowed,
      });
    }
    const outcomes = await tables.open({ table: 'outcomes' });
    const labelled = outcomes ? await newestOf(tables, outcomes, time) : null;
    if (typeof labelled === 'string') return skipped(`inconclusive: data.outcomes: ${labelled}`, { nextStep });
    if (labelled !== null)
      stages.push({ stage: 'newest label, at the newest request', age: asked - labelled, allowed: lateFactor * allowed });
    const old = stages.filter((stage) => stage.age > stage.allowed);
    const worst = [...stages].sort((a, b) => b.age / b.allowed - a.age / a.allowed)[0];
    const findings: Finding[] = old.map(({ stage, age, allowed: most }) => ({
      message: `${stage}: ${daysOf(age)} days old, at most ${daysOf(most)} are allowed`,
    }));
    return judge(findings, {
      explanation: `${stages.length} ages against policy.max_age of ${maxAge}: ${stages.map(({ stage, age }) => `${stage} ${daysOf(age)} days`).join('; ')}.`,
      ...(worst && { value: daysOf(worst.age), threshold: daysOf(worst.allowed) }),
      unit: 'days',
      n: train.rows + serving.rows,
      items: stages.map(({ stage, age, allowed: most }) => ({
        stage,
        days: cell(daysOf(age)),
        at_most: daysOf(most),
        old: age > most,
      })),
      inputs: inputsOf(train, serving),
      nextStep:
        manifest.mlflow?.registeredModel === undefined
          ? 'Register the model in MLflow, so that its own age is judged too: mlflow: { registeredModel: NAME }.'
          : 'Retrain on a schedule that keeps the age below the bound.',
    });
  },
});
