/** /v1/audit: who did what. */
import type { Context } from 'hono';
import { type AuditEntry, type AuditFilter, isSealThere, listAudit } from '../store/audit.ts';
import type { ChainState, ChainVerifier } from '../store/audit-chain.ts';
import type { Database } from '../store/database.ts';
import { type AuditQuery, auditQuery } from './document/token-schemas.ts';
import { pageOf, queryReader, readCursor } from './query.ts';

const readAuditQuery = queryReader<AuditQuery>(auditQuery);

/** Entries, and whether all are as they were written: those shown and new ones are hashed for it, the others when `isWhole`. */
export async function auditOf(
  db: Database,
  chain: ChainVerifier,
  filter: AuditFilter,
  isWhole: boolean,
): Promise<{ readonly entries: readonly AuditEntry[]; readonly state: ChainState }> {
  const [entries, state] = await Promise.all([listAudit(db, filter), isWhole ? chain.whole() : chain.look()]);
  const isDoubted = state.broken === null && entries.some(({ isSealed }) => !isSealed);
  return { entries, state: isDoubted ? await chain.whole() : state };
}

export const getAudit =
  (db: Database, chain: ChainVerifier) =>
  async (c: Context): Promise<Response> => {
    const { action, actor, seal, verify, limit, cursor } = readAuditQuery(c.req.url);
    const before = cursor === undefined ? undefined : readCursor(cursor, 'audit').id;
    const [{ entries, state }, isThere] = await Promise.all([
      auditOf(db, chain, { action, actor, before, limit: limit + 1 }, verify === 'whole'),
      seal === undefined || isSealThere(db, seal),
    ]);
    const { shown, next } = pageOf(entries, limit, 'audit');
    return c.json({
      items: shown.map(({ id, at, isSealed, ...entry }) => ({ id: String(id), at: at.toISOString(), ...entry })),
      next,
      isIntact: state.broken === null && isThere,
      verified: {
        entries: state.entries,
        at: state.verifiedAt.toISOString(),
        wholeAt: state.wholeAt.toISOString(),
        broken: state.broken === null ? null : String(state.broken),
      },
    });
  };
