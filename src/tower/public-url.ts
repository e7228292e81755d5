/** The address at which people reach the server: what links, copied commands and the login's way back begin with. */
import { UsageError } from '../kernel/failure.ts';
import { isLoopback } from './auth/loopback.ts';

const hint = 'Give scheme, host and, where it differs, port alone, for example --public-url https://tower.example.com';
const refused = (why: string) => new UsageError('TOWER_PUBLIC_URL', `The public address ${why}`, { hint });

/** @returns the origin. @throws UsageError, which repeats nothing of an address that may hold a password */
export function publicOrigin(text: string, hasLogin: boolean): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol)) throw refused('is not an absolute http or https address');
  if (url.username || url.password) throw refused('holds a user name or password, which everybody would be shown');
  if (url.pathname !== '/' || /[?#]/.test(text))
    throw refused(`of ${url.host} has more than scheme, host and port: the server's pages stand at the top`);
  if (hasLogin && url.protocol !== 'https:' && !isLoopback(url.hostname))
    throw refused(`${url.origin} is not https, and logins would go over the network for all to read`);
  return url.origin;
}
