/** GET /tokens: which machines may come in. */
import type { Context } from 'hono';
import { plural } from '../../reports/words.ts';
import { HttpProblem } from '../api/problem.ts';
import { idOf } from '../api/query.ts';
import { adminForm, isAdmin } from '../auth/acting.ts';
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
      <table class="numbers alerts flow">
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
              <td data-label="for">{placeOf(token)}</td>
              <td data-label="made">
                {minute(token.createdAt).slice(0, 10)}
                <small>by {token.createdBy}</small>
              </td>
              <td data-label="used">{token.lastUsedAt ? minute(token.lastUsedAt) : <span class="quiet">never</span>}</td>
              <td data-label="until">
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
        <section class="panel elsewhere" aria-label="Signed badges">
          <Deed summary="End every signed badge" to="/tokens/badges/revoke" button="End them">
            <p>Badges that were signed for READMEs are shown no more; new ones can be signed.</p>
          </Deed>
        </section>
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
