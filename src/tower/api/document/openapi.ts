/** `/openapi.json`: OpenAPI 3.1, made of the schemas that validate. */
import reportSchema from '../../../kernel/report.schema.json' with { type: 'json' };
import { ruleSchema } from '../../triggers/rule-schema.ts';
import { signedBadgeSchema } from '../badges.ts';
import { sliceQuery } from '../slice-query.ts';
import { waiversPageSchema } from '../waivers.ts';
import type { ApiDocument } from './api-document.ts';
import { dashboardSchema, dashboardsPageSchema, storedDashboardSchema } from './dashboard-schemas.ts';
import { metricsSchema } from './metrics-schema.ts';
import { badgePaths } from './openapi-badges.ts';
import { dashboardPaths } from './openapi-dashboards.ts';
import { rulePaths, tokenPaths } from './openapi-operator.ts';
import { recordComponents, recordPaths } from './openapi-records.ts';
import { json, modelId, parameters, problem, table, tooMany } from './openapi-words.ts';
import {
  acknowledgementSchema,
  alertInFullSchema,
  alertSchema,
  alertsPageSchema,
  backtestSchema,
  rulesPageSchema,
  storedRuleSchema,
} from './rule-schemas.ts';
import * as schemas from './schemas.ts';
import { metricListSchema, metricsReceiptSchema, sliceSchema } from './slice-schemas.ts';
import * as tokens from './token-schemas.ts';

/** The report's own definitions become components; references follow. */
function moveDefinitions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(moveDefinitions);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [
      key,
      key === '$ref' && typeof child === 'string'
        ? child.replace(
            /^#\/\$defs\/(.)(.*)$/,
            (_, head: string, tail: string) => `#/components/schemas/Report${head.toUpperCase()}${tail}`,
          )
        : moveDefinitions(child),
    ]),
  );
}

function reportComponents(): Record<string, unknown> {
  const { $schema: _, $id: __, $defs, title: ___, ...report } = reportSchema;
  const named = Object.entries($defs).map(([name, schema]) => [
    `Report${name[0]?.toUpperCase()}${name.slice(1)}`,
    moveDefinitions(schema),
  ]);
  return { Report: moveDefinitions(report), ...Object.fromEntries(named) };
}

const post = (operationId: string, summary: string, description: string, body: string, receipt: string) => ({
  operationId,
  summary,
  description,
  security: [{ bearer: [] }],
  parameters: [
    {
      name: 'Idempotency-Key',
      in: 'header',
      description: 'The same key with another body is refused; with the same body nothing is added.',
      schema: { type: 'string', minLength: 1, maxLength: 200, pattern: '^[\\x20-\\x7e]+$' },
    },
  ],
  requestBody: {
    required: true,
    description: 'At most 16 MiB, also unpacked; gzip with Content-Encoding.',
    content: { 'application/json': { schema: { $ref: `#/components/schemas/${body}` } } },
  },
  responses: {
    200: json('It had been stored before.', receipt),
    201: json('Stored.', receipt),
    400: problem('Not JSON, nested too deep, or not gzip.'),
    401: problem('No valid token.'),
    403: problem('Another host or origin.'),
    413: problem('Too large.'),
    415: problem('Not JSON or an unknown encoding.'),
    422: problem('Not valid: pointers say where.'),
    ...tooMany,
    503: problem('The keys of GitLab or the database cannot be reached.'),
  },
});

const postReport = post(
  'postReport',
  'Stores a report once, however often it is sent.',
  'Idempotent by project, job, runner and SHA-256 of the body. Scores are recomputed from the results. ' +
    'With a GitLab id_token the trigger is its pipeline_source, and only a protected default branch writes the record.',
  'Report',
  'Receipt',
);
const postOtlp = post(
  'postOtlpMetrics',
  'Stores metrics of OpenTelemetry (OTLP/HTTP, JSON).',
  'The model is the resource attribute flightcheck.model, else service.name; the environment deployment.environment.name; ' +
    'attributes of a data point are labels. What cannot be stored is told in partialSuccess.',
  'OtlpRequest',
  'OtlpAnswer',
);
const postMetrics = post(
  'postMetrics',
  'Stores numbers of a model that come without a report.',
  'All are stored or none. A series has one value at a time: sent again, it adds nothing. ' +
    'The model must be known by a report. With a GitLab id_token it is one of the project of the job.',
  'Metrics',
  'MetricsReceipt',
);

const tooLong = { description: 'Address and headers are longer than 16 KiB together.' };

export function openApi(version: string): ApiDocument {
  const get = (operationId: string, summary: string, more: object, responses: object) => ({
    get: {
      operationId,
      summary,
      ...more,
      responses: { ...responses, 400: problem('The query cannot be understood.'), 431: tooLong },
    },
  });
  return {
    openapi: '3.1.0',
    info: { title: 'Flightcheck Control Tower', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths: {
      ...recordPaths(get, { post: postReport, otlp: postOtlp }),
      '/v1/metrics': {
        post: postMetrics,
        ...get('listMetrics', 'The metrics there are.', {}, { 200: table('Metrics.', 'MetricList') }),
      },
      '/v1/query': get(
        'querySlice',
        'Slice and dice: any metric, grouped by any label, filtered, in buckets of time.',
        { parameters: parameters(sliceQuery) },
        {
          200: table('The slice.', 'Slice'),
          404: problem('No model has this metric.'),
        },
      ),
      ...dashboardPaths(get),
      ...rulePaths(get),
      ...tokenPaths(get),
      ...badgePaths,
      '/v1/models': get(
        'listModels',
        'Models with an authoritative report.',
        { parameters: parameters(schemas.modelsQuery) },
        { 200: table('A page of models.', 'ModelsPage') },
      ),
      '/v1/models/{id}': get(
        'getModel',
        'One model.',
        { parameters: [modelId] },
        { 200: json('The model.', 'Model'), 404: problem('No such model.') },
      ),
      '/v1/models/{id}/history': get(
        'getHistory',
        'Reports of a model, newest first.',
        { parameters: [modelId, ...parameters(schemas.historyQuery)] },
        { 200: table('A page of reports.', 'HistoryPage'), 404: problem('No such model.') },
      ),
      '/v1/checks': get(
        'listChecks',
        'What the newest run that judged it said of each check of a model. A job sees the models of its own project.',
        { parameters: parameters(schemas.checksQuery) },
        { 200: json('Checks.', 'ChecksPage'), 401: problem('No valid token.') },
      ),
      '/v1/standing': get(
        'getStanding',
        "Scores and outcomes of a model's record. A job sees the models of its own project.",
        { parameters: parameters(schemas.standingQuery) },
        { 200: json('The record.', 'Standing'), 401: problem('No valid token.'), 404: problem('No authoritative report yet.') },
      ),
      '/v1/series': get(
        'listSeries',
        'What the reports of a model measured, run by run. A job sees the models of its own project.',
        { parameters: parameters(schemas.seriesQuery) },
        { 200: table('Series.', 'SeriesPage'), 401: problem('No valid token.') },
      ),
    },
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A token of Control Tower, or an id_token of a GitLab job.' },
      },
      schemas: {
        ...reportComponents(),
        Model: schemas.modelSchema,
        ModelsPage: schemas.modelsPageSchema,
        HistoryEntry: schemas.historyEntrySchema,
        HistoryPage: schemas.historyPageSchema,
        Check: schemas.checkSchema,
        ChecksPage: schemas.checksPageSchema,
        Series: schemas.seriesSchema,
        SeriesPage: schemas.seriesPageSchema,
        Standing: schemas.standingSchema,
        Receipt: schemas.receiptSchema,
        Metrics: metricsSchema,
        MetricsReceipt: metricsReceiptSchema,
        MetricList: metricListSchema,
        Slice: sliceSchema,
        Dashboard: dashboardSchema,
        StoredDashboard: storedDashboardSchema,
        DashboardsPage: dashboardsPageSchema,
        Rule: ruleSchema,
        StoredRule: storedRuleSchema,
        RulesPage: rulesPageSchema,
        Alert: alertSchema,
        AlertInFull: alertInFullSchema,
        Acknowledgement: acknowledgementSchema,
        AlertsPage: alertsPageSchema,
        Backtest: backtestSchema,
        NewToken: tokens.newTokenSchema,
        Token: tokens.tokenSchema,
        MadeToken: tokens.madeTokenSchema,
        TokensPage: tokens.tokensPageSchema,
        AuditPage: tokens.auditPageSchema,
        WaiversPage: waiversPageSchema,
        SignedBadge: signedBadgeSchema,
        ...recordComponents,
        Problem: schemas.problemSchema,
      },
    },
  } as object as ApiDocument;
}
