/** GET /tokens: which machines may come in; GET /audit: who did what. */
import type { Context } from 'hono';
import { plural } from '../../reports/words.ts';
import { HttpProblem } from '../api/problem.ts';
import { idOf, pageOf, readCursor } from '../api/query.ts';
import { adminForm, isAdmin } from '../auth/acting.ts';
import { type AuditEntry, brokenSeal, listAudit } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import { listTokens, revokeToken, type TokenRow } from '../store/tokens.ts';
import { Deed } from './form.tsx';
import { Layout, noStore, show } from './layout.tsx';
import { minute } from './words.ts';

const soonDays = 30;

function Expiry({ at, now }: { readonly at: Date | null; readonly now: Date }) {
  if (at === null) return <span class="quiet">never</span>;
  const days = (at.getTime() - now.getTime()) / 86_400_000;
  const tone = days < 0 ? 'is-fail' : days < soonDays ? 'is-warn' : null;
  const time = <time datetime={at.toISOString()}>{minute(at).slice(0, 10)}</time>;
  return tone ? (
    <>
      {time} <span class={`badge ${tone}`}>{days < 0 ? 'expired' : 'soon'}</span>
    </>
  ) : (
    time
  );
}

export const placeOf = ({ namespace, model }: Pick<TokenRow, 'namespace' | 'model'>): string =>
  [namespace || 'all projects', ...(model ? [`model ${model}`] : [])].join(', ');

function Tokens({ tokens, now, mayRevoke }: TokensPageProps) {
  return (
    <section class="panel scroll" tabindex={0} aria-label="Tokens">
      <table class="numbers alerts">
        <thead>
          <tr>
            {['Token', 'Role', 'Holds for', 'Made', 'Last used', 'Expires', ...(mayRevoke ? ['Revoke'] : [])].map((head) => (
              <th scope="col">{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {tokens.map((token) => (
            <tr>
              <th scope="row">
                {token.name}
                <small>
                  <code>{token.prefix ? `${token.prefix}…` : 'made before prefixes were kept'}</code>
                </small>
              </th>
              <td>{token.role}</td>
              <td>{placeOf(token)}</td>
              <td>
                {minute(token.createdAt).slice(0, 10)}
                <small>by {token.createdBy}</small>
              </td>
              <td>{token.lastUsedAt ? minute(token.lastUsedAt) : <span class="quiet">never</span>}</td>
              <td>
                <Expiry at={token.expiresAt} now={now} />
              </td>
              {mayRevoke && (
                <td>
                  <Deed summary="Revoke" to={`/tokens/${token.id}/revoke`} button={`Revoke ${token.name}`}>
                    <p>It stops at once, for good.</p>
                  </Deed>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const example = `flightcheck tower token create nightly-monitor --role write --namespace risk --model late-lodgement-risk --days 90
flightcheck tower token list
flightcheck tower token revoke nightly-monitor`;

export interface TokensPageProps {
  readonly tokens: readonly TokenRow[];
  readonly now: Date;
  /** The visitor is logged in as admin. */
  readonly mayRevoke: boolean;
}

export function TokensPage({ tokens, now, mayRevoke }: TokensPageProps) {
  return (
    <Layout title="Tokens · Control Tower" current="tokens">
      <header>
        <h1>Tokens</h1>
        <p class="lead">
          {plural(tokens.length, 'token')} in use. Jobs of GitLab need none: they show their id_token. Only the hash of a token is
          kept here; <a href="/audit">the audit</a> says who made and revoked which.
        </p>
      </header>
      {tokens.length > 0 && <Tokens {...{ tokens, now, mayRevoke }} />}
      {mayRevoke && (
        <Deed summary="End every signed badge" to="/tokens/badges/revoke" button="End them">
          <p>Badges that were signed for READMEs are shown no more; new ones can be signed.</p>
        </Deed>
      )}
      <details class="panel elsewhere">
        <summary>Make or revoke a token</summary>
        <pre>{example}</pre>
        <p class="small quiet">
          Or <code>POST /v1/tokens</code> and <code>DELETE /v1/tokens/ID</code> with a token of the role admin.
        </p>
      </details>
    </Layout>
  );
}

const detailOf = ({ detail }: AuditEntry): string =>
  Object.entries(detail)
    .filter(([, value]) => value !== '' && value !== null)
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ')
    .slice(0, 300);

export interface AuditPageProps {
  readonly entries: readonly AuditEntry[];
  readonly next: string | null;
  readonly broken: number | null;
}

export function AuditPage({ entries, next, broken }: AuditPageProps) {
  return (
    <Layout title="Audit · Control Tower" current="audit">
      <header>
        <h1>Audit</h1>
        <p class="lead">
          Who did what. Each entry is sealed with the one before it:{' '}
          {broken === null ? (
            <span class="badge is-pass">every seal fits</span>
          ) : (
            <span class="badge is-fail">entry {broken} or one before it was changed in the database</span>
          )}
        </p>
      </header>
      {entries.length === 0 ? (
        <p>Nothing was done yet.</p>
      ) : (
        <div class="panel">
          <section class="scroll" tabindex={0} aria-label="Audit">
            <table class="numbers alerts">
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
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
          {next && (
            <nav class="pager" aria-label="Pages">
              <span class="ends">
                <a href={`/audit?cursor=${next}`} rel="next">
                  Older
                </a>
              </span>
            </nav>
          )}
        </div>
      )}
    </Layout>
  );
}

export const tokensRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> =>
    show(c, <TokensPage tokens={await listTokens(db)} now={new Date()} mayRevoke={isAdmin(c)} />, noStore);

export const sendRevocation =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const { actor } = await adminForm(c);
    if (!(await revokeToken(db, idOf(c.req.param('id') ?? '', 'token'), actor)))
      throw new HttpProblem('not-found', 'There is no such token in use.');
    return c.redirect('/tokens', 303);
  };

const perPage = 100;

export const auditRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const cursor = c.req.query('cursor');
    const before = cursor === undefined ? undefined : readCursor(cursor, 'audit').id;
    const [entries, broken] = await Promise.all([listAudit(db, { before, limit: perPage + 1 }), brokenSeal(db)]);
    const { shown, next } = pageOf(entries, perPage, 'audit');
    return show(c, <AuditPage entries={shown} next={next} broken={broken} />, noStore);
  };
