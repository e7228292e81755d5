import { defineCheck, judge, skipped } from '../../../src/kernel/check.ts';
import type { FeaturesRequest } from '../../../src/kernel/hooks.ts';
import type { Table } from '../../../src/kernel/world.ts';
import { summarise } from '../../../src/stats/column-summary.ts';
import { drift } from '../../../src/stats/drift.ts';
import { asks, labelled, sources } from '../lib/asks.ts';
import { benefitPlan, benefitsOf, leastBenefit, unnamed, uselessOf } from '../lib/benefit.ts';
import { cell, inputsOf, isVerdict, rubric, tableOr } from '../lib/manifest.ts';
import { featuresOfSample, settingOf } from '../lib/setting.ts';

/** Share of missing values from which on a feature is called incomplete. */
const missingFrom = 0.2;

const requestsOf = (hasHook: boolean): readonly { readonly request: FeaturesRequest }[] =>
  hasHook ? [{ request: featuresOfSample }] : [];

/** Systems that feed one feature alone: without it nobody would have to wait for them. */
function ownSystems(feature: string, upstream: Readonly<Record<string, readonly string[]>>): readonly string[] {
  const others = new Set(Object.entries(upstream).flatMap(([name, systems]) => (name === feature ? [] : systems)));
  return (upstream[feature] ?? []).filter((system) => !others.has(system));
}

export default defineCheck({
  title: "No feature's cost is too much",
  why: 'A feature costs computing, memory, an upstream that can fail, and attention when it moves; it must bring more than that.',
  fix: 'Drop the named features, or mend what makes them dear: the missing values, the instability, the system that only they need.',
  about: {
    does: 'Sets what each feature costs (missing values, drift, systems that it alone needs, time to compute) against what it brings.',
    asks: asks(...labelled, 'featuresHook?', 'serving?', 'upstream?'),
    thresholds: [
      { what: 'loss without a feature that costs: surely above', value: 0, source: sources.paper },
      { what: 'missing values from which a feature is incomplete, share', value: missingFrom, source: sources.ours },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: (manifest) => {
    const planned = benefitPlan(manifest);
    return planned.length === 0 ? [] : [...planned, ...requestsOf(manifest.hooks.features !== undefined)];
  },
  async run(world) {
    const { tables, hooks } = world;
    const setting = await settingOf(world);
    if (isVerdict(setting)) return setting;
    const { manifest, metric, evaluation } = setting;
    const train = await tableOr(tables, 'train');
    if (isVerdict(train)) return train;
    const benefits = await benefitsOf(world, setting);
    if (isVerdict(benefits)) return benefits;
    const { features, found, suspects, retrained, faults } = benefits;
    const useless = new Set(uselessOf(benefits).map(({ feature }) => feature));
    // Later rows show how a feature moves: the served ones, else those held out.
    const later: Table = (await tables.open({ table: 'serving' })) ?? evaluation;
    const summaries = await summarise(
      tables,
      train.name,
      train.columns.filter(({ name }) => features.includes(name)),
    );
    const moved = new Map((await drift(tables, train, later, features)).map((column) => [column.column, column]));
    const computed = hooks.has('features') ? await hooks.features(featuresOfSample) : null;
    const rows = found.map(({ feature, loss, interval }) => {
      const summary = summaries.get(feature);
      const missing = summary && summary.rows > 0 ? summary.nulls / summary.rows : 0;
      const drifted = moved.get(feature);
      const own = ownSystems(feature, manifest.policy.upstream);
      const costs = [
        ...(missing >= missingFrom ? [`missing in ${Math.round(100 * missing)} % of the training rows`] : []),
        ...(drifted?.verdict === 'drifted' ? [`its distribution moves (PSI ${drifted.psi.toPrecision(3)})`] : []),
        ...(own.length > 0 ? [`it alone needs ${own.join(', ')}`] : []),
      ];
      return {
        feature,
        loss,
        interval,
        missing,
        psi: drifted?.psi ?? null,
        upstream: manifest.policy.upstream[feature]?.length ?? null,
        costs,
      };
    });
    const dear = rows.filter(({ costs }) => costs.length > 0).map(({ feature }) => feature);
    const tooDear = rows.filter(({ feature, costs }) => costs.length > 0 && useless.has(feature));
    // Shuffling showed no benefit and no retraining could tell: a dear one among them is neither worth it nor too dear.
    const unclear = new Set(suspects.filter(({ feature }) => retrained.get(feature) == null).map(({ feature }) => feature));
    const open = rows.filter(({ feature, costs }) => costs.length > 0 && unclear.has(feature));
    const speed = computed && computed.rows > 0 ? (1000 * computed.seconds) / computed.rows : null;
    const evidence = {
      explanation: `${dear.length} of ${features.length} features cost more than being computed; ${tooDear.length} of them bring nothing. The figure is what is lost without the ${dear.length > 0 ? 'costly ' : ''}feature that is least surely missed.${speed === null ? '' : ` Computing all features takes ${Number(speed.toPrecision(2))} s per 1,000 rows, start of the program included${computed?.maxRssBytes ? `, and ${Math.round(computed.maxRssBytes / 2 ** 20)} MiB` : ''}.`}`,
      ...leastBenefit(benefits, metric, dear.length > 0 ? dear : features),
      n: train.rows,
      items: rows
        .map(({ feature, loss, interval, missing, psi, upstream, costs }) => ({
          feature,
          [`${metric.name}_lost`]: cell(loss),
          at_least: cell(interval?.lower ?? null),
          lost_without_at_least: cell(retrained.get(feature)?.lower ?? null),
          missing: cell(missing),
          psi: cell(psi),
          upstreams: upstream,
          costs: costs.join('; ') || null,
        }))
        .slice(0, 300),
      inputs: inputsOf(train, evaluation),
      nextStep:
        Object.keys(manifest.policy.upstream).length === 0
          ? 'Say which systems each feature comes from: policy: { upstream: { amount: [ledger] } }.'
          : hooks.has('features')
            ? 'Look at the dearest feature that brings least.'
            : 'Add the features hook, so that its time and memory are measured.',
    };
    return tooDear.length === 0 && open.length > 0
      ? skipped(
          `inconclusive: it is not known whether ${open
            .slice(0, 5)
            .map(({ feature }) => feature)
            .join(', ')} brings what it costs`,
          { nextStep: faults.size > 0 ? unnamed : 'Hold out more rows, or list fewer features.', evidence },
        )
      : judge(
          tooDear.map(({ feature, costs }) => ({
            message: `${feature} costs and brings nothing: ${costs.join('; ')}, and no ${metric.name} is lost without it`,
          })),
          evidence,
        );
  },
});
