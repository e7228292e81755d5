/** The change against the last report that counts, in words. */
import type { Report } from '../kernel/report.ts';
import { formatTime } from './text.ts';
import { formatScore, formatShare, outcomeWords } from './words.ts';

type Comparison = NonNullable<Report['comparison']>;
type TestChange = NonNullable<Comparison['tests']>[number];

const mostNamed = 12;

const named = (tests: readonly TestChange[], words: (test: TestChange) => string): string =>
  `${tests.slice(0, mostNamed).map(words).join(', ')}${tests.length > mostNamed ? ` and ${tests.length - mostNamed} more` : ''}`;

/** `Against main at 1a2b3c4d, 2026-11-20 06:12 UTC, from Control Tower`. */
export function comparisonHead({ against, missing }: Comparison): string {
  if (!against) return `Compared with nothing: ${missing ?? 'there is no earlier report'}`;
  const what = [against.ref, against.commit && `at ${against.commit.slice(0, 8)}`].filter((part) => part).join(' ');
  return `Against ${what || 'the last report'}, ${formatTime(against.at)}, from ${against.source}`;
}

/** One line for each thing that changed; `Nothing changed` when none did. Empty without a comparison. */
export function comparisonLines({ against, scores = [], sections = [], tests = [] }: Comparison): readonly string[] {
  if (!against) return [];
  const isShare = (suite: string): boolean => scores.some((each) => each.suite === suite && each.paperAfter === undefined);
  const format = (suite: string, score: number | null): string => (isShare(suite) ? formatShare(score) : formatScore(score));
  const totals = scores.map(({ suite, title, before, after, paperBefore = null, paperAfter }) => {
    const paper = paperAfter === undefined ? '' : `, paper score ${formatScore(paperBefore)} → ${formatScore(paperAfter)}`;
    return `${title} ${format(suite, before)} → ${format(suite, after)}${paper}`;
  });
  const moved = sections
    .filter(({ suite, before, after }) => format(suite, before) !== format(suite, after))
    .map(({ suite, title, before, after }) => `${title} ${format(suite, before)} → ${format(suite, after)}`);
  const of = (change: TestChange['change']) => tests.filter((test) => test.change === change);
  const lines = [
    ...(moved.length > 0 ? [moved.join(', ')] : []),
    ...(of('gained').length > 0 ? [`Gained: ${named(of('gained'), ({ check }) => check)}`] : []),
    ...(of('lost').length > 0 ? [`Lost: ${named(of('lost'), ({ check, after }) => `${check} (${outcomeWords[after]})`)}`] : []),
    ...(of('counts-less').length > 0
      ? [`Hold as before and count less, because of how this run was started: ${named(of('counts-less'), ({ check }) => check)}`]
      : []),
    ...(of('counts-more').length > 0 ? [`Hold as before and count more: ${named(of('counts-more'), ({ check }) => check)}`] : []),
    ...(of('changed').length > 0
      ? [
          `Neither held nor holds: ${named(of('changed'), ({ check, before, after }) => `${check} (${outcomeWords[before]} → ${outcomeWords[after]})`)}`,
        ]
      : []),
  ];
  return [...totals, ...(lines.length > 0 ? lines : ['Nothing changed'])];
}
