/** JSON Schemas of tokens and of the audit. */
import { roles } from '../../store/scope.ts';
import type { QuerySchema } from '../query.ts';
import { object, orNull } from './schema-words.ts';

const text = { type: 'string' } as const;
const time = { type: 'string', format: 'date-time' } as const;

export const newTokenSchema = {
  type: 'object',
  description: 'A token for a machine.',
  additionalProperties: false,
  required: ['name', 'role'],
  properties: {
    name: {
      ...text,
      pattern: '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$',
      description: 'Unique among the tokens that are in use; operator is the one of the server itself.',
    },
    role: { enum: roles, description: 'A higher role may do what a lower one may.' },
    namespace: {
      ...text,
      maxLength: 500,
      pattern: '^([^/\\s]+(/[^/\\s]+)*)?$',
      default: '',
      description: 'Only projects at or below this path; all when empty.',
    },
    model: { ...text, maxLength: 200, pattern: '^$|\\S', default: '', description: 'Only this model; all when empty.' },
    days: { type: ['integer', 'null'], minimum: 1, maximum: 3650, default: 365, description: 'Until it expires; null: never.' },
  },
} as const;

const shownToken = {
  id: text,
  name: text,
  prefix: { ...orNull(text), description: 'The part of the token that may be shown.' },
  role: { enum: roles },
  namespace: text,
  model: text,
  createdBy: text,
  createdAt: time,
  expiresAt: orNull(time),
  lastUsedAt: { ...orNull(time), description: 'To the minute.' },
} as const;

export const tokenSchema = object('A token, without its secret.', shownToken);
export const madeTokenSchema = object('A token that was just made.', {
  ...shownToken,
  token: { ...text, description: 'The token itself: shown this once, only its hash is kept.' },
});
export const tokensPageSchema = object('Tokens in use.', {
  items: { type: 'array', items: { $ref: '#/components/schemas/Token' } },
});

export const auditQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    action: { type: 'string', description: 'Only these acts, for example token.created.', maxLength: 100 },
    actor: { type: 'string', description: 'Only acts of these, for example token operator.', maxLength: 300 },
    seal: {
      type: 'string',
      description: 'The hash of an act that you kept: isIntact is true only while that act still stands.',
      pattern: '^[0-9a-f]{64}$',
    },
    verify: {
      type: 'string',
      description: 'What is hashed for the answer: the acts shown and those that came since the last look, or every act.',
      enum: ['new', 'whole'],
      default: 'new',
    },
    limit: { type: 'integer', description: 'Items on a page.', minimum: 1, maximum: 200, default: 50 },
    cursor: { type: 'string', description: '`next` of the page before.', maxLength: 2000 },
  },
} as const satisfies QuerySchema;

export interface AuditQuery {
  readonly action?: string;
  readonly actor?: string;
  readonly seal?: string;
  readonly verify: 'new' | 'whole';
  readonly limit: number;
  readonly cursor?: string;
}

export const auditPageSchema = object('Who did what, newest first.', {
  items: {
    type: 'array',
    items: object('An act.', {
      id: text,
      at: time,
      actor: text,
      action: text,
      subject: text,
      detail: { type: 'object' },
      hash: { ...text, description: 'SHA-256 over this act and the hash of the one before it.' },
    }),
  },
  next: { ...orNull(text), description: 'Cursor of the next page; null on the last.' },
  isIntact: { type: 'boolean', description: 'False when an act of the past was changed or taken away.' },
  verified: object('What that is founded on.', {
    entries: { type: 'integer', description: 'Acts whose seals fit, from the first on.' },
    at: { ...time, description: 'When those that had come since were verified.' },
    wholeAt: { ...time, description: 'When every act was last verified.' },
    broken: { ...orNull(text), description: 'Id of the act whose seal does not fit, or that was verified here and is gone.' },
  }),
});
