/** How a registry lets us in: basic authentication or the token flow of the distribution specification, as GitLab's does. */
import { type ImageReference, isOnThisMachine } from '../../kernel/image.ts';
import { readBody } from '../http-body.ts';

export interface Credentials {
  /** Host, with its port, that they are for. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

/** https://distribution.github.io/distribution/spec/auth/token/ */
interface Challenge {
  readonly scheme: 'basic' | 'bearer';
  readonly parameters: Readonly<Record<string, string>>;
}

export function challengeOf(header: string | null): Challenge | null {
  const match = /^(basic|bearer)\s*(.*)$/i.exec(header ?? '');
  if (!match) return null;
  const parameters = [...(match[2] ?? '').matchAll(/([a-z_]+)="([^"]*)"/gi)].map(([, name = '', value = '']) => [
    name.toLowerCase(),
    value,
  ]);
  return { scheme: match[1]?.toLowerCase() === 'basic' ? 'basic' : 'bearer', parameters: Object.fromEntries(parameters) };
}

const mostTokenBytes = 2 ** 20;

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

const basic = ({ username, password }: Credentials): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

/**
 * The Authorization header that answers a challenge; null when there is none to give. The realm is asked over HTTPS; over HTTP
 * only on the host of a registry on this machine: credentials go nowhere else in clear.
 */
export async function answer(
  challenge: Challenge,
  image: Pick<ImageReference, 'registry' | 'repository'>,
  scopes: readonly string[],
  credentials: Credentials | null,
  signal: AbortSignal,
): Promise<string | null> {
  if (challenge.scheme === 'basic') return credentials ? basic(credentials) : null;
  const { realm, service } = challenge.parameters;
  if (realm === undefined || !URL.canParse(realm)) return null;
  const url = new URL(realm);
  const isOwnHost = url.host === image.registry || url.hostname === image.registry.replace(/:\d+$/, '');
  if (url.protocol !== 'https:' && !(isOwnHost && isOnThisMachine(image.registry))) return null;
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const response = await fetch(url, {
    signal,
    redirect: 'error',
    ...(credentials && { headers: { authorization: basic(credentials) } }),
  });
  if (!response.ok) {
    await response.body?.cancel();
    // A server of tokens that is down says nothing about the credentials.
    if (response.status === 429 || response.status >= 500) throw new Error(`${url.host} answers ${response.status}`);
    return null;
  }
  const { text } = await readBody(response, mostTokenBytes);
  const body = jsonOf(text) as { token?: unknown; access_token?: unknown } | null;
  const token = body?.token ?? body?.access_token;
  return typeof token === 'string' ? `Bearer ${token}` : null;
}
