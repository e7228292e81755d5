/** Merge requests and their notes as GitLab's documentation describes them: pages of notes, a user for each token, 403, 429, notes that people delete. */
import { sendJson, serve } from './http-server.ts';

interface Note {
  readonly id: number;
  body: string;
  readonly author: { readonly id: number; readonly username: string };
}

export interface FakeMergeRequests {
  readonly url: string;
  readonly token: string;
  /** By `PROJECT!IID`. */
  readonly notes: Map<string, Note[]>;
  /** What GitLab says of pipelines, by `PROJECT/ID`: their ref. */
  readonly pipelines: Map<string, string>;
  /** By `PROJECT!IID`. */
  readonly mergeRequests: Map<string, { readonly source: number; readonly target: number; readonly state: string }>;
  /** `METHOD path` of every request. */
  readonly asked: string[];
  /** The next requests with this method are answered with this status. */
  fail(method: string, status: number, times?: number): void;
  /** Milliseconds before each answer. */
  delay(milliseconds: number): void;
  close(): Promise<void>;
}

const bot = { id: 7, username: 'flightcheck-bot' };

export async function startFakeMergeRequests(): Promise<FakeMergeRequests> {
  const token = 'glpat-abcdefghij0123456789';
  const notes: FakeMergeRequests['notes'] = new Map();
  const pipelines: FakeMergeRequests['pipelines'] = new Map();
  const mergeRequests: FakeMergeRequests['mergeRequests'] = new Map();
  const failures: { method: string; status: number }[] = [];
  const asked: string[] = [];
  let [nextId, pause] = [100, 0];

  const answer = (method: string, url: URL, body: string): readonly [status: number, body: unknown] => {
    const [, project = '', rest = ''] = /^\/api\/v4\/projects\/(\d+)\/(.*)$/.exec(url.pathname) ?? [];
    if (url.pathname === '/api/v4/user') return [200, bot];
    const [kind, id = '', part, note] = rest.split('/');
    const missing = [404, { message: '404 Not found' }] as const;
    if (kind === 'pipelines') {
      const ref = pipelines.get(`${project}/${id}`);
      return ref === undefined ? missing : [200, { id: Number(id), ref, source: 'merge_request_event' }];
    }
    const key = `${project}!${id}`;
    const request = mergeRequests.get(key);
    if (kind !== 'merge_requests' || !request) return missing;
    if (part === undefined)
      return [
        200,
        { iid: Number(id), state: request.state, source_project_id: request.source, target_project_id: request.target },
      ];
    const all = notes.get(key) ?? [];
    if (method === 'GET') {
      const [page, size] = [
        Number(url.searchParams.get('page') ?? 1),
        Math.min(100, Number(url.searchParams.get('per_page') ?? 20)),
      ];
      return [200, all.slice((page - 1) * size, page * size)];
    }
    const text = String((JSON.parse(body) as { body: unknown }).body);
    if (method === 'POST') {
      const made = { id: nextId++, body: text, author: bot };
      notes.set(key, [...all, made]);
      return [201, made];
    }
    const found = all.find((one) => one.id === Number(note));
    if (!found) return missing;
    if (found.author.id !== bot.id) return [403, { message: '403 Forbidden' }];
    found.body = text;
    return [200, found];
  };

  const server = await serve((response, _, { method = '', url = '', headers, body }) => {
    asked.push(`${method} ${url}`);
    const index = failures.findIndex((one) => one.method === method);
    const failure = index < 0 ? undefined : failures.splice(index, 1)[0];
    const [status, json] =
      headers['private-token'] !== token
        ? ([401, { message: '401 Unauthorized' }] as const)
        : failure
          ? ([failure.status, { message: 'as asked' }] as const)
          : answer(method, new URL(url, 'http://gitlab.invalid'), body);
    setTimeout(() => sendJson(response, status, json, status === 429 ? { 'retry-after': '1' } : {}), pause);
  });
  return {
    url: server.url,
    token,
    notes,
    pipelines,
    mergeRequests,
    asked,
    fail(method, status, times = 1) {
      failures.push(...Array.from({ length: times }, () => ({ method, status })));
    },
    delay(milliseconds) {
      pause = milliseconds;
    },
    close: () => server.close(),
  };
}
