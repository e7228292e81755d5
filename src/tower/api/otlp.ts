/**
 * POST /otlp/v1/metrics: OpenTelemetry metrics (OTLP/HTTP, JSON). The model is the resource attribute `flightcheck.model`, else
 * `service.name`; the environment is `deployment.environment.name`. Attributes of a data point are its labels. What cannot be
 * stored is told as a partial success, as the protocol says; what can be is stored once, however often it is sent.
 */
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import reportSchema from '../../kernel/report.schema.json' with { type: 'json' };
import type { Metric } from '../../kernel/report.ts';
import { writerOf } from '../auth/access.ts';
import { metricsEvidenceOf } from '../auth/evidence.ts';
import { writeMetrics } from '../store/write-metrics.ts';
import { parseJson, readBody } from './json.ts';
import { modelOf } from './metrics.ts';
import { sayFaults } from './plain-errors.ts';
import { answeringRefusals, needJson } from './posts.ts';
import { HttpProblem } from './problem.ts';
import type { ReportsOptions } from './reports.ts';
import { ajv, metricProblems, timeProblems } from './validate.ts';

type Json = Readonly<Record<string, unknown>>;

export const otlpSchema = {
  type: 'object',
  description: 'ExportMetricsServiceRequest of OpenTelemetry.',
  required: ['resourceMetrics'],
  properties: { resourceMetrics: { type: 'array', items: { type: 'object' }, maxItems: 1000 } },
} as const;

const isRequest = ajv.compile<{ resourceMetrics: readonly Json[] }>(otlpSchema);
const isMetric = ajv.compile<Metric>(reportSchema.$defs.metric);

const mapOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
const listOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.map(mapOf) : []);

/** An AnyValue as text. */
function textOf(value: unknown): string {
  const any = mapOf(value);
  const [first] = Object.values(any);
  return typeof first === 'object' ? JSON.stringify(first) : String(first ?? '');
}

const attributesOf = (value: unknown): Record<string, string> =>
  Object.fromEntries(listOf(value).map(({ key, value: text }) => [String(key ?? ''), textOf(text)]));

/** 64-bit numbers are text in JSON. */
const numberOf = (value: unknown): number =>
  typeof value === 'number' ? value : typeof value === 'string' && value !== '' ? Number(value) : Number.NaN;

/** Nanoseconds since 1970, as PostgreSQL and we keep it: microseconds. */
function timeOf(nanos: unknown): string | undefined {
  const text = String(nanos ?? '');
  if (!/^\d{1,20}$/.test(text) || text === '0') return undefined;
  const micros = BigInt(text) / 1000n;
  const ms = Number(micros / 1000n);
  if (ms > 8.64e15) return undefined;
  return new Date(ms)
    .toISOString()
    .replace(/\.(\d{3})Z$/, (_, digits: string) => `.${digits}${String(micros % 1000n).padStart(3, '0')}Z`);
}

interface Value {
  readonly suffix: string;
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

function* valuesOf(kind: string, point: Json): Generator<Value> {
  if (kind === 'gauge' || kind === 'sum') return yield { suffix: '', value: numberOf(point.asDouble ?? point.asInt) };
  for (const name of ['count', 'sum', 'min', 'max'])
    if (point[name] !== undefined) yield { suffix: `.${name}`, value: numberOf(point[name]) };
  for (const { quantile, value } of listOf(point.quantileValues))
    yield { suffix: '', value: numberOf(value), labels: { quantile: String(quantile) } };
}

/** Names of OpenTelemetry may have capitals, dashes and slashes; ours have not. */
const nameOf = (name: unknown): string =>
  String(name ?? '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9_.]+/g, '_');

type Timed = Metric & { readonly at: string };

interface Read {
  readonly good: Timed[];
  rejected: number;
  readonly reasons: Set<string>;
}

const kinds = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const;

function readMetric(metric: Json, now: Date, read: Read): void {
  const kind = kinds.find((name) => metric[name] !== undefined);
  for (const point of listOf(mapOf(kind && metric[kind]).dataPoints)) {
    // Bit 1: no value was recorded.
    if ((numberOf(point.flags) & 1) === 1) continue;
    const at = timeOf(point.timeUnixNano);
    const found = [...valuesOf(kind ?? '', point)].map(({ suffix, value, labels }) => ({
      name: `${nameOf(metric.name)}${suffix}`,
      value,
      ...(metric.unit !== undefined && { unit: String(metric.unit) }),
      labels: { ...attributesOf(point.attributes), ...labels },
    }));
    const problem =
      found.length === 0 ? 'a data point has no value' : at === undefined ? 'timeUnixNano is missing' : problemOf(found, at, now);
    if (problem === null && at !== undefined) read.good.push(...found.map((one) => ({ ...one, at })));
    else {
      read.rejected += 1;
      if (problem !== null && read.reasons.size < 5) read.reasons.add(`${String(metric.name ?? '').slice(0, 100)}: ${problem}`);
    }
  }
}

function problemOf(found: readonly Metric[], at: string, now: Date): string | null {
  for (const one of found) {
    if (!Number.isFinite(one.value)) return 'the value is not a finite number';
    if (!isMetric(one)) {
      const [fault] = sayFaults(isMetric.errors);
      return fault ? `${fault.pointer} ${fault.detail}` : 'is not valid';
    }
  }
  const [first] = [...metricProblems(found), ...timeProblems('timeUnixNano', at, now)];
  return first?.detail ?? null;
}

export const postOtlp =
  ({ db, verifyIdToken, defaultBranches, limits }: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const principal = await writerOf(c, db, verifyIdToken);
    const { scope, writtenBy, previewBecause } = metricsEvidenceOf(principal, defaultBranches);
    needJson(c);
    const bytes = await readBody(c.req.raw, limits);
    const body = parseJson(bytes, limits, 'invalid-metrics');
    if (!isRequest(body))
      throw new HttpProblem('invalid-metrics', 'This is no ExportMetricsServiceRequest.', sayFaults(isRequest.errors));
    const now = new Date();
    let rejected = 0;
    const reasons = new Set<string>();
    for (const entry of body.resourceMetrics) {
      const resource = attributesOf(mapOf(entry.resource).attributes);
      const read: Read = { good: [], rejected: 0, reasons };
      for (const part of listOf(entry.scopeMetrics)) for (const metric of listOf(part.metrics)) readMetric(metric, now, read);
      rejected += read.rejected;
      if (read.good.length === 0) continue;
      try {
        const name = resource['flightcheck.model'] ?? resource['service.name'] ?? '';
        const model = await modelOf(db, { name: name.slice(0, 200), projectPath: resource['flightcheck.project'], scope });
        await answeringRefusals(writeMetrics)(db, {
          modelId: model.id,
          projectId: model.projectId,
          writtenBy,
          refClass: previewBecause === null ? 'authoritative' : 'preview',
          environment: (resource['deployment.environment.name'] ?? resource['deployment.environment'] ?? '').slice(0, 100),
          at: now.toISOString(),
          measurements: read.good.map(({ name: metric, value, unit, labels = {}, at }) => ({
            name: metric,
            value,
            unit,
            labels,
            at,
          })),
          sha256: createHash('sha256').update(bytes).digest('hex'),
          idempotencyKey: null,
        });
      } catch (error) {
        if (!(error instanceof HttpProblem) || error.kind !== 'invalid-metrics') throw error;
        rejected += read.good.length;
        const [first] = error.errors ?? [];
        reasons.add(first?.detail ?? error.message);
      }
    }
    const partialSuccess = { rejectedDataPoints: String(rejected), errorMessage: [...reasons].join('; ').slice(0, 2000) };
    return c.json(rejected > 0 ? { partialSuccess } : {});
  };
