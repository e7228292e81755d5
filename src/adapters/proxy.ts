/**
 * Requests through the proxy that the environment names, as curl and git make them. Node 20 has no switch for it; the
 * dispatcher is the one that Node 24's own switch uses.
 */
import { EnvHttpProxyAgent, setGlobalDispatcher } from 'undici';

type Environment = Readonly<Record<string, string | undefined>>;

const names = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'] as const;

/** Where the services of this machine answer; no proxy reaches them. */
const here = 'localhost,127.0.0.1,[::1]';

/** The lower-case name outranks the other, as in curl. */
const named = (env: Environment, name: string): string => env[name] || env[name.toUpperCase()] || '';

const isAddress = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

/** Lets every later `fetch` of this process go through the proxies. Returns what cannot be used, by name: the value may hold a password. */
export function useProxies(env: Environment): readonly string[] {
  const wrong = names.filter((name) => (env[name] ?? '') !== '' && !isAddress(env[name] ?? ''));
  const usable = (name: string): string => (isAddress(named(env, name)) ? named(env, name) : '');
  const [http, https] = [usable('http_proxy'), usable('https_proxy')];
  const except = named(env, 'no_proxy').trim();
  if ((http !== '' || https !== '') && except !== '*')
    setGlobalDispatcher(
      new EnvHttpProxyAgent({
        httpProxy: http,
        httpsProxy: https,
        noProxy: [except, here].filter((part) => part !== '').join(','),
        // Plain HTTP is forwarded: most proxies open tunnels to port 443 alone.
        proxyTunnel: false,
      }),
    );
  return wrong;
}
