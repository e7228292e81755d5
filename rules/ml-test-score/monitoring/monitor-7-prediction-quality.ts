import { defineCheck, type Evidence, fail, pass, skipped, type Verdict } from '../../../src/kernel/check.ts';
import { momentsOf } from '../../../src/stats/chunks.ts';
import { asks, labelled, lines, sources } from '../lib/asks.ts';
import { byIdPlan } from '../lib/by-id.ts';
import { inputsOf, isVerdict, lacks, rounded, rubric, tableOr } from '../lib/manifest.ts';
import { chunkRows, measuresOf, minimumChunks, qualityShift, shiftAlpha } from '../lib/quality-shift.ts';
import { findingsOf, itemsOf, openSlices, qualityWords, type Served } from '../lib/quality-words.ts';
import { scoredOf } from '../lib/scored.ts';
import { bothSides, labelledOf } from '../lib/served.ts';
import { servedVersion } from '../lib/serving.ts';
import { canPredict, onEvaluation, settingOf } from '../lib/setting.ts';

/** Fewest labelled rows on either side. */
const minimumRows = minimumChunks * chunkRows;

export default defineCheck({
  title: 'The model has not experienced a regression in prediction quality on served data',
  why: "A model that was good on held-out rows can be poor on today's, and only the labels that come later tell.",
  fix: 'Look at the chunks and slices named here: did the world change (retrain), the inputs (monitor-2, monitor-3), or the labels?',
  about: {
    does: 'Joins late labels with served answers, and compares bias, calibration and the metric, in chunks and by slice, with those of the evaluation rows.',
    asks: asks(...labelled, 'serving', 'outcomes', 'slices?'),
    thresholds: [
      { what: 'chunks needed', value: minimumChunks, source: sources.nannyml },
      { what: 'rate of false alarms of the tests of means', value: shiftAlpha, source: sources.ours },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: (manifest) =>
    canPredict(manifest) && manifest.data.serving !== undefined && manifest.data.outcomes !== undefined
      ? [{ request: onEvaluation }, ...byIdPlan(manifest)]
      : [],
  async run(world): Promise<Verdict> {
    const { tables, hooks } = world;
    const setting = await settingOf(world);
    if (isVerdict(setting)) return setting;
    const serving = await tableOr(tables, 'serving');
    if (isVerdict(serving)) return serving;
    const outcomes = await tables.open({ table: 'outcomes' });
    if (outcomes === null) return lacks('what became of the served rows (their late labels, by id)', lines.outcomes);
    const version = await servedVersion(tables, setting.manifest, serving);
    const labelled = await labelledOf(tables, setting, serving, outcomes, version);
    if (isVerdict(labelled)) return labelled;
    const scored = await scoredOf(world, setting, setting.evaluation, await hooks.predict(onEvaluation));
    if (isVerdict(scored)) return scored;
    const found: Served = { setting, serving, outcomes, version, labelled };
    if (labelled.rows < minimumRows || scored.rows < minimumRows)
      return skipped(
        `inconclusive: ${labelled.rows.toLocaleString('en')} served rows have a label and ${scored.rows.toLocaleString('en')} evaluation rows a score; at least ${minimumRows} of each are needed (${minimumChunks} chunks of ${chunkRows})`,
        {
          nextStep: `Join more late labels under data.outcomes: ${version.rows.toLocaleString('en')} rows were served${version.version ? ` by model_version ${version.version}` : ''}.`,
        },
      );
    const { reference, served, unlogged } = await bothSides(tables, setting, { serving, labelled, scored });
    const spread = momentsOf([...reference.y]).sd;
    const measures = measuresOf(setting.task, setting.metric, setting.manifest.quality.max_drop, spread);
    const shift = qualityShift(reference, served, measures);
    const metric = shift.parts.find((part) => part.slice === '' && part.measure === setting.metric.name);
    const open = openSlices(shift, served.y.length);
    const evidence: Evidence = {
      explanation: qualityWords(found, shift, scored.rows),
      ...(metric && Number.isFinite(metric.served.mean) && { value: rounded(metric.served.mean) }),
      ...(metric &&
        Number.isFinite(metric.reference.mean) && {
          threshold: rounded(
            metric.reference.mean - (setting.metric.isGreaterBetter ? 1 : -1) * shift.width * metric.reference.sd,
          ),
        }),
      unit: setting.metric.unit,
      n: served.y.length,
      items: itemsOf(shift, measures),
      inputs: inputsOf(serving, outcomes, setting.evaluation),
      seed: 1,
      nextStep:
        unlogged.length > 0
          ? `Log the slice columns too: ${unlogged.join(', ')}.`
          : open.length > 0
            ? `Join more labels of ${open.slice(0, 3).join(', ')}.`
            : 'Run it on a schedule, as labels come in.',
    };
    const findings = findingsOf(found, shift);
    if (findings.length > 0) return fail(findings, evidence);
    const unknown = shift.parts.filter((part) => part.slice === '' && part.verdict === 'inconclusive');
    if (unknown.length > 0)
      return skipped(
        `inconclusive: ${unknown.map((part) => part.measure).join(', ')} cannot be computed in ${minimumChunks} chunks of ${shift.chunkSize} rows (one class only?)`,
        {
          nextStep: 'Join more late labels under data.outcomes.',
          evidence,
        },
      );
    if (open.length > 0 || unlogged.length > 0)
      return skipped(
        `inconclusive: ${open.length > 0 ? `too few labels to tell for ${open.slice(0, 5).join(', ')}` : `data.serving has no column ${unlogged.join(', ')}, which columns.slices names`}`,
        { ...(evidence.nextStep !== undefined && { nextStep: evidence.nextStep }), evidence },
      );
    return pass(evidence);
  },
});
