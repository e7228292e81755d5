/** JSON Schemas of what the API takes and answers: they validate queries, and `/openapi.json` is made of them. */
import { gateStates, type SectionId, sectionIds, sortKeys } from '../../store/list-models.ts';
import { labelSchema, type QuerySchema } from '../query.ts';
import { object, orNull } from './schema-words.ts';

const text = { type: 'string' } as const;
const number = { type: 'number' } as const;
const time = { type: 'string', format: 'date-time' } as const;
export const paging = {
  limit: { type: 'integer', description: 'Items on a page.', minimum: 1, maximum: 200, default: 50 },
  cursor: { type: 'string', description: '`next` of the page before.', maxLength: 2000 },
} as const;

export const modelsQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    q: { type: 'string', description: 'Part of the name or title.', maxLength: 200 },
    owner: { type: 'string', description: 'Owner, exactly.', maxLength: 500 },
    tier: { type: 'string', description: 'Tier, exactly.', maxLength: 100 },
    language: { type: 'string', description: 'Language, exactly.', maxLength: 100 },
    label: {
      type: 'array',
      description: 'A label as NAME:VALUE; given several times, all must hold.',
      items: labelSchema,
      maxItems: 16,
      default: [],
    },
    gate: { type: 'string', description: 'Last decision of the gate.', enum: gateStates },
    weakest: {
      type: 'string',
      description: 'Section that sets the ML Test Score, alone or with others.',
      enum: sectionIds,
    },
    sort: { type: 'string', description: 'Order of the models.', enum: sortKeys, default: 'name' },
    order: { type: 'string', description: 'Direction.', enum: ['asc', 'desc'], default: 'asc' },
    ...paging,
  },
} as const satisfies QuerySchema;

export interface ModelsQuery {
  readonly q?: string;
  readonly owner?: string;
  readonly tier?: string;
  readonly language?: string;
  readonly label: readonly string[];
  readonly gate?: (typeof gateStates)[number];
  readonly weakest?: SectionId;
  readonly sort: (typeof sortKeys)[number];
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly cursor?: string;
}

export const historyQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    record: { type: 'string', description: 'Only these reports.', enum: ['authoritative', 'preview'] },
    ...paging,
  },
} as const satisfies QuerySchema;

export interface HistoryQuery {
  readonly record?: 'authoritative' | 'preview';
  readonly limit: number;
  readonly cursor?: string;
}

export const seriesQuery = {
  type: 'object',
  additionalProperties: false,
  required: ['model', 'metric'],
  properties: {
    model: { type: 'string', description: 'Name of the model.', minLength: 1, maxLength: 200 },
    metric: { type: 'string', description: 'Name of the metric.', minLength: 1, maxLength: 200 },
    label: {
      type: 'array',
      description: 'A label of the series as NAME:VALUE; given several times, all must hold.',
      items: labelSchema,
      maxItems: 16,
      default: [],
    },
    limit: { type: 'integer', description: 'Newest points of each series.', minimum: 1, maximum: 1000, default: 200 },
  },
} as const satisfies QuerySchema;

export interface SeriesQuery {
  readonly model: string;
  readonly metric: string;
  readonly label: readonly string[];
  readonly limit: number;
}

export const checksQuery = {
  type: 'object',
  additionalProperties: false,
  required: ['model'],
  properties: {
    model: { type: 'string', description: 'Name of the model.', minLength: 1, maxLength: 200 },
    suite: { type: 'string', description: 'Suite.', minLength: 1, maxLength: 100, default: 'ml-test-score' },
    section: { type: 'string', description: 'Only this section.', minLength: 1, maxLength: 100 },
    trigger: { type: 'string', description: 'Only runs with this trigger, such as schedule.', minLength: 1, maxLength: 60 },
  },
} as const satisfies QuerySchema;

export interface ChecksQuery {
  readonly model: string;
  readonly suite: string;
  readonly section?: string;
  readonly trigger?: string;
}

export const checkSchema = object('The newest judgement of a check, of the authoritative record.', {
  check: { ...text, description: 'Id of the check.' },
  section: text,
  outcome: { type: 'string', enum: ['pass', 'fail'] },
  at: time,
  trigger: { ...text, description: "GitLab's pipeline source, from the id_token." },
  ref: orNull(text),
  commit: orNull(text),
  project: { ...text, description: 'Path of the project.' },
  model: { ...text, description: 'Id of the model.' },
  report: { ...text, description: 'Id of the report.' },
});
export const checksPageSchema = object('Checks.', { items: { type: 'array', items: { $ref: '#/components/schemas/Check' } } });

export const standingQuery = {
  type: 'object',
  additionalProperties: false,
  required: ['model'],
  properties: { model: { type: 'string', description: 'Name of the model.', minLength: 1, maxLength: 200 } },
} as const satisfies QuerySchema;

export interface StandingQuery {
  readonly model: string;
}

const standingResult = object('A check.', { check: text, outcome: text, points: orNull(number) });
const standingSection = object('A section.', {
  id: text,
  score: orNull(number),
  results: { type: 'array', items: standingResult },
});
const standingSuite = object('A suite.', {
  id: text,
  score: orNull(number),
  paperScore: orNull(number),
  sections: { type: 'array', items: standingSection },
});
export const standingSchema = object('Scores and outcomes of the newest authoritative reports of a model.', {
  model: { ...text, description: 'Id of the model.' },
  name: text,
  at: time,
  commit: orNull(text),
  ref: orNull(text),
  trigger: text,
  suites: { type: 'array', items: standingSuite },
});

export const seriesSchema = object('The points of one series of the authoritative record, newest last.', {
  id: text,
  model: { ...text, description: 'Id of the model.' },
  metric: text,
  project: { ...text, description: 'Path of the project.' },
  unit: text,
  labels: { type: 'object', additionalProperties: text },
  points: { type: 'array', items: object('A point.', { at: time, value: number }) },
});
export const seriesPageSchema = object('Series.', { items: { type: 'array', items: { $ref: '#/components/schemas/Series' } } });

export const modelSchema = object('A model as its newest authoritative reports show it.', {
  id: { ...text, description: 'Id in this Tower.' },
  name: text,
  title: orNull(text),
  owner: orNull(text),
  tier: text,
  language: orNull(text),
  labels: { type: 'object', additionalProperties: text },
  project: { ...text, description: 'Path of the project.' },
  score: { ...orNull(number), description: 'Passing score of the ML Test Score, 0 to 7.' },
  paperScore: { ...orNull(number), description: 'Paper score, 0 to 7.' },
  band: { ...orNull(text), description: "The paper's words for the passing score." },
  sections: object('Passing score of each section.', {
    data: orNull(number),
    model: orNull(number),
    infra: orNull(number),
    monitor: orNull(number),
  }),
  structureScore: { ...orNull(number), description: 'Structure score, 0 to 1.' },
  gate: { type: ['string', 'null'], enum: ['passed', 'failed', null], description: 'Last decision of the gate.' },
  complete: { ...orNull({ type: 'boolean' }), description: 'False when a test could not be judged.' },
  waivers: { ...orNull({ type: 'integer' }), description: 'Waivers in force.' },
  commit: orNull(text),
  seenAt: { ...orNull(time), description: 'Time of the newest authoritative report.' },
  url: { ...text, description: 'Path of its page.' },
});

export const historyEntrySchema = object('A stored report.', {
  id: text,
  at: time,
  receivedAt: time,
  runner: text,
  record: { type: 'string', enum: ['authoritative', 'preview'] },
  ref: orNull(text),
  commit: orNull(text),
  trigger: text,
  writtenBy: text,
  complete: { type: 'boolean' },
  score: orNull(number),
  paperScore: orNull(number),
  structureScore: orNull(number),
  gate: { type: ['string', 'null'], enum: ['passed', 'failed', null] },
  outcomes: { type: 'object', description: 'Results by outcome.', additionalProperties: { type: 'integer' } },
  jobUrl: orNull(text),
});

export const receiptSchema = object('What was stored. Sent only after the commit.', {
  id: { ...text, description: 'Id of the report.' },
  model: object('The model.', { id: text, url: text }),
  record: { type: 'string', enum: ['authoritative', 'preview'] },
  previewBecause: { ...orNull(text), description: 'Why it is a preview; null for the record.' },
  replayed: { type: 'boolean', description: 'True when it had been stored before; nothing was added.' },
  trigger: { ...text, description: 'Trigger that the scores were computed with.' },
  score: orNull(number),
  paperScore: orNull(number),
  band: orNull(text),
  structureScore: orNull(number),
  complete: { type: 'boolean' },
  points: { type: 'integer', description: 'Points added to series.' },
  note: {
    ...object('The note of the merge request; null where no merge request is concerned or the server writes none.', {
      state: { type: 'string', enum: ['written', 'unchanged', 'none'] },
      mergeRequest: { ...orNull(text), description: 'For example !12.' },
      reason: { ...orNull(text), description: 'Why there is no note.' },
    }),
    type: ['object', 'null'],
  },
  rules: {
    ...object('Rules of flightcheck.yml; null where the report brings none, or none that count.', {
      kept: { type: 'integer' },
      refused: { type: 'array', items: object('One that is not kept.', { name: text, reason: text }) },
      warnings: {
        type: 'array',
        items: object('One that is kept, and something that this server cannot do for it.', { name: text, reason: text }),
      },
    }),
    type: ['object', 'null'],
  },
});

export const page = (items: object) =>
  object('A page.', {
    items: { type: 'array', items },
    next: { ...orNull(text), description: 'Cursor of the next page; null on the last.' },
  });
export const modelsPageSchema = page({ $ref: '#/components/schemas/Model' });
export const historyPageSchema = page({ $ref: '#/components/schemas/HistoryEntry' });

export const problemSchema = {
  type: 'object',
  description: 'RFC 9457.',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: text,
    title: text,
    status: { type: 'integer' },
    detail: text,
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['detail'],
        properties: { pointer: { ...text, description: 'JSON pointer into the body.' }, parameter: text, detail: text },
      },
    },
  },
} as const;
