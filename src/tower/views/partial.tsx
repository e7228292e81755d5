/** Buckets that are not whole: where they are told from others, and in which words. */
import { formatNumber } from '../../reports/words.ts';
import type { Answer } from '../api/slices.ts';
import type { SliceGroup } from '../store/slice.ts';
import type { ChartLine } from './time-chart.tsx';
import { day } from './words.ts';

/** A part of a sum or a count looks like a fall; of other aggregates it is one like others. */
export const addsUp = ({ wanted }: Answer): boolean => wanted.aggregate === 'count' || wanted.aggregate === 'sum';
export const partialAt = (answer: Answer, at: Date) => (addsUp(answer) ? answer.partial.get(at.getTime()) : undefined);

/** What hollow points are, where some are drawn. */
export function PartialNote({ lines, answer }: { readonly lines: readonly ChartLine[]; readonly answer: Answer }) {
  const found = new Set(lines.flatMap(({ points }) => points.flatMap(({ partial = null }) => partial ?? [])));
  const { bucket } = answer.wanted;
  const words = [
    ...(found.has('so far') ? [`${bucket === 'hour' ? 'An' : 'A'} ${bucket} that is not over`] : []),
    ...(found.has('in part')
      ? [`${found.size > 1 ? 'one' : `${bucket === 'hour' ? 'An' : 'A'} ${bucket}`} that lies in this time in part`]
      : []),
  ];
  return words.length === 0 ? null : <p class="small quiet">{words.join(', and ')}, is hollow, its line dotted.</p>;
}

export function sayNewest(answer: Answer, { at, value }: SliceGroup['points'][number]): string {
  const partial = partialAt(answer, at);
  return `${formatNumber(value)}${partial === undefined ? '' : ` ${partial}`} (${day(at)})`;
}
