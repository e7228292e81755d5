/** Schema of a rule as the API takes it. */
import { object } from '../api/document/schema-words.ts';

const number = { type: 'number' } as const;
const name = { type: 'string', minLength: 1, maxLength: 110 } as const;

const condition = {
  type: 'object',
  additionalProperties: false,
  required: ['of', 'is', 'limit'],
  properties: {
    of: {
      enum: ['value', 'change'],
      description: 'The value itself, or its relative difference from the mean of up to 14 values before.',
    },
    is: { enum: ['above', 'below'] },
    limit: { ...number, minimum: -1e300, maximum: 1e300 },
    closesAt: { ...number, minimum: -1e300, maximum: 1e300, description: 'Where the alert closes; the limit when absent.' },
    times: { type: 'integer', minimum: 1, maximum: 1000, description: 'Values in a row; 1 when absent.' },
  },
} as const;

const absence = object('No value for so long.', { absentHours: { ...number, minimum: 0.01, maximum: 100_000 } });

const actions = [
  object('A signed webhook (Standard Webhooks, CloudEvents).', {
    do: { const: 'webhook' },
    to: { ...name, description: 'A destination that the server knows by this name.' },
  }),
  {
    type: 'object',
    additionalProperties: false,
    required: ['do', 'ref'],
    description: "A pipeline of the model's GitLab project, with FLIGHTCHECK_ALERT_ID among its variables.",
    properties: {
      do: { const: 'pipeline' },
      ref: { type: 'string', minLength: 1, maxLength: 200 },
      variables: {
        type: 'object',
        maxProperties: 20,
        propertyNames: { pattern: '^(?!FLIGHTCHECK_ALERT)[A-Z_][A-Z0-9_]{0,99}$' },
        additionalProperties: { type: 'string', maxLength: 1000 },
      },
    },
  },
  object("A run of an Airflow DAG, with the alert's id as its own and in its conf.", {
    do: { const: 'airflow' },
    at: { ...name, description: 'An Airflow that the server knows by this name.' },
    dag: { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,250}$', description: 'Id of the DAG.' },
  }),
  object("An issue of the model's GitLab project, closed with the alert.", { do: { const: 'issue' } }),
] as const;

export const ruleSchema = {
  type: 'object',
  description: 'When the values of a metric raise an alert, and what is done then.',
  additionalProperties: false,
  required: ['name', 'metric', 'when'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 100 },
    metric: { ...name, maxLength: 100 },
    where: {
      type: 'object',
      description: 'Only series and models with these labels; names as in /v1/query.',
      maxProperties: 16,
      propertyNames: { maxLength: 110, minLength: 1 },
      additionalProperties: { type: 'array', minItems: 1, maxItems: 50, items: { type: 'string', maxLength: 300 } },
      default: {},
    },
    when: { anyOf: [condition, absence] },
    severity: { enum: ['info', 'warning', 'critical'], default: 'warning' },
    cooldownHours: { ...number, minimum: 0, maximum: 10_000, default: 24 },
    pipelinesPerDay: {
      type: 'integer',
      description:
        'Pipelines and DAG runs that all rules together may start for a model in 24 hours; rules of a repository, for all its models together.',
      minimum: 0,
      maximum: 100,
      default: 2,
    },
    retrainsInARow: {
      type: 'integer',
      description:
        'Pipelines and DAG runs in a row, each started because the version that the one before had made raised the alert again within 14 days. Then a person has to look.',
      minimum: 1,
      maximum: 100,
      default: 2,
    },
    actions: { type: 'array', maxItems: 8, uniqueItems: true, items: { anyOf: actions }, default: [] },
    enabled: { type: 'boolean', description: 'Judges values that come from now on.', default: false },
    namespace: {
      type: 'string',
      maxLength: 500,
      pattern: '^([^/\\s]+(/[^/\\s]+)*)?$',
      description:
        'Looks at projects of this path and below alone, and may do what the operator allows there; empty: all projects. When absent: the only namespace of which the sender is admin.',
    },
  },
} as const;
