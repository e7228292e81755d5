/** The token server of a registry, as GitLab's `/jwt/auth`: basic authentication in, a signed token of limited scope out. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importPKCS8, SignJWT } from 'jose';
import { sendJson, serve } from './http-server.ts';

export const tokenNames = { service: 'container_registry', issuer: 'flightcheck-test' } as const;

export interface TokenServer {
  readonly realm: string;
  /** File of the certificate that the registry trusts. */
  readonly certificate: string;
  /** Scopes of each token that was given, in turn. */
  readonly given: string[][];
  close(): Promise<void>;
}

const accessOf = (scope: string) => {
  const [type, name, actions = ''] = scope.split(':');
  return { type, name, actions: actions.split(',') };
};

/** `folder` takes the key and the certificate; `mayNot` scopes are left out of a token, as GitLab leaves them out. */
export async function startTokenServer(
  folder: string,
  account: { readonly username: string; readonly password: string },
  mayNot: (scope: string) => boolean = () => false,
): Promise<TokenServer> {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const subject = ['-subj', '/CN=token', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, ...subject], {
    stdio: 'ignore',
  });
  const privateKey = await importPKCS8(readFileSync(key, 'utf8'), 'RS256');
  const x5c = [readFileSync(certificate, 'utf8').replaceAll(/-----[A-Z ]+-----|\s/g, '')];
  const basic = `Basic ${Buffer.from(`${account.username}:${account.password}`).toString('base64')}`;
  const given: string[][] = [];
  const server = await serve((response, _before, { url = '', headers }) => {
    if (headers.authorization !== basic) return sendJson(response, 401, { errors: [{ code: 'UNAUTHORIZED' }] });
    const query = new URL(url, 'http://x').searchParams;
    // buildah asks for several in one parameter, others repeat it.
    const scopes = query
      .getAll('scope')
      .flatMap((scope) => scope.split(' '))
      .filter((scope) => !mayNot(scope));
    given.push(scopes);
    void new SignJWT({ access: scopes.map(accessOf) })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', x5c })
      .setIssuer(tokenNames.issuer)
      .setSubject(account.username)
      .setAudience(query.get('service') ?? '')
      .setIssuedAt()
      .setNotBefore('-10s')
      .setExpirationTime('5m')
      .setJti(String(given.length))
      .sign(privateKey)
      .then((token) => sendJson(response, 200, { token }));
  });
  return { realm: `${server.url}/jwt/auth`, certificate, given, close: () => server.close() };
}
