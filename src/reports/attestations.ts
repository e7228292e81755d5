/** Attestations in words: those that count, and why the others do not. */
import { formatPlace } from '../kernel/failure.ts';
import type { Report, Result } from '../kernel/report.ts';

type Attested = NonNullable<Result['attested']>;
export type AttestationEntry = NonNullable<Report['attestations']>[number];

/** `@ada until 2027-02-20, approved by @bob in !12`. */
export const attestedWords = ({ by, until, approvedBy = [], mergeRequest }: Attested): string =>
  `${by} until ${until}${approvedBy.length > 0 ? `, approved by ${approvedBy.join(', ')}` : ''}${mergeRequest ? ` in ${mergeRequest}` : ''}`;

const stateWords = {
  counted: 'counts half a point',
  unproven: 'unproven, earns nothing',
  unused: 'not needed',
  refused: 'earns nothing',
} as const satisfies Record<AttestationEntry['state'], string>;

export const stateOf = ({ state }: AttestationEntry): string => stateWords[state];

export interface AttestationProblem {
  readonly where: string;
  readonly message: string;
  readonly fix: string;
}

export const attestationProblems = ({ path, problems }: AttestationEntry): readonly AttestationProblem[] =>
  problems.map(({ message, fix = '', place }) => ({ where: formatPlace(place ?? { path }), message, fix }));

/** Those that do not count. */
export const openAttestations = ({ attestations = [] }: Report): readonly AttestationEntry[] =>
  attestations.filter(({ state }) => state !== 'counted');
