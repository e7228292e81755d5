/** Forged, stale and borrowed id_tokens, and key servers that misbehave. No database: the verifier alone. */
import { exportJWK, exportSPKI, generateKeyPair } from 'jose';
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
  ['an unknown kid', () => gitlab.token({}, { header: { kid: 'k9' }, key: stranger.privateKey })],
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
  // A key that nobody knows makes the server ask again, but not more often than every half minute.
  await expect(own(await byNext())).rejects.toMatchObject(refused);
  inMinutes(1);
  await expect(own(await byNext())).resolves.toMatchObject({ projectId: '42' });
  await expect(own(await gitlab.token())).rejects.toMatchObject(refused);
  const before = gitlab.requests();
  for (let i = 0; i < 20; i++)
    await expect(own(await gitlab.token({}, { header: { kid: `x${i}` }, key: stranger.privateKey }))).rejects.toMatchObject(
      refused,
    );
  expect(gitlab.requests()).toBe(before);
  gitlab.serve({ keys: [old] });
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
