/** The fleet page's state is its address. */
import { labelOf, labelSchema, type QuerySchema, queryReader } from '../api/query.ts';
import { bandBorders, columnDimensions } from '../store/fleet.ts';
import { type Filter, gateStates, type SectionId, type SortKey, sectionIds, sortKeys } from '../store/list-models.ts';

export const fleetQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    q: { type: 'string', description: 'Part of the name or title.', maxLength: 200 },
    owner: { type: 'string', description: 'Owner.', maxLength: 500 },
    tier: { type: 'string', description: 'Tier.', maxLength: 100 },
    language: { type: 'string', description: 'Language.', maxLength: 100 },
    label: { ...labelSchema, description: 'NAME:VALUE.' },
    band: { type: 'integer', description: 'Index of the band.', minimum: 0, maximum: bandBorders.length - 1 },
    gate: { type: 'string', description: 'Decision of the gate.', enum: gateStates },
    weakest: { type: 'string', description: 'Section that sets the score.', enum: sectionIds },
    by: { type: 'string', description: 'Roll-up.', pattern: `^(${columnDimensions.join('|')}|label:.{1,100})$`, default: 'tier' },
    sort: { type: 'string', description: 'Order.', enum: sortKeys, default: 'score' },
    order: { type: 'string', description: 'Direction.', enum: ['asc', 'desc'], default: 'asc' },
    page: { type: 'integer', description: 'Page, from 1.', minimum: 1, maximum: 100_000, default: 1 },
  },
} as const satisfies QuerySchema;

export interface FleetState {
  readonly q?: string;
  readonly owner?: string;
  readonly tier?: string;
  readonly language?: string;
  readonly label?: string;
  readonly band?: number;
  readonly gate?: (typeof gateStates)[number];
  readonly weakest?: SectionId;
  readonly by: string;
  readonly sort: SortKey;
  readonly order: 'asc' | 'desc';
  readonly page: number;
}

export const readFleetState = queryReader<FleetState>(fleetQuery);

/** An HTML form sends its empty fields too: the address without them, or null when there are none. */
export function withoutEmptyFields(url: string): string | null {
  const { searchParams } = new URL(url);
  const filled = [...searchParams].filter(([, value]) => value.trim() !== '');
  return filled.length === [...searchParams].length ? null : hrefOf(Object.fromEntries(filled));
}

export const filterOf = ({ q: search, owner, tier, language, label, band, gate, weakest }: FleetState): Filter => ({
  search,
  owner,
  tier,
  language,
  gate,
  weakest,
  labels: label === undefined ? [] : [labelOf(label)],
  scoreOver: band === undefined ? undefined : (bandBorders[band - 1] ?? -1),
  scoreAtMost: band === undefined ? undefined : bandBorders[band],
});

const defaults: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(fleetQuery.properties).flatMap(([name, schema]) =>
    'default' in schema ? [[name, String(schema.default)]] : [],
  ),
);

/** Address of a state; what is default stays out of it. */
export function hrefOf(state: Readonly<Record<string, string | number | undefined>>): string {
  const parameters = new URLSearchParams();
  for (const name of Object.keys(fleetQuery.properties)) {
    const value = state[name];
    if (value !== undefined && String(value) !== '' && String(value) !== defaults[name]) parameters.set(name, String(value));
  }
  const query = parameters.toString();
  return query ? `/?${query}` : '/';
}

/** The address with changes; any change but of the page goes back to the first page. */
export const change = (state: FleetState, changes: Partial<Record<keyof FleetState, string | number | undefined>>): string =>
  hrefOf({ ...state, ...(!('page' in changes) && { page: undefined }), ...changes });

/** The same page at its list of models: below the roll-ups a reader would look for what he asked. */
export const toModels = (href: string): string => `${href}#models`;
