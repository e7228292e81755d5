/** One cause of several results: told with the first, linked from the others. */
import type { Result } from '../../kernel/report.ts';
import { causesOf } from '../causes.ts';

/** What was told before with another test; what it breaks besides, where it is told. */
export interface Shared {
  readonly told?: string;
  readonly others?: readonly string[];
}

export function CheckLinks({ checks }: { readonly checks: readonly string[] }) {
  return (
    <>
      {checks.map((check, i) => (
        <>
          {i > 0 && ', '}
          <a href={`#${check}`}>{check}</a>
        </>
      ))}
    </>
  );
}

/** Which results share a cause with one that is told before them. */
export function sharedCauses(results: readonly Result[]): ReadonlyMap<string, Shared> {
  const shared = causesOf(results).filter(({ others }) => others.length > 0);
  return new Map(
    shared.flatMap(({ result, others }): [string, Shared][] => [
      [result.check, { others: others.map(({ check }) => check) }],
      ...others.map(({ check }): [string, Shared] => [check, { told: result.check }]),
    ]),
  );
}
