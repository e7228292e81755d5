/** Where a login may lead: to a page of this server, never to another one. */
import { expect, it } from 'vitest';
import { localPath } from '../../../src/tower/auth/login-routes.ts';

it.each([
  'https://evil.example',
  '//evil.example',
  '/\\evil.example',
  '/\u0009/evil.example',
  '/x\\..\\y',
  'javascript:alert(1)',
  '/login',
  '/logout',
  // Slashes that are left when the dots are resolved.
  '/.//evil.example',
  '/x/..//evil.example/a',
  '/%2e//evil.example',
  '/%2e%2E//evil.example',
  // What would not fit into a cookie.
  `/${'"'.repeat(1000)}`,
])('a login leads nobody to %s', (text) => expect(localPath(text)).toBe('/'));

it.each([
  ['/models/1?a=b%2F', '/models/1?a=b%2F'],
  ['/explore?metric=x&where=a://b', '/explore?metric=x&where=a://b'],
  ['/x/../rules', '/rules'],
])('a login leads on to %s', (text, path) => expect(localPath(text)).toBe(path));
