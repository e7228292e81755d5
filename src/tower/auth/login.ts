/** People log in at an OpenID Connect provider, usually GitLab: code flow with PKCE, state and nonce. */
import * as oidc from 'openid-client';
import { HttpProblem } from '../api/problem.ts';
import type { Grant } from '../store/scope.ts';
import type { Person } from '../store/sessions.ts';
import { loginCookie } from './login-cookie.ts';

export interface LoginOptions {
  /** Of the provider, as its tokens name it. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where people reach this server. */
  readonly publicUrl: string;
  /** Anyone may read what concerns all; without it everyone logs in. */
  readonly isPublic: boolean;
  /** What members of a group may do, beside what their groups at GitLab give them. */
  readonly roles: readonly (Grant & { readonly group: string })[];
  /** What stands before the paths of the groups: see `qualifierOf`. */
  readonly qualifier?: string | undefined;
}

export interface Login {
  readonly isPublic: boolean;
  /** Cookies may go over https alone. */
  readonly isSecure: boolean;
  /** Where to send the browser, and the cookie that it brings back: nothing is kept of a login under way. */
  begin(returnTo: string): Promise<{ readonly url: string; readonly cookie: string }>;
  /** @throws HttpProblem 401 when the provider's answer does not belong to the cookie. */
  finish(url: URL, cookie: string | undefined): Promise<{ readonly person: Person; readonly returnTo: string }>;
}

const mostGroups = 2000;
const listOf = (value: unknown): readonly string[] =>
  Array.isArray(value)
    ? value.filter((item): item is string => typeof item === 'string' && item !== '' && item.length <= 500).slice(0, mostGroups)
    : [];

/** https://docs.gitlab.com/integration/openid_connect_provider/: who owns or maintains a group there has the role write for it here. */
const gitLabGroups = 'https://gitlab.org/claims/groups/';

/** Members of a group read its namespace; those who maintain it have the role write there; more is given by name alone. */
export function grantsOf(
  claims: Readonly<Record<string, unknown>>,
  roles: LoginOptions['roles'],
  qualifier: string,
): readonly Grant[] {
  const member = [...listOf(claims.groups), ...listOf(claims.groups_direct)];
  const maintainer = [...listOf(claims[`${gitLabGroups}owner`]), ...listOf(claims[`${gitLabGroups}maintainer`])];
  const all = new Set([...member, ...maintainer, ...listOf(claims[`${gitLabGroups}developer`])]);
  const writes = new Set(maintainer);
  return [
    ...[...all].map(
      (namespace): Grant => ({
        role: writes.has(namespace) ? 'write' : 'read',
        namespace: `${qualifier}${namespace}`,
        model: '',
      }),
    ),
    ...roles.filter(({ group }) => all.has(group)).map(({ role, namespace, model }): Grant => ({ role, namespace, model })),
  ];
}

const refused = (why: string) => new HttpProblem('unauthorized', `The login was not completed: ${why}. Log in again.`);

function personOf(claims: Readonly<Record<string, unknown>>, roles: LoginOptions['roles'], qualifier: string): Person {
  const { sub, preferred_username: username, nickname, name } = claims;
  const shown = [username, nickname, name, sub].find((text): text is string => typeof text === 'string' && text !== '');
  const clean = (shown ?? '')
    .replaceAll(/\p{C}+/gu, ' ')
    .trim()
    .slice(0, 200);
  return { subject: String(sub), name: clean || 'somebody', grants: grantsOf(claims, roles, qualifier) };
}

export function openLogin(options: LoginOptions): Login {
  const { issuer, clientId, clientSecret, publicUrl, roles, qualifier = '' } = options;
  const redirectUri = `${publicUrl}/login/callback`;
  const underWay = loginCookie(clientSecret);
  const isPlain = new URL(issuer).protocol === 'http:';
  let known: Promise<oidc.Configuration> | null = null;
  const provider = (): Promise<oidc.Configuration> => {
    known ??= oidc
      .discovery(new URL(issuer), clientId, clientSecret, undefined, {
        timeout: 10,
        ...(isPlain && { execute: [oidc.allowInsecureRequests] }),
      })
      .catch(() => {
        known = null;
        throw new HttpProblem('unavailable', `${issuer}, where people log in, does not answer now. Try again.`);
      });
    return known;
  };
  return {
    isPublic: options.isPublic,
    isSecure: publicUrl.startsWith('https:'),
    async begin(returnTo) {
      const configuration = await provider();
      const attempt = { verifier: oidc.randomPKCECodeVerifier(), state: oidc.randomState(), nonce: oidc.randomNonce(), returnTo };
      const url = oidc.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: 'openid profile',
        code_challenge: await oidc.calculatePKCECodeChallenge(attempt.verifier),
        code_challenge_method: 'S256',
        state: attempt.state,
        nonce: attempt.nonce,
      });
      return { url: url.href, cookie: await underWay.seal(attempt) };
    },
    async finish({ search }, cookie) {
      const attempt = cookie === undefined ? null : await underWay.open(cookie);
      if (!attempt)
        throw new HttpProblem('unauthorized', 'This login did not begin in this browser, or too long ago. Log in again.');
      const { verifier, state, nonce, returnTo } = attempt;
      const configuration = await provider();
      try {
        const tokens = await oidc.authorizationCodeGrant(configuration, new URL(`${redirectUri}${search}`), {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        });
        const claims = tokens.claims();
        if (!claims) throw refused('there was no id_token');
        // GitLab names groups at this address, and few of them in the token.
        const more = await oidc.fetchUserInfo(configuration, tokens.access_token, claims.sub);
        return { person: personOf({ ...claims, ...more }, roles, qualifier), returnTo };
      } catch (error) {
        if (error instanceof HttpProblem) throw error;
        const code = error instanceof Error && 'code' in error ? String(error.code) : '';
        if (/TIMEOUT|RESPONSE_IS_NOT/.test(code) || (error instanceof TypeError && error.message === 'fetch failed'))
          throw new HttpProblem('unavailable', `${issuer}, where people log in, gave no usable answer. Try again.`);
        throw refused('the answer of the provider does not belong to it, or was used before');
      }
    },
  };
}
