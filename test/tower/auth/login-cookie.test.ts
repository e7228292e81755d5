/** What a login under way keeps in the browser that began it. */
import { afterEach, expect, it, vi } from 'vitest';
import { loginCookie } from '../../../src/tower/auth/login-cookie.ts';

const attempt = { verifier: 'v'.repeat(43), state: 's'.repeat(43), nonce: 'n'.repeat(43), returnTo: `/${'r'.repeat(1999)}` };
afterEach(() => void vi.useRealTimers());

it('is read by every server that has the secret of the client, and by no other', async () => {
  const sealed = await loginCookie('secret').seal(attempt);
  expect(await loginCookie('secret').open(sealed)).toEqual(attempt);
  expect(await loginCookie('another').open(sealed)).toBeNull();
});

it('shows nothing, fits into a cookie and is never the same', async () => {
  const cookie = loginCookie('secret');
  const sealed = await cookie.seal(attempt);
  expect(sealed).toMatch(/^[\w.-]{1,3500}$/);
  expect(await cookie.seal(attempt)).not.toBe(sealed);
  for (const part of sealed.split('.'))
    expect(Buffer.from(part, 'base64url').toString('latin1')).not.toMatch(/vvvv|ssss|nnnn|rrrr/);
});

it('is refused when anything of it was changed, and after ten minutes', async () => {
  const cookie = loginCookie('secret');
  const sealed = await cookie.seal(attempt);
  for (const at of [0, 30, 60, Math.floor(sealed.length / 2), sealed.length - 10]) {
    const other = sealed[at] === 'A' ? 'B' : 'A';
    expect(await cookie.open(`${sealed.slice(0, at)}${other}${sealed.slice(at + 1)}`), `at ${at}`).toBeNull();
  }
  for (const text of ['', 'x', '....', 'a.b.c', sealed.slice(0, -30)]) expect(await cookie.open(text)).toBeNull();
  vi.useFakeTimers({ now: Date.now() + 9 * 60_000, toFake: ['Date'] });
  expect(await cookie.open(sealed)).toEqual(attempt);
  vi.setSystemTime(Date.now() + 2 * 60_000);
  expect(await cookie.open(sealed)).toBeNull();
});
