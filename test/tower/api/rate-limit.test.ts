import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { HttpProblem, statusOf } from '../../../src/tower/api/problem.ts';
import { limitRate } from '../../../src/tower/api/rate-limit.ts';

it('lets a burst through, then the rate, each sender for itself; reading is free', async () => {
  let now = 0;
  const app = new Hono();
  app.onError((error) => new Response('', { status: error instanceof HttpProblem ? statusOf(error.kind) : 500 }));
  app.use(limitRate({ burst: 3, perSecond: 2 }, () => now));
  app.all('/', (c) => c.text('fine'));
  const send = async (authorization: string, method = 'POST') =>
    (await app.request('/', { method, headers: { authorization } })).status;
  const many = async (n: number, token: string) => Promise.all(Array.from({ length: n }, () => send(token)));
  expect(await many(5, 'Bearer a')).toEqual([200, 200, 200, 429, 429]);
  expect(await send('Bearer b')).toBe(200);
  expect(await send('Bearer a', 'GET')).toBe(200);
  now += 1000;
  expect(await many(3, 'Bearer a')).toEqual([200, 200, 429]);
});
