/** POST /v1/reports. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Context } from 'hono';
import type { Report } from '../../kernel/report.ts';
import type { ActionTargets } from '../../kernel/tower-actions.ts';
import { writerOf } from '../auth/access.ts';
import { evidenceOf } from '../auth/evidence.ts';
import type { VerifyIdToken } from '../auth/gitlab.ts';
import type { NoteBroker } from '../notes/broker.ts';
import { rescore, type Schedules } from '../rescore.ts';
import type { Database } from '../store/database.ts';
import { readChecks } from '../store/read-checks.ts';
import { rubricOf, structureOf } from '../store/suites.ts';
import { type Writer, writeReport } from '../store/write-report.ts';
import { type Limits, parseJson, readBody } from './json.ts';
import { answeringRefusals, idempotencyKeyOf, needJson } from './posts.ts';
import { rulesOf } from './repository-rules.ts';
import { validReport } from './validate.ts';

export interface ReportsOptions {
  readonly db: Database;
  readonly verifyIdToken: VerifyIdToken | null;
  readonly defaultBranches: readonly string[];
  readonly limits: Limits;
  /** Writes notes on merge requests; null: this server may not. */
  readonly note?: NoteBroker | null;
  /** What rules can do, and those of repositories may. */
  readonly actions: ActionTargets;
}

const zip = promisify(gzip);

/** Asked for only when the report rests on earlier runs. */
async function schedulesOf(db: Database, { model, suites }: Report, writer: Writer): Promise<Schedules> {
  const rests = suites.some(({ sections }) => sections.some(({ results }) => results.some((one) => one.lastScheduled?.counts)));
  if (!rests) return new Map();
  const project = { issuer: writer.issuer, externalId: writer.projectId };
  const filter = { model: model.name, project, suite: 'ml-test-score', section: 'monitor', trigger: 'schedule' };
  const rows = await readChecks(db, filter);
  return new Map(rows.flatMap(({ check, outcome, at }) => (outcome === 'pass' ? [[check, at] as const] : [])));
}

export const postReport =
  ({ db, verifyIdToken, defaultBranches, limits, note = null, actions }: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    // Who it is comes first: strangers make the server read nothing.
    const principal = await writerOf(c, db, verifyIdToken);
    needJson(c);
    const idempotencyKey = idempotencyKeyOf(c);
    const bytes = await readBody(c.req.raw, limits);
    const received = validReport(parseJson(bytes, limits), new Date());
    const { writer, trigger, previewBecause } = evidenceOf(principal, received, defaultBranches);
    const report = rescore(received, trigger, await schedulesOf(db, received, writer));
    const refClass = previewBecause === null ? 'authoritative' : 'preview';
    // A token may write numbers; who watches them is said by the branch that is protected.
    const taken =
      received.rules && principal.kind === 'job' && refClass === 'authoritative'
        ? rulesOf(received, writer.projectPath, actions)
        : null;
    const written = await answeringRefusals(writeReport)(db, {
      writer,
      report,
      refClass,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      body: await zip(bytes),
      idempotencyKey,
      rules: taken?.kept,
    });
    const rubric = rubricOf(report);
    const url = `/models/${written.modelId}`;
    const noted =
      note && principal.kind === 'job' && principal.claims.pipelineSource === 'merge_request_event'
        ? await note({ claims: principal.claims, report, modelId: written.modelId })
        : null;
    return c.json(
      {
        id: String(written.reportId),
        model: { id: String(written.modelId), url },
        record: refClass,
        previewBecause,
        replayed: written.isReplay,
        trigger,
        score: rubric?.score ?? null,
        paperScore: rubric?.paperScore ?? null,
        band: rubric?.band ?? null,
        structureScore: structureOf(report)?.score ?? null,
        complete: report.complete,
        points: written.points,
        note: noted,
        rules: taken && { kept: taken.kept.length, refused: taken.refused, warnings: taken.warnings },
      },
      written.isReplay ? 200 : 201,
      { location: url },
    );
  };
