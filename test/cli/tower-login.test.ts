/** The file of `tower serve --login`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readLogin } from '../../src/cli/tower/login.ts';

const root = mkdtempSync(join(tmpdir(), 'flightcheck-login-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function read(more: object) {
  const path = join(root, 'login.json');
  writeFileSync(path, JSON.stringify({ clientId: 'tower', clientSecret: 'SECRET', ...more }));
  return readLogin(path, { SECRET: 'hush' });
}

it.each([
  'https://gitlab.example.com',
  'https://id.example.com/',
  'https://id.example.com/realms/a/',
  'http://127.0.0.1:8080',
  'http://[::1]:8080',
])('keeps the issuer %s as it stands: OpenID Connect compares every letter', (issuer) =>
  expect(read({ issuer })).toMatchObject({ issuer, clientId: 'tower', clientSecret: 'hush', isPublic: false }),
);

it.each([
  ['http://id.example.com', 'is not an https address'],
  ['https://me:hush@id.example.com', 'is not an http or https address'],
  ['https://id.example.com/?realm=a', 'has a question or a fragment'],
  ['id.example.com', 'is not an http or https address'],
])('refuses the issuer %s', (issuer, why) => {
  const reading = () => read({ issuer });
  expect(reading).toThrow(why);
  expect(reading).not.toThrow('hush');
});
