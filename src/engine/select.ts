/** Which checks of a suite run: `--only`, `--skip`, `--section`, and the severities that a manifest sets. */
import { didYouMean } from '../facts/did-you-mean.ts';
import { UsageError } from '../kernel/failure.ts';
import type { Severity } from '../kernel/report.ts';
import type { Suite } from '../kernel/suite.ts';

export interface Selection {
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  readonly section?: string;
  /** By check id; `off` leaves the check out. */
  readonly severities?: Readonly<Record<string, Severity | 'off'>>;
}

/** The suite with what is selected. An id that no check has is a UsageError: a typing error must not select nothing. */
export function selectChecks(suite: Suite, selection: Selection): Suite {
  const { only = [], skip = [], section = '', severities = {} } = selection;
  const known = suite.sections.flatMap((each) => each.checks.map((entry) => entry.check));
  for (const [origin, ids] of [
    ['--only', only],
    ['--skip', skip],
    ['structure.severities', Object.keys(severities)],
  ] as const)
    for (const id of ids) if (!known.includes(id)) throw unknownCheck(id, origin, known, suite.title);
  const sections = suite.sections
    .filter((each) => section === '' || each.id === section)
    .map((each) => ({
      ...each,
      checks: each.checks
        .filter(
          ({ check }) => (only.length === 0 || only.includes(check)) && !skip.includes(check) && severities[check] !== 'off',
        )
        .map((entry) => {
          const severity = severities[entry.check];
          return severity === undefined || severity === 'off' ? entry : { ...entry, severity };
        }),
    }));
  return { ...suite, sections };
}

function unknownCheck(id: string, origin: string, known: readonly string[], suite: string): UsageError {
  const guess = didYouMean(id, known);
  return new UsageError('UNKNOWN_CHECK', `${origin} names ${id}, which is no check of ${suite}`, {
    hint: guess ? `Did you mean ${guess}?` : `Known: ${known.join(', ')}.`,
  });
}
