/** Buckets that are not whole: where they are told from others, and in which words. */
import { formatNumber } from '../../reports/words.ts';
import type { Answer } from '../api/slices.ts';
import type { SliceGroup } from '../store/slice/slice.ts';
import type { ChartLine } from './time-chart.tsx';
import { day } from './words.ts';

/** A part of a sum or a count looks like a fall; of other aggregates it is one like others. */
export const addsUp = ({ wanted }: Answer): boolean => wanted.aggregate === 'count' || wanted.aggregate === 'sum';
export const partialAt = (answer: Answer, at: Date) => (addsUp(answer) ? answer.partial.get(at.getTime()) : undefined);

/** What hollow points are, where some are drawn. */
export function PartialNote({ lines, answer }: { readonly lines: readonly ChartLine[]; readonly answer: Answer }) {
  const a = answer.wanted.bucket === 'hour' ? 'An hour' : `A ${answer.wanted.bucket}`;
  const found = new Set(lines.flatMap(({ points }) => points.flatMap(({ partial = null }) => partial ?? [])));
  if (found.size === 0) return null;
  const why = [...(found.has('so far') ? ['is not over'] : []), ...(found.has('in part') ? ['lies in this time in part'] : [])];
  return (
    <p class="small quiet">
      {a} that {why.join(' or ')} is hollow, with a dotted line.
    </p>
  );
}

export function sayNewest(answer: Answer, { at, value }: SliceGroup['points'][number]): string {
  const partial = partialAt(answer, at);
  return `${formatNumber(value)}${partial === undefined ? '' : ` ${partial}`} (${day(at)})`;
}
