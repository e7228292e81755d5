/** Errors of the HTTP API: problem details of RFC 9457, with JSON pointers; never a stack trace. */
import type { Problem } from '../rescore.ts';

export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly (Problem | { readonly parameter: string; readonly detail: string })[];
}

const titles = {
  'bad-request': [400, 'The request cannot be read'],
  unauthorized: [401, 'A valid token is needed'],
  forbidden: [403, 'Not allowed'],
  'not-found': [404, 'Not found'],
  'not-acceptable': [406, 'Not available in this form'],
  changed: [412, 'It was changed meanwhile'],
  'too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body is not of a supported type'],
  'invalid-report': [422, 'The report is not valid'],
  'invalid-metrics': [422, 'The metrics are not valid'],
  'invalid-rule': [422, 'The rule is not valid'],
  'invalid-acknowledgement': [422, 'The acknowledgement is not valid'],
  'invalid-dashboard': [422, 'The dashboard is not valid'],
  'invalid-token': [422, 'The token is not valid'],
  'key-reused': [422, 'The Idempotency-Key was used for another body'],
  'too-many': [429, 'Too many requests'],
  internal: [500, 'Something went wrong here'],
  'no-room': [507, 'The disk of the database is full'],
  unavailable: [503, 'Not available now'],
} as const;

export type ProblemKind = keyof typeof titles;

/** Thrown anywhere in a request; answered as a problem. */
export class HttpProblem extends Error {
  readonly kind: ProblemKind;
  readonly errors: ProblemBody['errors'];
  /** Of what may be tried again. */
  readonly retryAfterSeconds: number;

  constructor(kind: ProblemKind, detail: string, errors?: ProblemBody['errors'], retryAfterSeconds = 1) {
    super(detail);
    this.name = 'HttpProblem';
    this.kind = kind;
    this.errors = errors;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export const statusOf = (kind: ProblemKind) => titles[kind][0];

export function problemBody({ kind, message, errors }: HttpProblem): ProblemBody {
  const [status, title] = titles[kind];
  return { type: `urn:flightcheck:problem:${kind}`, title, status, detail: message, ...(errors && { errors }) };
}

export const problemResponse = (problem: HttpProblem, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(JSON.stringify(problemBody(problem)), {
    status: statusOf(problem.kind),
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  });
