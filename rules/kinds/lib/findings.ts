/** What kinds and rules share when they write findings. */
import type { Finding } from '../../../src/kernel/check.ts';

const most = 50;

/** The first findings, and a last one that counts the rest: nobody reads a thousand. */
export function capped(findings: readonly Finding[], what = 'places'): readonly Finding[] {
  if (findings.length <= most) return findings;
  const [next] = findings.slice(most);
  return [
    ...findings.slice(0, most),
    { message: `and ${findings.length - most} more ${what} of the same kind`, ...(next?.place && { place: next.place }) },
  ];
}

/** `a, b or c`. */
export const anyOf = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
