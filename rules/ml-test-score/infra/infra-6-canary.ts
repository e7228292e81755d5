import { defineCheck, type Finding, fail, judge, skipped } from '../../../src/kernel/check.ts';
import { FlightcheckError } from '../../../src/kernel/failure.ts';
import type { PredictRequest, ServeRequest, TableRef } from '../../../src/kernel/hooks.ts';
import { quoteName } from '../../../src/kernel/sql.ts';
import type { Table, World } from '../../../src/kernel/world.ts';
import { binCounts } from '../../../src/stats/bin-counts.ts';
import { psi } from '../../../src/stats/psi.ts';
import { quantileEdges } from '../../../src/stats/quantile-edges.ts';
import { answerTolerance, differenceOf } from '../lib/answers.ts';
import { asks, lines, sources, trained } from '../lib/asks.ts';
import { isTheirs } from '../lib/hook-faults.ts';
import { cell, inputsOf, isVerdict, lacks, manifestOr, rounded, rubric, tableOr } from '../lib/manifest.ts';
import { canPredict, hooksOr, model } from '../lib/setting.ts';

const rows = 200;
const seed = 1;
/** Requests that were really made, replayed. */
const golden: TableRef = { derive: 'sample', from: { table: 'serving' }, rows, seed };
const served: ServeRequest = { hook: 'serve', model, input: golden };
const batch: PredictRequest = { hook: 'predict', model, input: golden };
/** Shift of the answers against those that were logged (Evidently's bound for PSI). */
const mostPsi = 0.1;
const scoreBins = 5;

/** PSI of the answers against the scores that were logged for the same requests; null when none were. */
async function shiftOf(tables: World['tables'], requests: Table, answers: string, id: string): Promise<number | null> {
  if (!requests.columns.some(({ name }) => name === 'score')) return null;
  const logged = { name: `(SELECT __row, TRY_CAST(score AS DOUBLE) AS score FROM ${requests.name})`, rows: requests.rows };
  const edges = await quantileEdges(tables, logged, ['score'], scoreBins);
  const now = `(SELECT p.score FROM ${requests.name} r JOIN ${answers} p ON p.id = CAST(r.${quoteName(id)} AS VARCHAR))`;
  const [before, after] = [
    (await binCounts(tables, logged.name, edges)).get('score'),
    (await binCounts(tables, now, edges)).get('score'),
  ];
  return before && after && before.some((n) => n > 0) ? psi(before, after) : null;
}

export default defineCheck({
  title: 'Models are tested via a canary process before they enter production serving environments',
  why: 'A model that is fine in training can be one that its server cannot load, or answers otherwise: it is tried on real requests before people meet it.',
  fix: 'Let serve load the model that train writes and compute what predict computes; share the code of both.',
  about: {
    does: 'Starts the server with the trained model, asks it logged requests again, and compares its answers with predict and with what was logged.',
    asks: asks(...trained, 'serveHook', 'serving'),
    thresholds: [
      { what: 'answers that differ from predict', value: 0, source: sources.ours },
      { what: 'shift of the answers against the logged ones, PSI', value: mostPsi, source: sources.evidently },
    ],
    languages: {
      python: 'Any server that answers GET /health and POST /predict on {port}.',
      r: 'Any server that answers GET /health and POST /predict on {port}; the example has one without a package.',
    },
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: (manifest) =>
    canPredict(manifest) && manifest.hooks.serve !== undefined && manifest.data.serving !== undefined
      ? [{ request: served }, { request: batch }]
      : [],
  async run({ tables, hooks, ...world }) {
    const manifest = manifestOr(world);
    if (isVerdict(manifest)) return manifest;
    const missing = hooksOr(hooks, manifest);
    if (missing) return missing;
    if (!hooks.has('serve')) return lacks('how the model is served', lines.serveHook);
    const serving = await tableOr(tables, 'serving');
    if (isVerdict(serving)) return serving;
    const requests = await tables.open(golden);
    if (!requests || requests.rows === 0)
      return skipped('inconclusive: no request was logged', {
        nextStep: 'Log the requests that the model answers under data.serving.',
      });
    try {
      const [canary, expected] = [await hooks.serve(served), await hooks.predict(batch)];
      const { differing, largest, examples, rows: compared } = await differenceOf(tables, canary, expected);
      const shift =
        canary.column === 'score' && requests.rows >= 100
          ? await shiftOf(tables, requests, canary.table, manifest.columns.id)
          : null;
      const findings: Finding[] = [];
      if (canary.notFinite > 0)
        findings.push({ message: `${canary.notFinite} of ${canary.rows} served answers are NaN or infinite` });
      if (differing > 0)
        findings.push({
          message: `${differing} of ${compared} served answers differ from those of predict, by up to ${cell(largest)} (ids ${examples.join(', ')})`,
        });
      if (shift !== null && shift > mostPsi)
        findings.push({
          message: `the served answers are distributed otherwise than those that were logged for the same requests: PSI ${rounded(shift)}, at most ${mostPsi}`,
        });
      return judge(findings, {
        explanation: `The model was loaded into its server (${cell(canary.startSeconds)} s) and asked ${canary.rows} logged requests again: ${differing === 0 ? 'every answer is that of predict' : `${differing} answers differ from predict`}${shift === null ? '' : `, PSI ${cell(shift)} against the logged scores`}. Half of the answers came within ${cell(canary.latency.p50)} s, 95 % within ${cell(canary.latency.p95)} s.`,
        value: differing,
        threshold: 0,
        unit: 'answers that differ',
        n: compared,
        items: [
          { what: 'answers that differ from predict', value: differing, allowed: 0 },
          { what: 'largest difference', value: cell(largest), allowed: answerTolerance },
          { what: 'PSI against the logged scores', value: cell(shift), allowed: mostPsi },
          { what: 'seconds until it was healthy', value: cell(canary.startSeconds), allowed: null },
          { what: 'latency, median (s)', value: cell(canary.latency.p50), allowed: null },
          { what: 'latency, 95 % (s)', value: cell(canary.latency.p95), allowed: null },
          { what: 'seconds until it had stopped', value: cell(canary.stopSeconds), allowed: null },
        ],
        inputs: inputsOf(serving),
        seed,
        nextStep:
          shift === null
            ? 'Log the score with each request, so that new answers are compared with old ones.'
            : 'Send the canary a share of the live requests too.',
      });
    } catch (error) {
      if (!(error instanceof FlightcheckError) || !isTheirs(error)) throw error;
      return fail([{ message: error.message, fix: error.hint, ...(error.place && { place: error.place }) }], {
        explanation: `The canary failed on ${requests.rows} logged requests.`,
        n: requests.rows,
        inputs: inputsOf(serving),
        nextStep: error.hint,
      });
    }
  },
});
