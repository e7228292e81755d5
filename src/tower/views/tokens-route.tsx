/** GET /tokens: which machines may come in. */
import type { Context } from 'hono';
import { plural } from '../../reports/words.ts';
import { HttpProblem } from '../api/problem.ts';
import { idOf, pageOf, queryReader, readCursor } from '../api/query.ts';
import { adminForm, isAdmin } from '../auth/acting.ts';
import type { Database } from '../store/database.ts';
import { countTokens, listTokens, revokeToken, type TokenRow } from '../store/tokens.ts';
import { addressOf } from './address.ts';
import { Deed } from './form.tsx';
import { Layout, noStore, Shell, show } from './layout.tsx';
import { NextPage } from './pager.tsx';
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

function Tokens({ tokens, now, mayRevoke }: Pick<TokensPageProps, 'tokens' | 'now' | 'mayRevoke'>) {
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

const example = (origin: string): string => `export FLIGHTCHECK_TOWER_URL=${origin}
export FLIGHTCHECK_TOWER_TOKEN=TOKEN_OF_AN_ADMIN
flightcheck tower token create nightly-monitor --role write --namespace payments --model card-fraud-au --days 90
flightcheck tower token list
flightcheck tower token revoke nightly-monitor`;

export interface TokensPageProps {
  readonly tokens: readonly TokenRow[];
  /** All, also of other pages. */
  readonly total: number;
  readonly search: string;
  /** Address of the next page. */
  readonly next: string | null;
  readonly now: Date;
  /** The visitor is logged in as admin. */
  readonly mayRevoke: boolean;
}

/** Found by name or model, where there are more than a page of them. */
const Search = ({ search }: { readonly search: string }) => (
  <form class="panel filter search" method="get" action="/tokens" aria-label="Find a token">
    <label>
      Name or model
      <input type="search" name="q" value={search} maxlength={200} />
    </label>
    <div class="buttons">
      <button type="submit">Find</button>
      {search !== '' && <a href="/tokens">Clear</a>}
    </div>
  </form>
);

export function TokensPage({ tokens, total, search, next, now, mayRevoke }: TokensPageProps) {
  return (
    <Layout title="Tokens · Control Tower" current="tokens">
      <header>
        <h1>Tokens</h1>
        <p class="lead">
          {plural(total, 'token')} in use{search !== '' && ` with “${search}” in the name or the model`}. Jobs of GitLab need
          none: they show their id_token. Only the hash of a token is kept here; <a href="/audit">the audit</a> says who made and
          revoked which.
        </p>
      </header>
      {(total > perPage || search !== '') && <Search search={search} />}
      {tokens.length > 0 && <Tokens {...{ tokens, now, mayRevoke }} />}
      <NextPage href={next} words="Next" />
      {mayRevoke && (
        <section class="panel elsewhere" aria-label="Signed badges">
          <Deed summary="End every signed badge" to="/tokens/badges/revoke" button="End them">
            <p>Badges that were signed for READMEs are shown no more; new ones can be signed.</p>
          </Deed>
        </section>
      )}
      <details class="panel elsewhere">
        <summary>Make or revoke a token</summary>
        <Shell lines={example} />
        <p class="small quiet">
          Or <code>POST /v1/tokens</code> and <code>DELETE /v1/tokens/ID</code> with a token of the role admin.
        </p>
      </details>
    </Layout>
  );
}

const perPage = 100;
const order = 'name.tokens';
const readTokensQuery = queryReader<{ readonly q?: string; readonly cursor?: string }>({
  type: 'object',
  additionalProperties: false,
  properties: {
    q: { type: 'string', description: 'Part of the name or the model.', maxLength: 200 },
    cursor: { type: 'string', description: '`next` of the page before.', maxLength: 2000 },
  },
});

export const tokensRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const { q: search = '', cursor } = readTokensQuery(c.req.url);
    const after = cursor === undefined ? undefined : String(readCursor(cursor, order).key);
    const [found, total] = await Promise.all([listTokens(db, { search, limit: perPage + 1, after }), countTokens(db, search)]);
    const { shown, next } = pageOf(
      found.map((token) => ({ ...token, key: token.name })),
      perPage,
      order,
    );
    const href = next && addressOf('/tokens', { q: search, cursor: next });
    const props = { tokens: shown, total, search, next: href, now: new Date(), mayRevoke: isAdmin(c) };
    return show(c, <TokensPage {...props} />, noStore);
  };

export const sendRevocation =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const { actor } = await adminForm(c);
    if (!(await revokeToken(db, idOf(c.req.param('id') ?? '', 'token'), actor)))
      throw new HttpProblem('not-found', 'There is no such token in use.');
    return c.redirect('/tokens', 303);
  };
