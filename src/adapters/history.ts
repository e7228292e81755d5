/** What Control Tower has on record: the history port over `GET /v1/series`, and last runs by schedule over `GET /v1/checks`. Nothing here throws on what a server does: the answer is data. */
import type { ScheduledResult } from '../kernel/repetition.ts';
import type { Answer, History, PastValue } from '../kernel/world.ts';
import { readBody } from './http-body.ts';

export interface HistoryOptions {
  /** Address of Control Tower; empty asks nobody. */
  readonly url: string;
  /** id_token of this job, or a token of Control Tower; a Tower on this machine needs none. */
  readonly token: string | undefined;
  readonly model: string;
  /** What the run may spend on Control Tower; one question never waits longer than `mostSeconds`. */
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
}

const mostBytes = 4 * 2 ** 20;
/** To wait for one answer. */
const mostSeconds = 15;
const unknown = (reason: string, isAbsent = false): { ok: false; reason: string; isAbsent: boolean } => ({
  ok: false,
  reason,
  isAbsent,
});

async function textOf(response: Response): Promise<string> {
  const { text, isWhole } = await readBody(response, mostBytes);
  if (!isWhole) throw new Error('the answer is too large');
  return text;
}

/** The points of an answer, all series together, oldest first; null when it is not one of Control Tower. */
function pointsOf(text: string): readonly PastValue[] | null {
  try {
    const { items } = JSON.parse(text) as { items: readonly { points: readonly PastValue[] }[] };
    const points = items.flatMap(({ points: own }) =>
      own.map(({ at, value }) => ({ at: new Date(at).toISOString(), value: Number(value) })),
    );
    return points.filter(({ value }) => Number.isFinite(value)).sort((a, b) => (a.at < b.at ? -1 : 1));
  } catch {
    return null;
  }
}

/** The text of an answer, or why there is none. */
export async function askTower(
  { url, token, timeoutSeconds, signal }: HistoryOptions,
  path: string,
  parameters: readonly (readonly [name: string, value: string])[],
): Promise<Answer<string>> {
  if (url === '') return unknown('no Control Tower is named (tower-url)');
  const address = new URL(`${url.replace(/\/+$/, '')}${path}`);
  for (const [name, value] of parameters) address.searchParams.append(name, value);
  const limitSignal = AbortSignal.timeout(Math.min(mostSeconds, timeoutSeconds ?? mostSeconds) * 1000);
  try {
    // A redirect would carry the token to another host.
    const response = await fetch(address, {
      signal: signal ? AbortSignal.any([limitSignal, signal]) : limitSignal,
      redirect: 'error',
      headers: { accept: 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    });
    const text = await textOf(response);
    if (!response.ok) return unknown(`Control Tower at ${address.host} answered ${response.status}`, response.status === 404);
    return { ok: true, value: text };
  } catch {
    return unknown(`Control Tower at ${address.host} ${limitSignal.aborted ? 'did not answer in time' : 'cannot be reached'}`);
  }
}

export const notTower = (url: string) => unknown(`the answer of ${new URL(url).host} is not one of Control Tower`);

export function openHistory(options: HistoryOptions): History {
  const values: History['values'] = async (metric, { labels = {}, limit = 200 } = {}) => {
    const wanted = Object.entries(labels).map(([name, value]) => ['label', `${name}:${value}`] as const);
    const answer = await askTower(options, '/v1/series', [
      ['model', options.model],
      ['metric', metric],
      ['limit', String(limit)],
      ...wanted,
    ]);
    if (!answer.ok) return answer;
    const points = pointsOf(answer.value);
    if (points === null) return notTower(options.url);
    return points.length > 0
      ? { ok: true, value: points.slice(-limit) }
      : unknown('Control Tower has no earlier run of this model', true);
  };
  return { values };
}

const text = (value: unknown, pattern: RegExp): value is string => typeof value === 'string' && pattern.test(value);

/** The results in an answer; null when it is not one of Control Tower, a reason when it is not of one model. */
function scheduledOf(body: string): readonly ScheduledResult[] | string | null {
  try {
    const { items } = JSON.parse(body) as { items: readonly Readonly<Record<string, unknown>>[] };
    const results = items.map(({ check, outcome, at, commit, trigger }): ScheduledResult => {
      if (outcome !== 'pass' && outcome !== 'fail') throw new Error('no judgement');
      if (!text(check, /^monitor-[1-7]$/) || !text(at, /^\d{4}-/) || trigger !== 'schedule' || Number.isNaN(Date.parse(at)))
        throw new Error('no result of a schedule');
      return { check, outcome, at: new Date(at).toISOString(), commit: text(commit, /^[0-9a-f]{40,64}$/) ? commit : null };
    });
    // A job sees its own project; other readers may see two models of one name.
    const isOne = new Set(items.map(({ model }) => model)).size <= 1;
    return isOne ? results : 'Control Tower has several models of this name';
  } catch {
    return null;
  }
}

/** The last runs by schedule of a model's monitoring tests, newest judgement of each; a reason where nobody can tell. */
export async function lastScheduled(options: HistoryOptions): Promise<readonly ScheduledResult[] | string> {
  const answer = await askTower(options, '/v1/checks', [
    ['model', options.model],
    ['section', 'monitor'],
    ['trigger', 'schedule'],
  ]);
  if (!answer.ok) return answer.reason;
  const results = scheduledOf(answer.value);
  if (results === null) return notTower(options.url).reason;
  return results;
}

type Measured = readonly { readonly name: string; readonly value: number; readonly labels?: Readonly<Record<string, string>> }[];

/** A history that ends with what this run measured. Where nobody could be asked it stays unknown. */
export const endingNow = (history: History, measured: Measured, at: string): History => ({
  async values(metric, options = {}) {
    const past = await history.values(metric, options);
    if (!past.ok && !past.isAbsent) return past;
    const isWanted = (labels: Readonly<Record<string, string>> = {}): boolean =>
      Object.entries(options.labels ?? {}).every(([name, value]) => labels[name] === value);
    const now = measured.filter(({ name, labels }) => name === metric && isWanted(labels)).map(({ value }) => ({ at, value }));
    if (now.length === 0) return past;
    return { ok: true, value: [...(past.ok ? past.value : []), ...now] };
  },
});
