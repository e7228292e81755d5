import { defineCheck, type Finding, judge, skipped, type Verdict } from '../../../src/kernel/check.ts';
import { quoteName } from '../../../src/kernel/sql.ts';
import type { Table } from '../../../src/kernel/world.ts';
import { median } from '../../../src/stats/median.ts';
import { metricOf } from '../../../src/stats/metrics/index.ts';
import { spearman } from '../../../src/stats/spearman.ts';
import { asks, lines, sources } from '../lib/asks.ts';
import { cell, inputsOf, isVerdict, manifestOr, rounded, rubric, tableOr } from '../lib/manifest.ts';
import { metricNameOf } from '../lib/setting.ts';

/** With four versions no order has a p below 0.05 that a tie would not spoil. */
const leastVersions = 5;
const level = 0.05;
const mostVersions = 1000;

interface Version {
  readonly version: string;
  readonly offline: number;
  readonly online: number;
  readonly degraded: boolean | null;
}

const columns = ['version', 'offline', 'online', 'degraded'] as const;

/** What a mark is worth: a version that is not worse by a metric was not made worse, or the metric does not see it. */
function notWorse(degraded: readonly Version[], others: readonly Version[], sign: number): readonly Finding[] {
  const names = degraded.map(({ version }) => version);
  return (['offline', 'online'] as const).flatMap((metric) => {
    const [worse, usual] = [degraded, others].map((versions) => median(versions.map((version) => version[metric])));
    if (worse === undefined || usual === undefined || (metric === 'offline' ? sign : 1) * (usual - worse) > 0) return [];
    const message = `the versions that were made worse on purpose (${names.slice(0, 3).join(', ')}) are not worse by the ${metric} metric: ${cell(worse)}, others ${cell(usual)}`;
    return [{ message }];
  });
}

/** What the table lacks. */
function lacksColumns(table: Table): Verdict | null {
  const names = table.columns.map((column) => column.name);
  const missing = columns.filter((name) => !names.includes(name));
  return missing.length === 0
    ? null
    : skipped(`data.experiments has no column ${missing.join(', ')}`, {
        nextStep:
          'One row per version that served: version, offline metric, online metric (more is better), degraded (true for one made worse on purpose).',
        manifestLine: lines.experiments,
      });
}

export default defineCheck({
  title: 'Offline proxy metrics correlate with actual online impact metrics',
  why: 'A model is chosen by an offline number; if that number says nothing about what happens in use, so does the choice.',
  fix: 'Find an offline metric that orders the versions as their use does: other weights, other rows, the cost of each error.',
  about: {
    does: 'Ranks the versions that served by their offline and by their online metric, one of them made worse on purpose, and tests whether the orders agree.',
    asks: asks('experiments'),
    thresholds: [
      { what: 'p of the rank correlation (permutation, one-sided), below', value: level, source: sources.ours },
      { what: 'versions needed', value: leastVersions, source: sources.ours },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables'],
  async run({ tables, ...world }) {
    const manifest = manifestOr(world);
    if (isVerdict(manifest)) return manifest;
    const table = await tableOr(tables, 'experiments');
    if (isVerdict(table)) return table;
    const lacking = lacksColumns(table);
    if (lacking) return lacking;
    const number = (name: string) => `TRY_CAST(${quoteName(name)} AS DOUBLE) AS ${name}`;
    const rows = await tables.query<Version>(
      `SELECT CAST(version AS VARCHAR) AS version, ${number('offline')}, ${number('online')}, TRY_CAST(degraded AS BOOLEAN) AS degraded
       FROM ${table.name} ORDER BY __row LIMIT ${mostVersions}`,
    );
    const usable = rows.filter(
      ({ offline, online }) => Number.isFinite(offline) && Number.isFinite(online) && offline !== null && online !== null,
    );
    const twice = usable.filter(({ version }, i) => usable.findIndex((other) => other.version === version) !== i);
    const degraded = usable.filter((row) => row.degraded === true);
    const metric = metricNameOf(manifest);
    // An error that falls is an improvement, as an impact that rises is.
    const sign = metric !== undefined && !metricOf(metric, manifest.decision.threshold).isGreaterBetter ? -1 : 1;
    const { rho, p } = spearman(
      usable.map(({ offline }) => sign * offline),
      usable.map(({ online }) => online),
    );
    const evidence = {
      explanation: `Over ${usable.length} versions, ${degraded.length} of them made worse on purpose, the offline metric orders them as their use did with a rank correlation of ${Number.isFinite(rho) ? rho.toFixed(2) : 'no value'} (p ${p.toPrecision(2)}).`,
      value: rounded(p),
      threshold: level,
      unit: 'p',
      n: usable.length,
      items: usable.slice(0, 300).map(({ version, offline, online, degraded: isDegraded }) => ({
        version,
        offline: cell(offline),
        online: cell(online),
        degraded: isDegraded,
      })),
      inputs: inputsOf(table),
      nextStep: 'Add a row with every version that serves.',
    };
    if (twice.length > 0)
      return skipped(`data.experiments has several rows for version ${twice[0]?.version}`, {
        nextStep: 'Keep one row per version.',
        evidence,
      });
    if (usable.length < leastVersions)
      return skipped(`inconclusive: ${usable.length} versions with both numbers; at least ${leastVersions} are needed`, {
        nextStep: 'Serve versions that differ, one of them made worse on purpose, to a small share of the requests.',
        evidence,
      });
    if (degraded.length === 0)
      return skipped('no version was made worse on purpose, so it is not known whether the online metric would show it', {
        nextStep: 'Serve a degraded version to a small share of the requests for a short time, and mark it: degraded = true.',
        evidence,
      });
    const others = usable.filter((row) => row.degraded !== true);
    if (others.length === 0)
      return skipped('every version was made worse on purpose, so there is none to compare them with', {
        nextStep: 'Keep the versions that served for their own sake in data.experiments.',
        evidence,
      });
    if (usable.every(({ offline, online }) => offline === online))
      return skipped(`the online metric of all ${usable.length} versions is the offline metric: one number, written twice`, {
        nextStep: 'Measure what the versions bring in use.',
        evidence,
      });
    const findings: Finding[] = [];
    if (!Number.isFinite(rho)) findings.push({ message: 'the offline or the online metric is the same for every version' });
    else if (p >= level)
      findings.push({
        message: `the offline metric does not order the versions as their use did: rank correlation ${rho.toFixed(2)}, p ${p.toPrecision(2)}`,
      });
    if (findings.length === 0) findings.push(...notWorse(degraded, others, sign));
    return judge(findings, evidence);
  },
});
