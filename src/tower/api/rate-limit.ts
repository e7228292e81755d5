/** Keeps one sender from taking the server from the others: a bucket of requests for each, that fills again with time. */
import type { MiddlewareHandler } from 'hono';
import { HttpProblem } from './problem.ts';

export interface Rate {
  /** Requests that may come at once. */
  readonly burst: number;
  readonly perSecond: number;
}
export const defaultRate: Rate = { burst: 2000, perSecond: 500 };

interface Bucket {
  left: number;
  at: number;
}
const mostSenders = 10_000;

/** Counts writes by the token that the sender shows. Each server counts for itself: replicas share no state. */
export function limitRate({ burst, perSecond }: Rate, now: () => number = Date.now): MiddlewareHandler {
  const buckets = new Map<string, Bucket>();
  const take = (sender: string): number => {
    const at = now();
    const old = buckets.get(sender) ?? { left: burst, at };
    const left = Math.min(burst, old.left + ((at - old.at) / 1000) * perSecond);
    buckets.delete(sender);
    buckets.set(sender, { left: Math.max(0, left - 1), at });
    const [oldest] = buckets.keys();
    if (buckets.size > mostSenders && oldest !== undefined) buckets.delete(oldest);
    return left;
  };
  return async (c, next) => {
    const sender = c.req.header('authorization') ?? '';
    const left = /^(GET|HEAD)$/.test(c.req.method) ? 1 : take(sender.slice(-64));
    if (left < 1) {
      const seconds = Math.max(1, Math.ceil((1 - left) / perSecond));
      throw new HttpProblem(
        'too-many',
        `This sender may write ${perSecond} times a second. Try again in ${seconds} s.`,
        undefined,
        seconds,
      );
    }
    await next();
  };
}
