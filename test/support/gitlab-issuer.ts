/** A GitLab that signs id_tokens: a real RSA key, a real key server whose keys can be swapped and which can go away. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose';

export const audience = 'https://tower.example.com';

/** As GitLab makes them: ids and booleans are strings. */
export const claims = {
  project_id: '42',
  project_path: 'risk/late-lodgement',
  namespace_id: '7',
  namespace_path: 'risk',
  job_project_id: '42',
  job_id: '1001',
  pipeline_id: '77',
  pipeline_source: 'push',
  ref: 'main',
  ref_type: 'branch',
  ref_path: 'refs/heads/main',
  ref_protected: 'true',
  sha: 'a'.repeat(40),
};
/** Null: without this claim. */
export type Claims = Readonly<Record<string, unknown>>;
export type Keys = Awaited<ReturnType<typeof generateKeyPair>>;

export interface TokenOptions {
  readonly key?: Parameters<SignJWT['sign']>[0];
  readonly header?: Partial<JWTHeaderParameters>;
  readonly iss?: string;
  readonly aud?: string;
  readonly lifetime?: string;
  readonly notBefore?: string;
}

export interface Issuer {
  readonly url: string;
  readonly keys: Keys;
  /** How often the keys were asked for. */
  requests(): number;
  /** What the key server answers from now on; null: it breaks every connection. */
  serve(answer: unknown): void;
  /** It answers with these bytes, gzipped. */
  serveGzip(bytes: Buffer): void;
  /** The key as the server publishes it. */
  publish(keys: Keys, kid: string): Promise<object>;
  token(changes?: Claims, options?: TokenOptions): Promise<string>;
  close(): void;
}

export async function startIssuer(): Promise<Issuer> {
  const keys = await generateKeyPair('RS256', { extractable: true });
  const publish = async (pair: Keys, kid: string) => ({ ...(await exportJWK(pair.publicKey)), kid, alg: 'RS256', use: 'sig' });
  let answer: unknown = { keys: [await publish(keys, 'k1')] };
  let asked = 0;
  const server = createServer((request, response) => {
    asked++;
    if (answer === null) return void request.socket.destroy();
    if (answer instanceof Buffer) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      return void response.end(answer);
    }
    response.writeHead(request.url === '/oauth/discovery/keys' ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    keys,
    requests: () => asked,
    serve(next) {
      answer = next;
    },
    serveGzip(bytes) {
      answer = gzipSync(bytes);
    },
    publish,
    token(changes = {}, options = {}) {
      const payload = Object.fromEntries(Object.entries({ ...claims, ...changes }).filter(([, value]) => value !== null));
      const made = new SignJWT(payload)
        .setProtectedHeader({ alg: 'RS256', kid: 'k1', typ: 'JWT', ...options.header })
        .setIssuer(options.iss ?? url)
        .setAudience(options.aud ?? audience)
        .setIssuedAt()
        .setExpirationTime(options.lifetime ?? '5m');
      if (options.notBefore) made.setNotBefore(options.notBefore);
      return made.sign(options.key ?? keys.privateKey);
    },
    close: () => server.close(),
  };
}
