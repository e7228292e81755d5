import { defineCheck, type Finding, judge, notApplicable, skipped } from '../../../src/kernel/check.ts';
import { type ColumnDrift, drift } from '../../../src/stats/drift.ts';
import { leastPsi, psiMinimumRows } from '../../../src/stats/psi.ts';
import { violations } from '../../../src/stats/schema/violations.ts';
import { asks, sources } from '../lib/asks.ts';
import { servedOr } from '../lib/held-out.ts';
import { cell, featuresOf, inputsOf, isVerdict, manifestOr, percent, rounded, rubric } from '../lib/manifest.ts';
import { schemaOr } from '../lib/schema.ts';

/** Share of rows with categories that training never saw, from which on it is a finding. */
const unseenShare = 0.01;

function findingsOf(column: ColumnDrift, rows: number, path: string): readonly Finding[] {
  const { column: name, psi, threshold, nulls, notFinite, unseen } = column;
  const messages = [
    column.verdict === 'drifted' &&
      `${name} has drifted: PSI ${rounded(psi).toPrecision(3)} between training and serving rows, more than ${threshold.toPrecision(3)}`,
    nulls.hasRisen &&
      `${name} is missing in ${percent(nulls.current)} of the serving rows, in ${percent(nulls.reference)} of the training rows`,
    notFinite.hasRisen &&
      `${name} is NaN or infinite in ${percent(notFinite.current)} of the serving rows, in ${percent(notFinite.reference)} of the training rows`,
    unseen.rows > unseenShare * rows &&
      `${name} has categories that training never saw in ${percent(unseen.rows / rows)} of the serving rows: ${unseen.examples.map((value) => JSON.stringify(value)).join(', ')}`,
  ];
  return messages.filter((message) => typeof message === 'string').map((message) => ({ message, place: { path } }));
}

export default defineCheck({
  title: 'Data invariants hold in training and serving inputs',
  why: 'A model answers whatever it is asked; only its inputs tell that the world, a unit or an upstream system changed.',
  fix: 'Find out what changed in the named columns: mend the feed, or retrain and update the schema when the change is real.',
  about: {
    does: 'Holds serving rows against training rows and the schema: drift, missing values, NaN and categories that training never saw.',
    asks: asks('train', 'serving', 'schema?'),
    thresholds: [
      { what: 'PSI from which a feature has drifted', value: leastPsi, source: sources.psi },
      { what: 'rows with unseen categories, share', value: unseenShare, source: sources.ours },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['files', 'tables', 'manifest'],
  async run({ files, tables, ...world }) {
    const manifest = manifestOr(world);
    if (isVerdict(manifest)) return manifest;
    const both = await servedOr(tables, manifest);
    if (isVerdict(both)) return both;
    const { train, serving } = both;
    const inputs = inputsOf(train, serving);
    const path = serving.sources[0]?.path ?? 'flightcheck.yml';
    const present = new Set(serving.columns.map((column) => column.name));
    const features = featuresOf(manifest, train);
    if (features.length === 0) return notApplicable('there are no tabular features');
    const findings: Finding[] = features
      .filter((name) => !present.has(name))
      .map((name) => ({ message: `${name} is a feature in training, but the serving rows do not have it`, place: { path } }));
    const schema = await schemaOr(files, manifest);
    if (!isVerdict(schema) && serving.rows > 0)
      for (const violation of await violations(tables, serving.name, schema, [...present]))
        if (violation.what !== 'missing')
          findings.push({ message: `against ${manifest.data.schema}: ${violation.message}`, place: { path } });

    const columns = await drift(
      tables,
      train,
      serving,
      features.filter((name) => present.has(name)),
    );
    findings.push(...columns.flatMap((column) => findingsOf(column, serving.rows, path)));
    const worst = [...columns].sort((a, b) => b.psi / b.threshold - a.psi / a.threshold)[0];
    const evidence = {
      explanation: `${columns.length} features of ${serving.rows.toLocaleString('en')} serving rows against ${train.rows.toLocaleString('en')} training rows${isVerdict(schema) ? ' (no schema is committed, so only drift was judged)' : ' and the schema'}: ${findings.length === 0 ? 'nothing changed that matters' : `${findings.length} findings`}.`,
      ...(worst && { value: rounded(worst.psi), threshold: rounded(worst.threshold), unit: 'psi' }),
      n: serving.rows,
      items: columns.slice(0, 300).map((column) => ({
        feature: column.column,
        psi: cell(column.psi),
        threshold: cell(column.threshold),
        jensen_shannon: cell(column.jensenShannon),
        ks: cell(column.ks),
        nulls_training: cell(column.nulls.reference),
        nulls_serving: cell(column.nulls.current),
        unseen_rows: column.unseen.rows,
        verdict: column.verdict,
      })),
      inputs,
      nextStep: isVerdict(schema)
        ? 'Commit a schema: flightcheck score --write-schema.'
        : 'Run it on a schedule, with fresh serving rows each time.',
    };
    const isMissing = features.some((name) => !present.has(name));
    const isKnown = columns.some((column) => column.verdict !== 'inconclusive');
    if (!isMissing && (serving.rows < psiMinimumRows || train.rows < psiMinimumRows || (findings.length === 0 && !isKnown)))
      return skipped(
        `inconclusive: ${serving.rows} serving and ${train.rows} training rows; at least ${psiMinimumRows} of each with values are needed`,
        { nextStep: 'Log more requests under data.serving.', evidence },
      );
    return judge(findings.slice(0, 30), evidence);
  },
});
