/** Export and import between both databases, and databases of every earlier schema. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chainVerifier } from '../../../src/tower/store/audit-chain.ts';
import type { Database, OpenDatabase } from '../../../src/tower/store/database.ts';
import { exportStore } from '../../../src/tower/store/dump.ts';
import { listModels } from '../../../src/tower/store/list-models.ts';
import { migrate, migrationNames, schemaOf } from '../../../src/tower/store/migrations/migrate.ts';
import { connectStore, openStore } from '../../../src/tower/store/open.ts';
import { readSeries } from '../../../src/tower/store/points/read-series.ts';
import { sealMonths } from '../../../src/tower/store/points/seal.ts';
import { importStore } from '../../../src/tower/store/restore.ts';
import { openSession } from '../../../src/tower/store/sessions.ts';
import { createToken, ensureOperatorToken, findToken, listTokens, TokenNameTaken } from '../../../src/tower/store/tokens.ts';
import { writeMetrics } from '../../../src/tower/store/write-metrics.ts';
import { writeReport } from '../../../src/tower/store/write-report.ts';
import { postgresIsMissing, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { sampleReport, submissionOf } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-dump-'));
const open: OpenDatabase[] = [];
let postgres: TestPostgres | undefined;
beforeAll(async () => {
  if (!postgresIsMissing) postgres = await startPostgres();
});
afterAll(async () => {
  await Promise.all(open.map((store) => store.close()));
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

let n = 0;
/** A new database without a schema. */
async function fresh(kind: 'PGlite' | 'PostgreSQL'): Promise<Database> {
  n += 1;
  const store = await connectStore(
    kind === 'PGlite' ? { folder: join(folder, String(n)) } : { databaseUrl: postgres?.database(`moved${n}`) ?? '' },
  );
  open.push(store);
  return store.db;
}

async function dumpOf(db: Database): Promise<string> {
  let text = '';
  await exportStore(db, async (more) => {
    text += more;
  });
  return text;
}
async function* linesOf(text: string): AsyncGenerator<string> {
  yield* text.trimEnd().split('\n');
}
/** Without what differs between two exports of the same data: when, and in which order of rows. */
const contentOf = (dump: string): readonly string[] => dump.trimEnd().split('\n').slice(1, -1).sort();

const odd = ['tab\there', 'quote"\'', '\\N', '{1,2}', 'zwölf €', 'line\nbreak', '\u2028', 'null'];

async function fill(db: Database): Promise<string> {
  const token = await ensureOperatorToken(db, true);
  const { modelId } = await writeReport(db, submissionOf(sampleReport({ title: odd.join(' '), labels: { odd: odd.join('|') } })));
  const post = (at: string, value: number, label: string) => ({ name: 'model.load', unit: '1', labels: { label }, at, value });
  await writeMetrics(db, {
    modelId,
    projectId: 1,
    writtenBy: odd.join(' '),
    refClass: 'authoritative',
    environment: '',
    at: '2026-03-01T00:00:00Z',
    measurements: [
      ...odd.map((label, i) => post(`2025-12-0${i + 1}T00:00:00.123456Z`, Math.PI * 10 ** (i * 30 - 120), label)),
      ...odd.map((label, i) => post(`2026-02-0${i + 1}T00:00:00Z`, 0.1 + 0.2, label)),
      post('2026-02-03T00:00:00Z', -0, 'zero'),
      post('2026-02-03T00:00:00Z', Number.MAX_VALUE, 'large'),
      post('2026-02-03T00:00:00Z', 5e-324, 'small'),
    ],
    sha256: 'x',
    idempotencyKey: 'a key',
  });
  await sealMonths(db, new Date('2026-01-20T00:00:00Z'), { afterDays: 7 });
  return token ?? '';
}

describe.skipIf(postgresIsMissing)('export and import', () => {
  it('moves everything from one kind of database to the other and back', async () => {
    const first = await openStore({ folder: join(folder, 'first') });
    open.push(first);
    const token = await fill(first.db);
    const dump = await dumpOf(first.db);
    const onPostgres = await fresh('PostgreSQL');
    await importStore(onPostgres, linesOf(dump));
    const again = await dumpOf(onPostgres);
    expect(contentOf(again)).toEqual(contentOf(dump));
    const back = await fresh('PGlite');
    await importStore(back, linesOf(again));
    expect(contentOf(await dumpOf(back))).toEqual(contentOf(dump));
    for (const db of [onPostgres, back]) {
      expect(await findToken(db, token)).toMatchObject({ name: 'operator', role: 'admin' });
      const { modelId, isReplay } = await writeReport(db, submissionOf(sampleReport({ jobId: '2', name: 'another' })));
      expect([modelId, isReplay]).toEqual([2, false]);
      expect(await writeReport(db, submissionOf(sampleReport({ jobId: '2', name: 'another' })))).toMatchObject({
        isReplay: true,
      });
    }
  });

  it('refuses what is damaged, cut off, of a newer program, or would meet other data, and then holds nothing', async () => {
    const source = await fresh('PostgreSQL');
    await migrate(source);
    await fill(source);
    const dump = await dumpOf(source);
    const target = await fresh('PostgreSQL');
    const lines = dump.trimEnd().split('\n');
    const attempts: readonly (readonly [string, RegExp])[] = [
      [lines.slice(0, -1).join('\n'), /ends too early/],
      [lines.slice(0, 40).join('\n'), /ends too early/],
      [dump.replace('risk/late-lodgement', 'risk/fake-lodgement'), /checksum is wrong/],
      [lines.filter((line) => !line.includes('authoritative')).join('\n'), /rows of .* are missing/],
      [dump.replace('"table":"model"', '"table":"pg_authid"'), /table pg_authid is not known/],
      [dump.replace(/"columns":\["id",/, '"columns":["id; drop table model",'), /not known/],
      [dump.replace(/"schema":"\d+/, '"schema":"999'), /newer Control Tower/],
      ['{"a": 1}', /no export of Control Tower/],
      ['', /no export of Control Tower/],
    ];
    for (const [text, message] of attempts) await expect(importStore(target, linesOf(text))).rejects.toThrow(message);
    for (const table of ['project', 'model', 'point', 'chunk', 'token']) {
      const { rows } = await sql`select 1 from ${sql.table(table)}`.execute(target);
      expect([table, rows]).toEqual([table, []]);
    }
    await importStore(target, linesOf(dump));
    await expect(importStore(target, linesOf(dump))).rejects.toThrow(/has data already/);
    await expect(dumpOf(await fresh('PostgreSQL'))).rejects.toThrow(/holds no data/);
  });
});

describe('a database that a server has opened', () => {
  it('takes no export, and says what to do', async () => {
    const source = await fresh('PGlite');
    await migrate(source);
    await writeReport(source, submissionOf(sampleReport()));
    const dump = await dumpOf(source);
    const target = await fresh('PGlite');
    await migrate(target);
    const token = await ensureOperatorToken(target, false);
    await expect(importStore(target, linesOf(dump))).rejects.toMatchObject({
      code: 'TOWER_IMPORT',
      exitCode: 2,
      message: 'A server has opened this database before',
      hint: expect.stringContaining('an empty one that no server has opened'),
    });
    expect(await findToken(target, token ?? '')).toMatchObject({ name: 'operator' });
  });

  it('is exported without those who are logged in', async () => {
    const source = await fresh('PGlite');
    await migrate(source);
    await openSession(source, { subject: '7', name: 'ada', grants: [] }, undefined);
    const dump = await dumpOf(source);
    expect(dump).not.toContain('"session"');
    // That somebody logged in is history, and is kept.
    expect(dump).toContain('person.login');
    const target = await fresh('PGlite');
    await importStore(target, linesOf(dump));
    expect(contentOf(await dumpOf(target))).toEqual(contentOf(dump));
  });
});

/** What every schema could hold, by the first one's tables; and what came with later ones. */
async function fillOld(db: Database, schema: string): Promise<void> {
  await sql
    .raw(`
    insert into project (issuer, external_id, path) values ('local', 'risk/late-lodgement', 'risk/late-lodgement');
    insert into model (project_id, name, owner, tier) values (1, 'late-lodgement-risk', '@debt', 'critical');
    insert into report (project_id, model_id, job_id, kind, sha256, ref_class, trigger, written_by, reported_at, is_complete,
      score, summary, body) values (1, 1, '7', 'report', 'aa', 'authoritative', 'push', 'token write', '2026-03-01Z', true, 2,
      '{"tool": "0.1.0", "outcomes": {}, "jobUrl": null, "mergeRequest": null}', '\\x00');
    insert into standing (model_id, seen_at, score, is_complete) values (1, '2026-03-01Z', 2, true);
    insert into metric (name) values ('model.load');
    insert into series (model_id, metric_id, ref_class, label_key) values (1, 1, 'authoritative', 'old');
    insert into point select 1, 1, '2026-02-01Z'::timestamptz + i * interval '1 day', i, 1 from generate_series(0, 40) as i;
    insert into latest values (1, 1, '2026-03-13Z', 40${schema < '020' ? ', 1' : ''});
    insert into rollup_day select 1, (ts at time zone 'UTC')::date, 1, 1, value, value, value, value, ts from point;
    insert into idempotency (project_id, key, sha256, report_id) values (1, 'k', 'aa', 1);`)
    .execute(db);
  if (schema >= '002')
    await sql
      .raw(`insert into rollup_week select 1, date_trunc('week', day)::date, 1, sum(n), sum(sum), min(min), max(max),
      max(last), max(last_ts) from rollup_day group by 2;
      insert into metric_post (model_id, sha256, ref_class, environment, written_by, points)
        values (1, 'bb', 'authoritative', '', 'token write', 41)`)
      .execute(db);
  if (schema >= '003')
    await sql
      .raw(`insert into rule (name, definition, metric_name, is_enabled, created_by, judges_from)
        values ('r', '{"metric": "model.load"}', 'model.load', false, 'token write', '2026-01-01Z');
      insert into alert (rule_id, series_id, model_id, value, opened_at) values (1, 1, 1, 3, '2026-02-02Z');
      insert into delivery (alert_id, event, action) values (1, 'opened', 0)`)
      .execute(db);
}

describe.each([
  ...(postgresIsMissing ? [] : migrationNames.map((name) => ['PostgreSQL', name] as const)),
  ['PGlite', migrationNames[0] ?? ''] as const,
])('a database on %s of the schema %s', (kind, schema) => {
  it('is brought up to date with all that it holds', async () => {
    const db = await fresh(kind);
    await migrate(db, schema);
    await fillOld(db, schema);
    expect(await schemaOf(db)).toBe(schema);
    const older = await dumpOf(db);
    await migrate(db);
    expect(await schemaOf(db)).toBe(migrationNames.at(-1));
    expect(await listModels(db, { labels: [] }, { sort: 'name', isDescending: false, limit: 5 })).toMatchObject([
      { name: 'late-lodgement-risk', score: 2, owner: '@debt' },
    ]);
    const series = () =>
      readSeries(db, { model: 'late-lodgement-risk', metric: 'model.load', labels: {}, project: null, limit: 100 });
    const before = await series();
    expect(before[0]?.points).toHaveLength(41);
    expect(await sealMonths(db, new Date('2026-06-01T00:00:00Z'), { afterDays: 7 })).toBe(41);
    expect(await series()).toEqual(before);
    expect(await writeReport(db, submissionOf(sampleReport()))).toMatchObject({ modelId: 1, isReplay: false, points: 8 });
    const { rows } = await sql`select sum(n)::int as n, sum(sum) as sum from rollup_week where series_id = 1`.execute(db);
    expect(rows).toEqual([{ n: 41, sum: 820 }]);
    if (kind === 'PGlite') return;
    const moved = await fresh(kind);
    await importStore(moved, linesOf(older));
    expect(await schemaOf(moved)).toBe(migrationNames.at(-1));
    const { rows: kept } = await sql`select count(*)::int as n from point`.execute(moved);
    expect(kept).toEqual([{ n: 41 }]);
  }, 120_000);
});

it.each(postgresIsMissing ? (['PGlite'] as const) : (['PostgreSQL', 'PGlite'] as const))(
  "the operator's token on %s, once named after a role, is named after its owner, and goes on being valid",
  async (kind) => {
    const db = await fresh(kind);
    await migrate(db, '022-rollups-without-references');
    const theirs = { role: 'read', namespace: 'risk', model: '', days: null, createdBy: 'token write' } as const;
    const token = (await ensureOperatorToken(db, false)) ?? '';
    await sql`update token set name = 'write'`.execute(db);
    const own = await createToken(db, { ...theirs, name: 'early' });
    await sql`update token set name = 'operator' where name = 'early'`.execute(db);
    await migrate(db);
    expect(await findToken(db, token)).toMatchObject({ name: 'operator', role: 'admin' });
    expect(await ensureOperatorToken(db, false), 'another is made').toBeNull();
    const { name = '' } = (await findToken(db, own.token)) ?? {};
    expect(name).toMatch(/^operator-[0-9a-f]{8}$/);
    expect((await listTokens(db)).map((row) => row.name)).toEqual(['operator', name]);
    const { rows } = await sql`select subject, detail from audit where action = 'token.renamed' order by id`.execute(db);
    expect(rows).toEqual([
      { subject: 'operator', detail: { to: name } },
      { subject: 'write', detail: { to: 'operator' } },
    ]);
    expect(await chainVerifier(db).whole()).toMatchObject({ broken: null, entries: 4 });
    await expect(createToken(db, { ...theirs, name: 'operator' })).rejects.toThrow(TokenNameTaken);
  },
);
