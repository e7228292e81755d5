/** What every post has in common: its content type, its Idempotency-Key. */
import type { Context } from 'hono';
import { KeyReused } from '../store/idempotency.ts';
import { TooOld } from '../store/points/append.ts';
import { HttpProblem } from './problem.ts';

export function needJson(c: Context): void {
  if (!/^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? ''))
    throw new HttpProblem('unsupported-media-type', 'Send the body as application/json.');
}

export function idempotencyKeyOf(c: Context): string | null {
  const key = c.req.header('idempotency-key');
  if (key === undefined) return null;
  if (!/^[\x20-\x7e]{1,200}$/.test(key))
    throw new HttpProblem('bad-request', 'The Idempotency-Key has 1 to 200 printable ASCII characters.');
  return key;
}

/** The same function, a reused Idempotency-Key and points that are too old answered as problems. */
export const answeringRefusals =
  <A extends readonly unknown[], T>(write: (...args: A) => Promise<T>) =>
  async (...args: A): Promise<T> => {
    try {
      return await write(...args);
    } catch (error) {
      if (error instanceof KeyReused) throw new HttpProblem('key-reused', 'Use a new Idempotency-Key for each body.');
      if (error instanceof TooOld)
        throw new HttpProblem('invalid-metrics', 'Some are older than the points that this server keeps.', [
          { pointer: '/metrics', detail: `holds points of before ${error.keptFrom.toISOString()}; leave them out` },
        ]);
      throw error;
    }
  };
