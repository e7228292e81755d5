/** JSON Schemas of rules and alerts. */
import type { RuleDefinition } from '../../triggers/rule.ts';
import { ruleSchema } from '../../triggers/rule-schema.ts';
import type { QuerySchema } from '../query.ts';
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
    rule: { type: 'string', description: 'Id of a rule.', pattern: '^[1-9][0-9]{0,14}$' },
    severity: { type: 'string', description: 'Of the rule.', enum: ['info', 'warning', 'critical'] },
    owner: { type: 'string', description: 'Owner of the model.', maxLength: 500 },
    ...page,
  },
} as const satisfies QuerySchema;

export interface AlertsQuery extends RulesQuery {
  readonly state?: 'open' | 'closed';
  readonly model?: string;
  readonly rule?: string;
  readonly severity?: RuleDefinition['severity'];
  readonly owner?: string;
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
  required: [
    ...Object.keys(ruleSchema.properties),
    'id',
    'model',
    'createdBy',
    'createdAt',
    'judgesFrom',
    'open',
    'alerts',
    'warnings',
  ],
  properties: {
    ...ruleSchema.properties,
    id: text,
    model: { ...orNull(text), description: 'The model in whose flightcheck.yml it stands; null: made by an admin.' },
    createdBy: text,
    createdAt: time,
    judgesFrom: { ...time, description: 'Values after it are judged.' },
    open: { ...integer, description: 'Alerts that are open.' },
    alerts: { ...integer, description: 'All alerts that it raised.' },
    warnings: {
      type: 'array',
      items: object('Something that this server cannot do for it, as it is configured: it waits.', {
        pointer: { ...text, description: 'Into the rule, /actions/0.' },
        detail: text,
      }),
    },
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

const record = { type: 'string', enum: ['authoritative', 'preview'] } as const;
const otherAlert = object('Another alert of the rule.', { id: text, openedAt: time, closedAt: orNull(time), value: number });
const followedSchema = object('What came of it, by what its pipelines and DAG runs said.', {
  versions: {
    type: 'array',
    items: object('A version that was made for it, the newest first.', {
      commit: orNull(text),
      pipeline: orNull(text),
      jobUrl: orNull(text),
      at: { ...time, description: 'Of its first report.' },
      reports: integer,
      record,
      score: { ...orNull(number), description: 'Passing score of the ML Test Score, 0 to 7.' },
      gate: { type: ['string', 'null'], enum: ['passed', 'failed', null] },
    }),
  },
  numbers: {
    type: 'array',
    items: object('Numbers that what it started has posted, the newest first.', {
      writtenBy: text,
      environment: text,
      at: { ...time, description: 'When the first came.' },
      points: { ...integer, description: 'Values.' },
      record,
    }),
  },
  before: {
    description: 'The alert for which the version that raised this one was made.',
    anyOf: [otherAlert, { type: 'null' }],
  },
  after: { type: 'array', items: otherAlert, description: 'Alerts that the versions made for this one have raised.' },
  now: {
    description: 'The newest value of its series, where one came since.',
    anyOf: [object('A value.', { value: number, at: time }), { type: 'null' }],
  },
});
export const alertInFullSchema = {
  ...alertSchema,
  description: 'An alert with what came of it.',
  required: [...alertSchema.required, 'followed'],
  properties: { ...alertSchema.properties, followed: followedSchema },
};

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
  series: { ...integer, description: 'Series that were judged: of those that it looks at all, or the first.' },
  complete: { type: 'boolean', description: 'False when there are more series, which would have taken too long.' },
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
