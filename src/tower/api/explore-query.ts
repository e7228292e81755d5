/** What the page Explore has in its address: the query of `/v1/query`, and how to look at the answer. */
import { type QuerySchema, queryReader } from './query.ts';
import { type SliceQuery, sliceQuery } from './slice-query.ts';

export const looks = ['lines', 'small', 'bars'] as const;

const { required: _, ...optional } = sliceQuery;
const { format: __, ...shared } = sliceQuery.properties;
export const exploreQuery = {
  ...optional,
  properties: {
    ...shared,
    limit: { ...shared.limit, default: 20 },
    look: { type: 'string', description: 'How the answer is drawn.', enum: looks, default: 'lines' },
  },
} as const satisfies QuerySchema;

export interface ExploreState extends Omit<SliceQuery, 'metric' | 'format'> {
  /** Absent: none was chosen yet. */
  readonly metric?: string;
  readonly look: (typeof looks)[number];
}

export const readExploreState = queryReader<ExploreState>(exploreQuery);
