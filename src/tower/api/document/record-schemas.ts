/** JSON Schemas of reports, versions and gates. */
import type { QuerySchema } from '../query.ts';
import { object, orNull } from './schema-words.ts';
import { historyEntrySchema, page, paging } from './schemas.ts';

const text = { type: 'string' } as const;
const time = { type: 'string', format: 'date-time' } as const;
const gate = { type: ['string', 'null'], enum: ['passed', 'failed', null] } as const;

export const reportsQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    model: { type: 'string', description: 'Name of the model, exactly.', minLength: 1, maxLength: 200 },
    record: { type: 'string', description: 'Only these reports.', enum: ['authoritative', 'preview'] },
    runner: { type: 'string', description: 'Only of this runner, such as score.', minLength: 1, maxLength: 60 },
    trigger: { type: 'string', description: 'Only with this trigger, such as schedule.', minLength: 1, maxLength: 60 },
    commit: { type: 'string', description: 'Only of this commit.', minLength: 1, maxLength: 200 },
    ...paging,
  },
} as const satisfies QuerySchema;
export interface ReportsQuery {
  readonly model?: string;
  readonly record?: 'authoritative' | 'preview';
  readonly runner?: string;
  readonly trigger?: string;
  readonly commit?: string;
  readonly limit: number;
  readonly cursor?: string;
}

export const versionsQuery = { type: 'object', additionalProperties: false, properties: paging } as const satisfies QuerySchema;
export interface VersionsQuery {
  readonly limit: number;
  readonly cursor?: string;
}

export const gateQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    project: {
      type: 'string',
      description: 'Path of the project, where several have a model of that name.',
      minLength: 1,
      maxLength: 1000,
    },
    commit: {
      type: 'string',
      description: 'The decision about this commit; the newest when absent.',
      minLength: 1,
      maxLength: 200,
    },
  },
} as const satisfies QuerySchema;
export interface GateQuery {
  readonly project?: string;
  readonly commit?: string;
}

const { required, properties } = historyEntrySchema;
export const listedReportSchema = {
  ...historyEntrySchema,
  required: [...required, 'model'],
  properties: { ...properties, model: object('Its model.', { id: text, name: text, project: text }) },
};
export const reportsPageSchema = page({ $ref: '#/components/schemas/ListedReport' });

export const versionSchema = object('A version: a commit and the digest of its artifact.', {
  id: text,
  commit: text,
  artifactDigest: orNull(text),
  labels: { type: 'object', additionalProperties: text },
  createdAt: time,
  reports: { type: 'integer', description: 'Reports of it.' },
  score: orNull({ type: 'number' }),
  gate,
});
export const versionsPageSchema = page({ $ref: '#/components/schemas/Version' });

export const gateSchema = object('The newest authoritative decision.', {
  model: object('The model.', { id: text, name: text, project: text, url: text }),
  gate: { ...gate, description: 'Null: nothing was decided.' },
  at: orNull(time),
  commit: orNull(text),
  complete: orNull({ type: 'boolean' }),
  score: orNull({ type: 'number' }),
  report: { ...orNull(text), description: 'Id of the report that decided.' },
});

export const otlpAnswerSchema = {
  type: 'object',
  description: 'ExportMetricsServiceResponse of OpenTelemetry.',
  properties: {
    partialSuccess: object('What was not stored, and why.', { rejectedDataPoints: text, errorMessage: text }),
  },
} as const;
