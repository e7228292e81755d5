/** JSON Schemas of rules and alerts. */
import { ruleSchema } from '../triggers/rule-schema.ts';
import type { QuerySchema } from './query.ts';
import { object, orNull } from './schema-words.ts';

const text = { type: 'string' } as const;
const number = { type: 'number' } as const;
const integer = { type: 'integer' } as const;
const time = { type: 'string', format: 'date-time' } as const;

const page = {
  limit: { type: 'integer', description: 'Items on a page.', minimum: 1, maximum: 200, default: 50 },
  cursor: { type: 'string', description: '`next` of the page before.', maxLength: 2000 },
} as const;
const next = { ...orNull(text), description: 'Cursor of the next page; null on the last.' } as const;

export interface RulesQuery {
  readonly limit: number;
  readonly cursor?: string;
}

export const rulesQuery = { type: 'object', additionalProperties: false, properties: page } as const satisfies QuerySchema;

export const alertsQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    state: { type: 'string', description: 'Only these.', enum: ['open', 'closed'] },
    model: { type: 'string', description: 'Id of a model.', pattern: '^[1-9][0-9]{0,14}$' },
    ...page,
  },
} as const satisfies QuerySchema;

export interface AlertsQuery extends RulesQuery {
  readonly state?: 'open' | 'closed';
  readonly model?: string;
}

export const backtestQuery = {
  type: 'object',
  additionalProperties: false,
  properties: { days: { type: 'integer', description: 'Days up to now.', minimum: 1, maximum: 1000, default: 90 } },
} as const satisfies QuerySchema;

export interface BacktestQuery {
  readonly days: number;
}

export const storedRuleSchema = {
  ...ruleSchema,
  description: 'A rule.',
  required: [...Object.keys(ruleSchema.properties), 'id', 'model', 'createdBy', 'createdAt', 'judgesFrom', 'open', 'alerts'],
  properties: {
    ...ruleSchema.properties,
    id: text,
    model: { ...orNull(text), description: 'The model in whose flightcheck.yml it stands; null: made by an admin.' },
    createdBy: text,
    createdAt: time,
    judgesFrom: { ...time, description: 'Values after it are judged.' },
    open: { ...integer, description: 'Alerts that are open.' },
    alerts: { ...integer, description: 'All alerts that it raised.' },
  },
} as const;
export const rulesPageSchema = object('Rules, by name.', {
  items: { type: 'array', items: { $ref: '#/components/schemas/StoredRule' } },
  next,
});

const labels = { type: 'object', additionalProperties: text } as const;

export const alertSchema = object('An alert.', {
  id: text,
  uid: { ...text, description: 'What pipelines carry as FLIGHTCHECK_ALERT_ID.' },
  state: { type: 'string', enum: ['open', 'closed'] },
  rule: object('The rule that raised it.', { id: text, name: text }),
  severity: { type: 'string', enum: ['info', 'warning', 'critical'] },
  model: object('Of which model.', { id: text, name: text, project: text, owner: orNull(text) }),
  metric: text,
  labels,
  value: { ...number, description: 'Value that opened it.' },
  openedAt: time,
  closedAt: orNull(time),
  acknowledged: {
    description: 'Who has taken notice; null while nobody has.',
    anyOf: [object('The newest.', { at: time, by: text, why: text }), { type: 'null' }],
  },
  deliveries: {
    type: 'array',
    items: object('What was done for it.', {
      event: { type: 'string', enum: ['opened', 'closed'] },
      action: { ...integer, description: 'Place in the actions of the rule.' },
      state: { type: 'string', enum: ['waiting', 'done', 'refused'] },
      attempts: integer,
      result: { ...orNull(text), description: 'Address of what was made, or why it is not done.' },
    }),
  },
});
export const acknowledgementSchema = object('That somebody has taken notice of an alert.', {
  why: { ...text, minLength: 1, maxLength: 500, pattern: '\\S', description: 'What is done about it, or why nothing is.' },
});
export const alertsPageSchema = object('Alerts, newest first.', {
  items: { type: 'array', items: { $ref: '#/components/schemas/Alert' } },
  next,
});

export const backtestSchema = object('What a rule would have raised.', {
  rule: text,
  days: integer,
  series: { ...integer, description: 'Series that it looks at.' },
  complete: { type: 'boolean', description: 'False when there were more series than are judged at once.' },
  alerts: {
    type: 'array',
    items: object('An alert that would have been.', {
      model: object('Of which model.', { id: text, name: text }),
      labels,
      value: number,
      openedAt: time,
      closedAt: orNull(time),
    }),
  },
});
