/** The part of `/openapi.json` about reports, versions, gates and OpenTelemetry. */

import { otlpSchema } from '../otlp.ts';
import { type Get, json, modelId, parameters, problem, table } from './openapi-words.ts';
import * as schemas from './record-schemas.ts';

const modelName = {
  name: 'model',
  in: 'path',
  required: true,
  description: 'Name of the model.',
  schema: { type: 'string', minLength: 1, maxLength: 200 },
};

export function recordPaths(get: Get, posts: { readonly post: object; readonly otlp: { readonly responses: object } }) {
  const noModel = { 404: problem('No such model.') };
  const { 201: _, ...otlpResponses } = posts.otlp.responses as { readonly 201: object };
  return {
    '/v1/reports': {
      post: posts.post,
      ...get(
        'listReports',
        'Reports of all models, newest first.',
        { parameters: parameters(schemas.reportsQuery) },
        { 200: table('A page of reports.', 'ReportsPage') },
      ),
    },
    '/v1/reports/{id}': get(
      'getReport',
      'A report as it was received, of a model that the reader may see.',
      { parameters: [{ ...modelId, description: 'Id of the report.' }] },
      { 200: json('The report.', 'Report'), 404: problem('No such report.') },
    ),
    '/otlp/v1/metrics': { post: { ...posts.otlp, responses: otlpResponses } },
    '/v1/models/{id}/versions': get(
      'listVersions',
      'Versions of a model, newest first.',
      { parameters: [modelId, ...parameters(schemas.versionsQuery)] },
      { 200: table('A page of versions.', 'VersionsPage'), ...noModel },
    ),
    '/v1/gates/{model}': get(
      'getGate',
      'What the gate said last of a model, or of one commit of it.',
      { parameters: [modelName, ...parameters(schemas.gateQuery)] },
      { 200: json('The decision.', 'Gate'), ...noModel },
    ),
  };
}

export const recordComponents = {
  ListedReport: schemas.listedReportSchema,
  ReportsPage: schemas.reportsPageSchema,
  Version: schemas.versionSchema,
  VersionsPage: schemas.versionsPageSchema,
  Gate: schemas.gateSchema,
  OtlpRequest: otlpSchema,
  OtlpAnswer: schemas.otlpAnswerSchema,
};
