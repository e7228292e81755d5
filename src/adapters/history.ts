/** The history port over Control Tower's `GET /v1/series`. Nothing here throws on what a server does: the answer is data. */
import type { Answer, History, PastValue } from '../kernel/world.ts';

export interface HistoryOptions {
  /** Address of Control Tower; empty asks nobody. */
  readonly url: string;
  /** id_token of this job, or a token of Control Tower; a Tower on this machine needs none. */
  readonly token: string | undefined;
  readonly model: string;
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
}

const mostBytes = 4 * 2 ** 20;
const unknown = (reason: string, isAbsent = false): { ok: false; reason: string; isAbsent: boolean } => ({
  ok: false,
  reason,
  isAbsent,
});

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > mostBytes) throw new Error('the answer is too large');
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
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

export function openHistory(options: HistoryOptions): History {
  const { url, token, model } = options;
  const ask = async (
    metric: string,
    labels: Readonly<Record<string, string>>,
    limit: number,
  ): Promise<Answer<readonly PastValue[]>> => {
    if (url === '') return unknown('no Control Tower is named (tower-url)');
    const address = new URL(`${url.replace(/\/+$/, '')}/v1/series`);
    address.searchParams.set('model', model);
    address.searchParams.set('metric', metric);
    address.searchParams.set('limit', String(limit));
    for (const [name, value] of Object.entries(labels)) address.searchParams.append('label', `${name}:${value}`);
    const limitSignal = AbortSignal.timeout((options.timeoutSeconds ?? 15) * 1000);
    const signal = options.signal ? AbortSignal.any([limitSignal, options.signal]) : limitSignal;
    try {
      // A redirect would carry the token to another host.
      const response = await fetch(address, {
        signal,
        redirect: 'error',
        headers: { accept: 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      });
      const text = await textOf(response);
      if (!response.ok) return unknown(`Control Tower at ${address.host} answered ${response.status}`, response.status === 404);
      const points = pointsOf(text);
      if (points === null) return unknown(`the answer of ${address.host} is not one of Control Tower`);
      return points.length > 0
        ? { ok: true, value: points.slice(-limit) }
        : unknown('Control Tower has no earlier run of this model', true);
    } catch {
      return unknown(`Control Tower at ${address.host} ${limitSignal.aborted ? 'did not answer in time' : 'cannot be reached'}`);
    }
  };
  return { values: (metric, { labels = {}, limit = 200 } = {}) => ask(metric, labels, limit) };
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
