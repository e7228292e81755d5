/** GET /audit: who did what. */
import type { Context } from 'hono';
import { clip } from '../../reports/text.ts';
import { plural } from '../../reports/words.ts';
import { auditOf } from '../api/audit.ts';
import { pageOf, readCursor } from '../api/query.ts';
import type { AuditEntry } from '../store/audit.ts';
import type { ChainState, ChainVerifier } from '../store/audit-chain.ts';
import type { Database } from '../store/database.ts';
import { addressOf } from './address.ts';
import { Layout, noStore, show } from './layout.tsx';
import { NextPage } from './pager.tsx';
import { minute } from './words.ts';

/** `isEnabled` as `is enabled`. */
const apart = (name: string): string => name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** As words, not as JSON; what is empty says nothing. */
function inWords(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(inWords).filter(Boolean).join('; ');
  if (typeof value !== 'object') return String(value);
  return Object.entries(value)
    .map(([name, of]) => [apart(name), inWords(of)] as const)
    .filter(([, words]) => words !== '')
    .map(([name, words]) => `${name} ${words}`)
    .join(', ');
}

const detailOf = ({ detail }: AuditEntry): string => clip(inWords(detail), 300);

function Seals({ broken, entries, verifiedAt, wholeAt }: ChainState) {
  if (broken !== null)
    return (
      <>
        <span class="badge is-fail">does not fit</span> Entry {broken} or one before it was changed in the database, or taken
        away.
      </>
    );
  return (
    <>
      <span class="badge is-pass">every seal fits</span> {plural(entries, 'entry', 'entries')}, all verified {minute(wholeAt)}
      {wholeAt < verifiedAt && '; those shown here and those that came since, just now'}.{' '}
      <a href="/audit?verify=whole">Verify all again</a>
    </>
  );
}

interface AuditPageProps {
  readonly entries: readonly AuditEntry[];
  readonly next: string | null;
  readonly chain: ChainState;
}

function AuditPage({ entries, next, chain }: AuditPageProps) {
  return (
    <Layout title="Audit · Control Tower" current="audit">
      <header>
        <h1>Audit</h1>
        <p class="lead">
          Who did what. Each entry is sealed with the one before it: <Seals {...chain} />
        </p>
      </header>
      {entries.length === 0 ? (
        <p>Nothing was done yet.</p>
      ) : (
        <div class="panel">
          <section class="scroll" tabindex={0} aria-label="Audit">
            <table class="numbers alerts flow">
              <thead>
                <tr>
                  {['When', 'Who', 'Did', 'What', 'Seal'].map((head) => (
                    <th scope="col">{head}</th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {entries.map((entry) => (
                  <tr>
                    <td>
                      <time datetime={entry.at.toISOString()}>{minute(entry.at)}</time>
                    </td>
                    <td>{entry.actor}</td>
                    <td>{entry.action}</td>
                    <td class="done">
                      {entry.subject}
                      <small>{detailOf(entry)}</small>
                    </td>
                    <td>
                      <code title={entry.hash}>{entry.hash.slice(0, 8)}</code>
                      {!entry.isSealed && <span class="badge is-fail">does not fit</span>}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
          <NextPage href={next && addressOf('/audit', { cursor: next })} words="Older" />
        </div>
      )}
    </Layout>
  );
}

const perPage = 100;

export const auditRoute =
  (db: Database, chain: ChainVerifier) =>
  async (c: Context): Promise<Response> => {
    const cursor = c.req.query('cursor');
    const before = cursor === undefined ? undefined : readCursor(cursor, 'audit').id;
    const { entries, state } = await auditOf(db, chain, { before, limit: perPage + 1 }, c.req.query('verify') === 'whole');
    const { shown, next } = pageOf(entries, perPage, 'audit');
    return show(c, <AuditPage entries={shown} next={next} chain={state} />, noStore);
  };
