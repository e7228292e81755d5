/** Forged, stale and borrowed id_tokens, and key servers that misbehave. No database: the verifier alone. */
import { decodeJwt, exportJWK, exportPKCS8, exportSPKI, generateKeyPair, importPKCS8, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { idTokenVerifier, type VerifyIdToken } from '../../../src/tower/auth/gitlab.ts';
import { audience, type Issuer, type Keys, startIssuer } from '../../support/gitlab-issuer.ts';

let gitlab: Issuer;
let stranger: Keys;
let verify: VerifyIdToken;
beforeAll(async () => {
  [gitlab, stranger] = await Promise.all([startIssuer(), generateKeyPair('RS256', { extractable: true })]);
  verify = idTokenVerifier([gitlab.url], audience);
});
afterAll(() => gitlab?.close());
afterEach(() => vi.useRealTimers());

const refused = { kind: 'unauthorized' };
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const bytes = (text: string) => new TextEncoder().encode(text);

async function signedWithout(claim: 'exp' | 'iat'): Promise<string> {
  const { [claim]: _, ...others } = decodeJwt(await gitlab.token());
  return new SignJWT(others).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).sign(gitlab.keys.privateKey);
}

const forged: readonly (readonly [string, () => Promise<string>])[] = [
  ['alg none', async () => (await gitlab.token()).replace(/^[^.]+/, encoded({ alg: 'none' })).replace(/[^.]+$/, '')],
  ['alg None with the signature kept', async () => (await gitlab.token()).replace(/^[^.]+/, encoded({ alg: 'None', kid: 'k1' }))],
  [
    'HS256 with the public key as PEM',
    async () => gitlab.token({}, { header: { alg: 'HS256' }, key: bytes(await exportSPKI(gitlab.keys.publicKey)) }),
  ],
  [
    'HS256 with the public key as JWK',
    async () =>
      gitlab.token({}, { header: { alg: 'HS256' }, key: bytes(JSON.stringify(await exportJWK(gitlab.keys.publicKey))) }),
  ],
  [
    'another RSA algorithm',
    async () => gitlab.token({}, { header: { alg: 'PS256' }, key: (await generateKeyPair('PS256')).privateKey }),
  ],
  ['the kid of GitLab, the key of a stranger', () => gitlab.token({}, { key: stranger.privateKey })],
  [
    'a key that it brings itself',
    async () => gitlab.token({}, { header: { jwk: await exportJWK(stranger.publicKey) }, key: stranger.privateKey }),
  ],
  [
    'an address of keys that it brings itself',
    () => gitlab.token({}, { header: { jku: 'http://127.0.0.1:1/' }, key: stranger.privateKey }),
  ],
  ['another issuer', () => gitlab.token({}, { iss: 'https://gitlab.example.com' })],
  ['an issuer that begins alike', () => gitlab.token({}, { iss: `${gitlab.url}.evil.example` })],
  ['another audience', () => gitlab.token({}, { aud: 'https://other.example.com' })],
  ['an audience that begins alike', () => gitlab.token({}, { aud: `${audience}.evil.example` })],
  ['a lifetime that is over', () => gitlab.token({}, { lifetime: '-1m' })],
  ['no end', () => signedWithout('exp')],
  ['no time at which it was made', () => signedWithout('iat')],
  ['a project that is not written as GitLab does', () => gitlab.token({ project_id: '042' })],
  ['a project that is a list', () => gitlab.token({ project_id: ['42'] })],
  ['a project of the job that is a list', () => gitlab.token({ job_project_id: ['42'] })],
  ['a path with a NUL', () => gitlab.token({ project_path: 'risk/\u0000late' })],
  ['a time that has not come', () => gitlab.token({}, { notBefore: '2m' })],
];
it.each(forged)('refuses %s', async (_, make) => {
  await expect(verify(await make())).rejects.toMatchObject(refused);
});

it('takes a token that its clock calls a little too young or too old', async () => {
  await expect(verify(await gitlab.token({}, { notBefore: '10s' }))).resolves.toMatchObject({ projectId: '42' });
  await expect(verify(await gitlab.token({}, { lifetime: '-10s' }))).resolves.toMatchObject({ projectId: '42' });
});

it('reads nothing from sub, which a project may compose as it likes', async () => {
  const sub = 'project_path:treasury/rates:ref_type:branch:ref:main';
  const plain = await verify(await gitlab.token());
  expect(await verify(await gitlab.token({ sub }))).toEqual(plain);
});

/** Only the clock is moved: sockets need their timers. */
const inMinutes = (minutes: number) => {
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(Date.now() + minutes * 60_000);
};

it('goes on with the keys that it has while the key server is down, and no longer than a day', async () => {
  const own = idTokenVerifier([gitlab.url], audience);
  const published = { keys: [await gitlab.publish(gitlab.keys, 'k1')] };
  await own(await gitlab.token());
  for (const broken of [null, 'no keys', { keys: 'none' }]) {
    gitlab.serve(broken);
    inMinutes(11);
    const before = gitlab.requests();
    await expect(own(await gitlab.token())).resolves.toMatchObject({ projectId: '42' });
    await expect(own(await gitlab.token())).resolves.toMatchObject({ projectId: '42' });
    expect(gitlab.requests(), 'one attempt, then a pause').toBe(before + 1);
  }
  inMinutes(25 * 60);
  await expect(own(await gitlab.token())).rejects.toMatchObject({ kind: 'unavailable' });
  gitlab.serve(published);
  inMinutes(1);
  await expect(own(await gitlab.token())).resolves.toMatchObject({ projectId: '42' });
});

it('asks a key server that is down once in half a minute, however many tokens come', async () => {
  const own = idTokenVerifier([gitlab.url], audience);
  const published = { keys: [await gitlab.publish(gitlab.keys, 'k1')] };
  const unsigned = async () => (await gitlab.token()).replace(/[^.]+$/, 'x');
  gitlab.serve(null);
  const before = gitlab.requests();
  for (let i = 0; i < 10; i++) await expect(own(await unsigned())).rejects.toMatchObject({ kind: 'unavailable' });
  expect(gitlab.requests()).toBe(before + 1);
  gitlab.serve(published);
  inMinutes(1);
  await expect(own(await gitlab.token())).resolves.toMatchObject({ projectId: '42' });
  gitlab.serve(null);
  inMinutes(25 * 60);
  const later = gitlab.requests();
  for (let i = 0; i < 10; i++) await expect(own(await unsigned())).rejects.toMatchObject({ kind: 'unavailable' });
  expect(gitlab.requests()).toBe(later + 1);
  gitlab.serve(published);
});

it('fetches the keys for the first tokens after a start, once for those that come together', async () => {
  const own = idTokenVerifier([gitlab.url], audience);
  const before = gitlab.requests();
  const tokens = await Promise.all(Array.from({ length: 5 }, () => gitlab.token()));
  for (const claims of await Promise.all(tokens.map(own))) expect(claims).toMatchObject({ projectId: '42' });
  expect(gitlab.requests()).toBe(before + 1);
});

it('follows a change of keys, and then refuses the old one', async () => {
  const own = idTokenVerifier([gitlab.url], audience);
  const old = await gitlab.publish(gitlab.keys, 'k1');
  const next = await generateKeyPair('RS256', { extractable: true });
  await own(await gitlab.token());
  gitlab.serve({ keys: [await gitlab.publish(next, 'k2')] });
  const byNext = () => gitlab.token({}, { header: { kid: 'k2' }, key: next.privateKey });
  // A key that nobody knows makes the server ask again, but not more often than every half minute: until then it may be new.
  const early = await own(await byNext()).catch((error) => error);
  expect(early).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('Try again in') });
  expect(early.retryAfterSeconds).toBeGreaterThan(20);
  expect(early.retryAfterSeconds).toBeLessThanOrEqual(30);
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(Date.now() + early.retryAfterSeconds * 1000);
  await expect(own(await byNext())).resolves.toMatchObject({ projectId: '42' });
  inMinutes(1);
  await expect(own(await gitlab.token()), 'the old key').rejects.toMatchObject(refused);
  gitlab.serve({ keys: [old] });
});

it('refuses keys that the issuer does not have, and does not ask it for each of them', async () => {
  const own = idTokenVerifier([gitlab.url], audience);
  await own(await gitlab.token());
  const unknown = (kid: string) => gitlab.token({}, { header: { kid }, key: stranger.privateKey });
  inMinutes(1);
  await expect(own(await unknown('k9'))).rejects.toMatchObject(refused);
  const before = gitlab.requests();
  for (let i = 0; i < 20; i++) await expect(own(await unknown(`x${i}`))).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(own(await gitlab.token()), 'others go on').resolves.toMatchObject({ projectId: '42' });
  expect(gitlab.requests()).toBe(before);
});

it('takes RS256 alone, also where the issuer does not say what its key is for', async () => {
  const own = idTokenVerifier([gitlab.url], audience);
  const key = await gitlab.publish(gitlab.keys, 'k1');
  gitlab.serve({ keys: [{ ...key, alg: undefined }] });
  const pkcs8 = await exportPKCS8(gitlab.keys.privateKey);
  for (const alg of ['RS384', 'RS512', 'PS256'])
    await expect(own(await gitlab.token({}, { header: { alg }, key: await importPKCS8(pkcs8, alg) })), alg).rejects.toMatchObject(
      refused,
    );
  await expect(own(await gitlab.token())).resolves.toMatchObject({ projectId: '42' });
  gitlab.serve({ keys: [key] });
});

it('takes no more keys than a GitLab has, however they are packed', async () => {
  const own = idTokenVerifier([gitlab.url], audience);
  const key = await gitlab.publish(gitlab.keys, 'k1');
  const spaces = Buffer.alloc(2 ** 26, ' ');
  gitlab.serveGzip(Buffer.concat([Buffer.from('{"keys":['), spaces, Buffer.from(`${JSON.stringify(key)}]}`)]));
  await expect(own(await gitlab.token())).rejects.toMatchObject({ kind: 'unavailable' });
  gitlab.serveGzip(Buffer.from(JSON.stringify({ keys: [key] })));
  inMinutes(1);
  await expect(own(await gitlab.token())).resolves.toMatchObject({ projectId: '42' });
  gitlab.serve({ keys: [key] });
});

it('says of a key that is too short for its algorithm that it cannot be used', async () => {
  const own = idTokenVerifier([gitlab.url], audience);
  const key = await gitlab.publish(gitlab.keys, 'k1');
  gitlab.serve({ keys: [{ ...key, n: 'AQAB' }] });
  const problem = { kind: 'unavailable', message: expect.stringMatching(/The key of .* cannot be used: RS256 requires/) };
  await expect(own(await gitlab.token())).rejects.toMatchObject(problem);
  gitlab.serve({ keys: [key] });
});
