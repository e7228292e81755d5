import { expect, it } from 'vitest';
import { publicOrigin } from '../../src/tower/public-url.ts';

it.each([
  ['https://tower.example.com', 'https://tower.example.com'],
  ['https://Tower.Example.com:443/', 'https://tower.example.com'],
  ['https://tower.example.com:8443', 'https://tower.example.com:8443'],
  ['http://localhost:4700/', 'http://localhost:4700'],
  ['http://[::1]:4700', 'http://[::1]:4700'],
])('%s is reached at %s', (text, origin) => expect(publicOrigin(text, true)).toBe(origin));

it('may be plain http where nobody logs in', () =>
  expect(publicOrigin('http://tower.example.com', false)).toBe('http://tower.example.com'));
