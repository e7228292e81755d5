/** The table of faults and tests, as text. */
import type { Outcome } from '../../src/kernel/report.ts';
import type { Fault } from './fault.ts';

export const sections = ['data', 'model', 'infra', 'monitor'] as const;
export const tests: readonly string[] = sections.flatMap((section) => [1, 2, 3, 4, 5, 6, 7].map((i) => `${section}-${i}`));

export type Outcomes = ReadonlyMap<string, Outcome>;

const signs: Readonly<Partial<Record<Outcome, string>>> = { pass: '.', fail: 'F', skipped: '?', error: 'E' };

const cellsOf = (outcomes: Outcomes): string =>
  sections
    .map((section) =>
      tests
        .filter((id) => id.startsWith(section))
        .map((id) => signs[outcomes.get(id) ?? 'error'] ?? '-')
        .join(''),
    )
    .join('  ');

/** One row for the good model and for each fault, why some faults set off two tests, and what catches what. */
export function renderMatrix(good: Outcomes, found: readonly { readonly fault: Fault; readonly outcomes: Outcomes }[]): string {
  const width = Math.max(...found.map(({ fault }) => fault.name.length)) + 2;
  const row = (name: string, cells: string) => `${name.padEnd(width)}${cells}`;
  const heads = sections
    .map((section) => section.padEnd(7))
    .join('  ')
    .trimEnd();
  const reasons = found.flatMap(({ fault }) =>
    Object.entries(fault.also ?? {}).map(([id, why]) => `${fault.name}: ${fault.caughtBy}, and ${id}, because ${why}`),
  );
  const caught = (id: string) => found.filter(({ fault, outcomes }) => fault.caughtBy === id && outcomes.get(id) === 'fail');
  const summary = tests.map(
    (id) =>
      `${id.padEnd(11)}${signs[good.get(id) ?? 'error']}  ${
        caught(id)
          .map(({ fault }) => fault.name)
          .join('; ') || '(nothing)'
      }`,
  );
  return [
    'Faults and the tests that catch them. . passes, F fails, ? is not told, E ends in an error.',
    '',
    row('', heads),
    row('', sections.map(() => '1234567').join('  ')),
    row('(no fault)', cellsOf(good)),
    ...found.map(({ fault, outcomes }) => row(fault.name, cellsOf(outcomes))),
    '',
    'Where two tests turn:',
    ...reasons,
    '',
    'Each test on the good model, and the faults that it catches:',
    ...summary,
    '',
  ].join('\n');
}
