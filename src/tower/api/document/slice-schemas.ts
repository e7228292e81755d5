/** JSON Schemas of what metrics and slices answer. */
import { buckets } from '../../store/slice/buckets.ts';
import { aggregates, fills } from '../../store/slice/slice.ts';
import { object, orNull } from './schema-words.ts';

const text = { type: 'string' } as const;
const number = { type: 'number' } as const;
const integer = { type: 'integer' } as const;
const time = { type: 'string', format: 'date-time' } as const;

export const metricsReceiptSchema = object('What was stored. Sent only after the commit.', {
  model: object('The model.', { id: text, url: text }),
  record: { type: 'string', enum: ['authoritative', 'preview'] },
  previewBecause: { ...orNull(text), description: 'Why it is a preview; null for the record.' },
  received: { ...integer, description: 'Values in the body.' },
  added: { ...integer, description: 'Values that are new.' },
  known: { ...integer, description: 'Values whose series had one at that time; the first stays.' },
});

export const metricListSchema = object('Every metric that any model has.', {
  items: { type: 'array', items: object('A metric.', { name: text, unit: text, series: integer, models: integer }) },
});

const point = object('A bucket of time.', { at: { ...time, description: 'Its start.' }, value: number, n: integer });
const cells = {
  value: number,
  n: { ...integer, description: 'Values drawn together.' },
  points: { type: 'array', items: point },
};

export const sliceSchema = object('A metric, sliced.', {
  metric: text,
  unit: text,
  aggregate: { type: 'string', enum: aggregates },
  bucket: { type: 'string', enum: buckets },
  fill: { type: 'string', enum: fills, description: 'What a series has in a bucket without a value.' },
  by: { type: 'array', items: text },
  from: time,
  to: { ...time, description: 'Exclusive.' },
  compared: {
    anyOf: [object('The time compared with.', { from: time, to: time }), { type: 'null' }],
  },
  partial: {
    type: 'array',
    items: time,
    description:
      'Starts of buckets that are not over yet, or that from or to cuts: their sums and counts are smaller than those of whole buckets.',
  },
  source: { ...text, description: 'What was read: every point, or a rollup that is enough for the question.' },
  groupCount: { ...integer, description: 'Groups there are; `groups` has the first of them.' },
  groups: {
    type: 'array',
    items: object('A group.', {
      labels: { type: 'object', additionalProperties: orNull(text) },
      model: { ...orNull(text), description: 'Id of the model, when grouped by model.' },
      ...cells,
      compared: { anyOf: [object('The same at the other time.', cells), { type: 'null' }] },
    }),
  },
});
