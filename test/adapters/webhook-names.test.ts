/** A name whose owner answers with one address when it is looked at, and with another when it is connected to. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

const answers: { address: string; family: number }[][] = [];
let lookups = 0;
vi.mock('node:dns', async (original) => ({
  ...(await original<object>()),
  lookup: (_: string, __: object, callback: (error: null, found: (typeof answers)[number]) => void) => {
    lookups++;
    callback(null, answers.shift() ?? []);
  },
}));
const { sendWebhook } = await import('../../src/adapters/tower-actions.ts');

let reached = 0;
const inner = createServer((_, response) => {
  reached++;
  response.end();
});
beforeAll(() => new Promise<void>((resolve) => inner.listen(0, '127.0.0.1', resolve)));
afterAll(() => inner.close());

const here = { address: '127.0.0.1', family: 4 };
const metadata = { address: '169.254.169.254', family: 4 };
const outer = { address: '203.0.113.9', family: 4 };
const send = () =>
  sendWebhook(
    { url: `http://rebind.example:${(inner.address() as AddressInfo).port}/`, secret: Buffer.from('x'), mayBePrivate: false },
    {},
    '{}',
  );

it.each([
  ['an inner address', [here]],
  ['the address of cloud metadata', [metadata]],
  ['an outer address beside an inner one', [outer, here]],
  ['an inner one in the form of IPv6', [{ address: '::ffff:127.0.0.1', family: 6 }]],
  ['no address', []],
])('does not lead to %s', async (_, found) => {
  // What a second look would find.
  answers.splice(0, answers.length, found, [here]);
  lookups = 0;
  await expect(send()).rejects.toMatchObject({ message: expect.stringContaining('inner network') });
  expect({ lookups, reached }).toEqual({ lookups: 1, reached: 0 });
});
