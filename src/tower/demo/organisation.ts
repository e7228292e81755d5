/** A made-up organisation: its units, its models, how mature each is and what happens to it. The same seed, the same organisation. */

/** A seeded source of random numbers. */
export interface Chance {
  /** In [0, 1). */
  uniform(): number;
  below(below: number): number;
  normal(): number;
}

interface Purpose {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  readonly features: readonly string[];
}

interface Unit {
  readonly id: string;
  readonly teams: readonly string[];
  readonly purposes: readonly Purpose[];
}

const purpose = (name: string, title: string, about: string, features: string): Purpose => ({
  name,
  title,
  about,
  features: features.split(' '),
});

const units: readonly Unit[] = [
  {
    id: 'payments',
    teams: ['@payments-fraud', '@payments-platform'],
    purposes: [
      purpose(
        'card-fraud',
        'Card fraud',
        'Chance that a card payment is fraud',
        'amount merchant_type hour_of_day distance_home',
      ),
      purpose('chargeback', 'Chargebacks', 'Chance that a payment is charged back', 'amount merchant_age prior_disputes channel'),
      purpose('payment-routing', 'Payment routing', 'Route that is least likely to fail', 'issuer amount currency latency'),
    ],
  },
  {
    id: 'lending',
    teams: ['@credit-risk', '@collections'],
    purposes: [
      purpose('default-risk', 'Default risk', 'Chance of default within a year', 'income debt_ratio tenure late_payments'),
      purpose(
        'late-payment',
        'Late payments',
        'Chance that an instalment comes late',
        'balance days_since_pay season utilisation',
      ),
      purpose('credit-limit', 'Credit limits', 'Limit that a customer can carry', 'income score age_of_account utilisation'),
      purpose('recovery', 'Recovery', 'Share of a debt that will be recovered', 'age_of_debt contacts region balance'),
    ],
  },
  {
    id: 'insurance',
    teams: ['@claims', '@pricing'],
    purposes: [
      purpose(
        'claim-severity',
        'Claim severity',
        'Cost of a claim when it is closed',
        'cause postcode vehicle_age reported_after',
      ),
      purpose('claim-triage', 'Claim triage', 'Claims that an expert should see', 'cause amount photos prior_claims'),
      purpose('lapse', 'Lapses', 'Chance that a policy is not renewed', 'premium_change tenure claims channel'),
    ],
  },
  {
    id: 'service',
    teams: ['@contact-centre', '@digital'],
    purposes: [
      purpose('call-volume', 'Call volume', 'Calls of the next two weeks by half hour', 'weekday holiday campaign backlog'),
      purpose('churn', 'Churn', 'Chance that a customer leaves', 'tenure contacts price_change usage'),
      purpose('message-routing', 'Message routing', 'Team that should answer a message', 'length language topic urgency'),
      purpose('next-offer', 'Next offer', 'Offer that a customer will take', 'usage tenure segment last_contact'),
    ],
  },
  {
    id: 'operations',
    teams: ['@network', '@supply'],
    purposes: [
      purpose('outage', 'Outages', 'Chance that a site fails within a week', 'load temperature age_of_site alarms'),
      purpose('demand', 'Demand', 'Demand of the next eight weeks', 'season price promotion stock'),
      purpose('delivery-time', 'Delivery times', 'Hours until a parcel arrives', 'distance weekday depot_load weather'),
    ],
  },
];
const regions = ['au', 'nz', 'uk', 'de', 'us', 'sg', 'ca'] as const;
const regionNames = {
  au: 'Australia',
  nz: 'New Zealand',
  uk: 'United Kingdom',
  de: 'Germany',
  us: 'United States',
  sg: 'Singapore',
  ca: 'Canada',
} as const;

/** What becomes of a model: its data stay as they are, move slowly, break at once, or nobody looks after it. */
type Fate = 'steady' | 'drifting' | 'broken' | 'neglected';

export interface DemoModel {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly owner: string | null;
  readonly tier: 'critical' | 'high' | 'standard' | 'experimental';
  readonly task: 'binary' | 'regression';
  readonly language: 'python' | 'r';
  readonly labels: Readonly<Record<string, string>>;
  readonly project: string;
  readonly features: readonly string[];
  readonly fate: Fate;
  /** Share of the tests that pass on the first and the last day, 0 to 1. */
  readonly maturity: readonly [first: number, last: number];
  /** Quality just after training. */
  readonly quality: number;
  /** Requests of a usual day. */
  readonly traffic: number;
  /** Day on which its data break or begin to drift. */
  readonly turn: number;
  /** Days between reports. */
  readonly rhythm: number;
}

function pick<T>(chance: Chance, weights: readonly (readonly [T, number])[]): T {
  let at = chance.uniform() * weights.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [value, weight] of weights) {
    at -= weight;
    if (at < 0) return value;
  }
  throw new Error('No weights');
}

const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));

function demoModel(chance: Chance, index: number, days: number): DemoModel {
  const unit = units[index % units.length] as Unit;
  const round = Math.floor(index / units.length);
  const { name, title, about, features } = unit.purposes[round % unit.purposes.length] as Purpose;
  const turn = Math.floor(round / unit.purposes.length);
  const region = regions[turn % regions.length] as keyof typeof regionNames;
  const variant = Math.floor(turn / regions.length) + 1;
  const suffix = variant > 1 ? `-${variant}` : '';
  const tier = pick(chance, [
    ['critical', 15],
    ['high', 25],
    ['standard', 45],
    ['experimental', 15],
  ] as const);
  const effort = { critical: 0.25, high: 0.12, standard: 0, experimental: -0.2 }[tier];
  const first = clamp(0.3 + effort + 0.15 * chance.normal(), 0.02, 0.9);
  return {
    name: `${name}-${region}${suffix}`,
    title: `${title}, ${regionNames[region]}${variant > 1 ? ` (${variant})` : ''}`,
    description: `${about}.`,
    owner: chance.uniform() < 0.03 ? null : (unit.teams[chance.below(unit.teams.length)] ?? null),
    tier,
    task: /severity|volume|demand|time|limit|recovery/.test(name) ? 'regression' : 'binary',
    language: chance.uniform() < 0.72 ? 'python' : 'r',
    labels: { business_unit: unit.id, region, platform: chance.uniform() < 0.7 ? 'batch' : 'online' },
    project: `${unit.id}/${name}-${region}${suffix}`,
    features,
    fate: pick(chance, [
      ['steady', 68],
      ['drifting', 17],
      ['broken', 8],
      ['neglected', 7],
    ] as const),
    maturity: [first, clamp(first + 0.12 + 0.12 * chance.normal(), 0.02, 0.97)],
    quality: clamp(0.82 + 0.06 * chance.normal(), 0.62, 0.96),
    traffic: Math.round(10 ** (2.5 + 1.5 * chance.uniform())),
    turn: Math.floor(days * (0.35 + 0.5 * chance.uniform())),
    rhythm: pick(chance, [
      [7, 30],
      [14, 50],
      [28, 20],
    ] as const),
  };
}

export const demoModels = (chance: Chance, count: number, days: number): readonly DemoModel[] =>
  Array.from({ length: count }, (_, index) => demoModel(chance, index, days));
