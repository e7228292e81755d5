/** GET /v1/waivers: what models may fail for a time. */
import type { Context } from 'hono';
import type { Database } from '../store/database.ts';
import { listWaivers, type WaiverState, waiverStates } from '../store/waivers.ts';
import { object, orNull } from './document/schema-words.ts';
import { pageOf, type QuerySchema, queryReader, readCursor } from './query.ts';

export const waiversQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    state: { type: 'string', description: 'Only these; expiring: within 30 days.', enum: [...waiverStates] },
    limit: { type: 'integer', description: 'Items on a page.', minimum: 1, maximum: 500, default: 100 },
    cursor: { type: 'string', description: '`next` of the page before.', maxLength: 2000 },
  },
} as const satisfies QuerySchema;

const text = { type: 'string' } as const;
export const waiversPageSchema = object('Waivers, those that end first.', {
  items: {
    type: 'array',
    items: object('A waiver.', {
      model: object('Of which model.', { id: text, name: text, project: text, tier: text }),
      check: text,
      reason: text,
      owner: { ...text, description: 'Who answers for it.' },
      expires: { ...text, description: 'Its last day, as the report says it.' },
      path: { ...text, description: 'Only findings in these files; all when empty.' },
      since: { ...text, format: 'date-time', description: 'Time of the first report that named it.' },
      state: { enum: waiverStates },
    }),
  },
  next: { ...orNull(text), description: 'Cursor of the next page; null on the last.' },
});

interface WaiversQuery {
  readonly state?: WaiverState;
  readonly limit: number;
  readonly cursor?: string;
}
export const readWaiversQuery: (url: string) => WaiversQuery = queryReader<WaiversQuery>(waiversQuery);

export async function pageOfWaivers(c: Context, db: Database, { state, limit, cursor }: WaiversQuery) {
  const order = `waivers.${state ?? 'all'}`;
  const found = cursor === undefined ? undefined : readCursor(cursor, order);
  const after = found && { key: Number(found.key), id: found.id };
  return pageOf(await listWaivers(db, { scope: c.get('scope'), state, limit: limit + 1, after }), limit, order);
}

export const getWaivers =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const { shown, next } = await pageOfWaivers(c, db, readWaiversQuery(c.req.url));
    return c.json({
      items: shown.map(({ modelId, model, project, tier, check, reason, owner, expires, path, since, state: is }) => ({
        model: { id: String(modelId), name: model, project, tier },
        check,
        reason,
        owner,
        expires,
        path,
        since: since.toISOString(),
        state: is,
      })),
      next,
    });
  };
