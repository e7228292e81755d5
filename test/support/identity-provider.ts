/** A real OpenID Connect provider on loopback, whose accounts have the groups that GitLab's claims name; and a browser to log in with. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

export interface Account {
  readonly name: string;
  readonly groups?: readonly string[];
  readonly maintains?: readonly string[];
}

export interface IdentityProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Named once, when the address of the server is known. */
  start(redirectUri: string): Promise<void>;
  close(): void;
}

const ownedGroups = 'https://gitlab.org/claims/groups/maintainer';

export async function startIdentityProvider(accounts: Readonly<Record<string, Account>>): Promise<IdentityProvider> {
  let answer: ReturnType<Provider['callback']> = (_, response) => void response.writeHead(503).end();
  const server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [clientId, clientSecret] = ['control-tower', 'of-the-client-0123456789'];
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: 'p1', alg: 'RS256', use: 'sig' };
  return {
    issuer,
    clientId,
    clientSecret,
    async start(redirectUri) {
      const provider = new Provider(issuer, {
        clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri], response_types: ['code'] }],
        jwks: { keys: [key] },
        cookies: { keys: ['of the cookies'] },
        pkce: { required: () => true },
        claims: { openid: ['sub'], profile: ['preferred_username', 'groups', ownedGroups] },
        findAccount: (_: unknown, id: string) =>
          accounts[id] && {
            accountId: id,
            claims: async () => ({
              sub: id,
              preferred_username: accounts[id]?.name,
              groups: [...(accounts[id]?.groups ?? []), ...(accounts[id]?.maintains ?? [])],
              [ownedGroups]: accounts[id]?.maintains ?? [],
            }),
          },
      });
      answer = provider.callback();
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

export interface Page {
  readonly status: number;
  readonly url: string;
  readonly html: string;
  readonly headers: Headers;
}

export interface FakeBrowser {
  /** Of one host, as it holds them. */
  readonly cookies: Map<string, string>;
  go(url: string, form?: Readonly<Record<string, string>>, headers?: Readonly<Record<string, string>>): Promise<Page>;
  /** Without following redirects. */
  step(url: string, form?: Readonly<Record<string, string>>, headers?: Readonly<Record<string, string>>): Promise<Page>;
}

/** Keeps cookies by port, though browsers share them between ports: names of the two servers differ. */
export function openBrowser(): FakeBrowser {
  const cookies = new Map<string, string>();
  const step: FakeBrowser['step'] = async (url, form, headers = {}) => {
    const response = await fetch(url, {
      redirect: 'manual',
      method: form ? 'POST' : 'GET',
      headers: {
        accept: 'text/html',
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(form && { origin: new URL(url).origin, 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
      ...(form && { body: new URLSearchParams(form).toString() }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
      const name = pair.slice(0, pair.indexOf('='));
      const isOver = attributes.some((one) => /^max-age=0$/i.test(one) || /^expires=Thu, 01 Jan 1970/i.test(one));
      if (isOver) cookies.delete(name);
      else cookies.set(name, pair.slice(pair.indexOf('=') + 1));
    }
    return { status: response.status, url, html: await response.text(), headers: response.headers };
  };
  const go: FakeBrowser['go'] = async (url, form, headers) => {
    let page = await step(url, form, headers);
    for (let hops = 0; hops < 10 && page.status >= 300 && page.status < 400; hops++)
      page = await step(new URL(page.headers.get('location') ?? '', page.url).href);
    return page;
  };
  return { cookies, step, go };
}

/** Goes to `url`, which leads to the provider, and gives name and consent there. @returns the page after it. */
export async function logIn(browser: FakeBrowser, url: string, account: string): Promise<Page> {
  let page = await browser.go(url);
  for (const form of [{ prompt: 'login', login: account, password: 'any' }, { prompt: 'consent' }]) {
    if (!page.url.includes('/interaction/')) return page;
    page = await browser.go(page.url, form);
  }
  return page;
}
