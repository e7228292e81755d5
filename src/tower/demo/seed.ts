/** Fills a store with a made-up organisation, through the same functions that take reports and metrics. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { sql } from 'kysely';
import { UsageError } from '../../kernel/failure.ts';
import type { Database } from '../store/database.ts';
import { ensurePartitions } from '../store/migrations/migrate.ts';
import { rollUp } from '../store/points/rollups.ts';
import { createRule, listRules, type NewRule } from '../store/rules.ts';
import { modelsNamed, writeMetrics } from '../store/write-metrics.ts';
import { type Submission, type Writer, writeReports } from '../store/write-report.ts';
import type { RuleDefinition } from '../triggers/rule.ts';
import { addBoard } from './board.ts';
import { type Day, daysOf, measuredOn } from './life.ts';
import { type Chance, type DemoModel, demoModels } from './organisation.ts';
import { type DemoSuite, hurdlesOf, reportOn } from './reports.ts';

export interface SeedOptions {
  readonly models: number;
  readonly days: number;
  /** The last day. */
  readonly until: Date;
  readonly version: string;
  readonly suites: readonly DemoSuite[];
  /** A source of random numbers for each model: one more model changes no other. */
  chanceOf(seed: number): Chance;
  /** Told after each model. */
  onModel?(done: number): void;
  readonly signal?: AbortSignal;
}

export interface Seeded {
  readonly models: number;
  readonly reports: number;
  readonly points: number;
}

const issuer = 'demo';
const dayMs = 86_400_000;
const zip = promisify(gzip);

async function refuseRealData(db: Database): Promise<void> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from project where issuer <> ${issuer}`.execute(db);
  const n = rows[0]?.n ?? 0;
  if (n > 0)
    throw new UsageError('TOWER_DEMO', `This database has reports of ${n} real project${n === 1 ? '' : 's'}`, {
      hint: 'Give another folder with --data, or another --database-url: made-up models do not belong beside real ones.',
    });
}

const writerOf = ({ project }: DemoModel): Writer => ({
  issuer,
  projectId: project,
  projectPath: project,
  namespaceId: project.split('/')[0] ?? project,
  namespacePath: project.split('/')[0] ?? project,
  name: 'demo data',
});

/** Enough rows for a statement to be worth its while. */
const batchSize = 5000;

/** Models whose points are added up together. */
const rolledUpAtOnce = 25;

async function seedModel(db: Database, model: DemoModel, chance: Chance, options: SeedOptions): Promise<Omit<Seeded, 'models'>> {
  const { days, until, suites, version } = options;
  const start = Math.floor(until.getTime() / dayMs) * dayMs - (days - 1) * dayMs;
  const life = daysOf(model, days);
  const hurdles = hurdlesOf(suites, chance);
  const writer = writerOf(model);
  const offset = chance.below(model.rhythm);
  const told = life.filter(({ index }) => index % model.rhythm === offset || (days <= model.rhythm && index === days - 1));
  const submissionOf = async (day: Day): Promise<Submission> => {
    const report = reportOn(model, suites, hurdles, { day, days, at: start + day.index * dayMs + 5 * 3_600_000, version });
    const bytes = Buffer.from(JSON.stringify(report));
    return {
      writer,
      report,
      refClass: 'authoritative',
      sha256: createHash('sha256').update(bytes).digest('hex'),
      body: await zip(bytes),
      idempotencyKey: null,
    };
  };
  await writeReports(
    db,
    told.map((day) => () => submissionOf(day)),
  );
  const [known] = await modelsNamed(db, { name: model.name, scope: { issuer, externalId: model.project } });
  if (!known) return { reports: told.length, points: 0 };
  const measured = life.flatMap((day) => measuredOn(model, day, start + day.index * dayMs, chance));
  let points = 0;
  for (let from = 0; from < measured.length; from += batchSize)
    points += await writeMetrics(db, {
      modelId: known.id,
      projectId: known.projectId,
      writtenBy: writer.name,
      refClass: 'authoritative',
      environment: 'production',
      at: until.toISOString(),
      measurements: measured.slice(from, from + batchSize),
      sha256: '',
      idempotencyKey: null,
    });
  return { reports: told.length, points };
}

const demoRules: readonly (Pick<NewRule, 'name'> & {
  readonly definition: Partial<RuleDefinition> & Pick<RuleDefinition, 'metric' | 'when'>;
})[] = [
  {
    name: 'drift of features',
    definition: { metric: 'model.drift.psi', when: { of: 'value', is: 'above', limit: 0.2, closesAt: 0.1, times: 3 } },
  },
  {
    name: 'score of critical models',
    definition: {
      metric: 'tower.score.passing',
      where: { tier: ['critical'] },
      when: { of: 'value', is: 'below', limit: 1 },
      severity: 'critical',
    },
  },
  {
    name: 'models grow old',
    definition: { metric: 'model.age', when: { of: 'value', is: 'above', limit: 150 }, severity: 'info' },
  },
];

/** Rules that have watched since the first day: the server judges what they saw when it starts. Nothing is sent. */
async function addRules(db: Database, judgesFrom: Date): Promise<void> {
  const names = (await listRules(db, { scope: null, limit: 1000 })).map(({ name }) => name);
  for (const { name, definition } of demoRules) {
    if (names.includes(name)) continue;
    await createRule(db, {
      name,
      definition: { where: {}, severity: 'warning', cooldownHours: 24, actions: [], pipelinesPerDay: 2, ...definition },
      isEnabled: true,
      createdBy: 'demo data',
      judgesFrom,
    });
    await sql`insert into touched (series_id) select series.id from series join metric on metric.id = series.metric_id
      where metric.name = ${definition.metric} and series.ref_class = 'authoritative' on conflict do nothing`.execute(db);
  }
}

/** Run again with the same options on the same day it adds nothing. @throws UsageError when real projects are there. */
export async function seedDemo(db: Database, options: SeedOptions): Promise<Seeded> {
  const { models: count, days, until, chanceOf, onModel, signal } = options;
  await refuseRealData(db);
  await ensurePartitions(db, until, Math.ceil(days / 28) + 1);
  let seeded: Seeded = { models: 0, reports: 0, points: 0 };
  for (const [index, model] of demoModels(chanceOf(0), count, days).entries()) {
    if (signal?.aborted) break;
    const { reports, points } = await seedModel(db, model, chanceOf(index + 1), options);
    if ((index + 1) % rolledUpAtOnce === 0) await rollUp(db);
    seeded = { models: seeded.models + 1, reports: seeded.reports + reports, points: seeded.points + points };
    onModel?.(seeded.models);
  }
  await rollUp(db);
  await addRules(db, new Date(until.getTime() - days * dayMs));
  await addBoard(db);
  await sql`analyze`.execute(db);
  return seeded;
}
