/** POST /v1/metrics: numbers of a model that come without a report, from a monitor, a task or a script. */
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import type { Metric } from '../../kernel/report.ts';
import { writerOf } from '../auth/access.ts';
import { metricsEvidenceOf } from '../auth/evidence.ts';
import type { Problem } from '../rescore.ts';
import type { Database } from '../store/database.ts';
import { recently } from '../store/recent.ts';
import { type ModelName, modelsNamed, type NamedModel, writeMetrics } from '../store/write-metrics.ts';
import { metricsSchema } from './document/metrics-schema.ts';
import { parseJson, readBody } from './json.ts';
import { sayFaults } from './plain-errors.ts';
import { answeringRefusals, idempotencyKeyOf, needJson } from './posts.ts';
import { HttpProblem } from './problem.ts';
import type { ReportsOptions } from './reports.ts';
import { ajv, metricProblems, timeProblems } from './validate.ts';

interface MetricsBody {
  readonly model: string;
  readonly project?: string;
  readonly environment?: string;
  readonly alert?: string;
  readonly at?: string;
  readonly metrics: readonly (Metric & { readonly at?: string })[];
}

const isMetricsBody = ajv.compile<MetricsBody>(metricsSchema);

function* problemsOf(body: MetricsBody, now: Date): Generator<Problem> {
  yield* metricProblems(body.metrics);
  if (body.at !== undefined) yield* timeProblems('/at', body.at, now);
  for (const [i, { at }] of body.metrics.entries()) if (at !== undefined) yield* timeProblems(`/metrics/${i}/at`, at, now);
}

/** @throws HttpProblem 422 with JSON pointers. */
function validMetrics(value: unknown, now: Date): MetricsBody {
  if (!isMetricsBody(value))
    throw new HttpProblem('invalid-metrics', 'The metrics do not fit their schema.', sayFaults(isMetricsBody.errors));
  const problems: Problem[] = [];
  for (const problem of problemsOf(value, now)) if (problems.push(problem) === 20) break;
  if (problems.length > 0) throw new HttpProblem('invalid-metrics', 'The metrics cannot be stored.', problems);
  return value;
}

/** A name that means no model is more often a typing error than a new model: reports make models. */
export const modelOf = (db: Database, wanted: ModelName): Promise<NamedModel> =>
  recently(db, `model ${JSON.stringify(wanted)}`, () => lookUpModel(db, wanted));

async function lookUpModel(db: Database, wanted: ModelName): Promise<NamedModel> {
  const found = await modelsNamed(db, wanted);
  const [model] = found;
  if (!model)
    throw new HttpProblem('invalid-metrics', 'No report has made this model known yet.', [
      {
        pointer: wanted.projectPath === undefined ? '/model' : '/project',
        detail: `there is no model ${wanted.name}${wanted.scope ? ' among those that this sender may write for' : ''}; post its first report before its metrics`,
      },
    ]);
  if (found.length > 1)
    throw new HttpProblem('invalid-metrics', 'Several projects have a model of this name.', [
      { pointer: '/project', detail: `is needed: one of ${found.map(({ project }) => project).join(', ')}` },
    ]);
  return model;
}

export const postMetrics =
  ({ db, verifyIdToken, defaultBranches, limits }: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const principal = await writerOf(c, db, verifyIdToken);
    const { scope, writtenBy, previewBecause } = metricsEvidenceOf(principal, defaultBranches);
    needJson(c);
    const idempotencyKey = idempotencyKeyOf(c);
    const bytes = await readBody(c.req.raw, limits);
    const now = new Date();
    const body = validMetrics(parseJson(bytes, limits, 'invalid-metrics'), now);
    const model = await modelOf(db, { name: body.model, projectPath: body.project, scope });
    const refClass = previewBecause === null ? 'authoritative' : 'preview';
    const added = await answeringRefusals(writeMetrics)(db, {
      modelId: model.id,
      projectId: model.projectId,
      writtenBy,
      refClass,
      environment: body.environment ?? '',
      at: body.at ?? now.toISOString(),
      measurements: body.metrics.map(({ name, value, unit, labels = {}, at }) => ({ name, value, unit, labels, at })),
      sha256: createHash('sha256').update(bytes).digest('hex'),
      idempotencyKey,
      alert: body.alert ?? null,
    });
    const received = body.metrics.length;
    return c.json(
      {
        model: { id: String(model.id), url: `/models/${model.id}` },
        record: refClass,
        previewBecause,
        received,
        added,
        known: received - added,
      },
      added > 0 ? 201 : 200,
    );
  };
