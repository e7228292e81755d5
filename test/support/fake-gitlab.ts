/**
 * The parts of GitLab's REST API that Control Tower acts through, as its documentation describes them: a pipeline made by
 * the API has the source `api`, its variables are read from a path of their own, issues are found by their title. Tells
 * what was asked for, and can fail in the ways that networks fail.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Pipeline {
  readonly id: number;
  readonly ref: string;
  readonly project: string;
  readonly updatedAt: string;
  readonly variables: readonly { readonly key: string; readonly value: string; readonly variable_type?: string }[];
}
interface Issue {
  readonly iid: number;
  readonly project: string;
  readonly title: string;
  readonly description: string;
  state: 'opened' | 'closed';
}

export interface FakeGitLab {
  readonly url: string;
  readonly token: string;
  readonly pipelines: readonly Pipeline[];
  readonly issues: readonly Issue[];
  /** The next requests: an error before anything is done, or a connection that breaks after it was done. */
  fail(how: 'before' | 'after', times?: number): void;
  close(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>);
}

export async function startFakeGitLab(projects: readonly string[], branches: readonly string[] = ['main']): Promise<FakeGitLab> {
  const token = 'glpat-0123456789abcdefghij';
  const pipelines: Pipeline[] = [];
  const issues: Issue[] = [];
  const failures: ('before' | 'after')[] = [];
  let address = '';
  const shown = ({ id, ref, updatedAt, project }: Pipeline) => ({
    id,
    ref,
    source: 'api',
    status: 'created',
    updated_at: updatedAt,
    web_url: `${address}/${project}/-/pipelines/${id}`,
  });
  const shownIssue = ({ iid, title, state, project }: Issue) => ({
    iid,
    title,
    state,
    web_url: `${address}/${project}/-/issues/${iid}`,
  });

  async function answer(request: IncomingMessage): Promise<readonly [status: number, body: unknown]> {
    const url = new URL(request.url ?? '/', address);
    const body = await bodyOf(request);
    if (request.headers['private-token'] !== token) return [401, { message: '401 Unauthorized' }];
    const [, project = '', rest = ''] = /^\/api\/v4\/projects\/([^/]+)\/(.*)$/.exec(url.pathname) ?? [];
    const name = decodeURIComponent(project);
    if (!projects.includes(name)) return [404, { message: '404 Project Not Found' }];
    const asked = `${request.method} ${rest.replaceAll(/\d+/g, 'N')}`;
    const number = Number(/\d+/.exec(rest)?.[0]);
    if (asked === 'POST pipeline') {
      if (!branches.includes(String(body.ref))) return [400, { message: { base: ['Reference not found'] } }];
      const made: Pipeline = {
        id: 1000 + pipelines.length,
        ref: String(body.ref),
        project: name,
        updatedAt: new Date().toISOString(),
        variables: (body.variables ?? []) as Pipeline['variables'],
      };
      pipelines.push(made);
      return [201, shown(made)];
    }
    if (asked === 'GET pipelines') {
      const since = Date.parse(url.searchParams.get('updated_after') ?? '1970-01-01');
      return [200, pipelines.filter((one) => one.project === name && Date.parse(one.updatedAt) >= since).map(shown)];
    }
    if (asked === 'GET pipelines/N/variables') return [200, pipelines.find(({ id }) => id === number)?.variables ?? []];
    if (asked === 'POST issues') {
      const made: Issue = {
        iid: issues.length + 1,
        project: name,
        title: String(body.title),
        description: String(body.description),
        state: 'opened',
      };
      issues.push(made);
      return [201, shownIssue(made)];
    }
    if (asked === 'GET issues')
      return [200, issues.filter(({ title }) => title.includes(url.searchParams.get('search') ?? '')).map(shownIssue)];
    const issue = issues.find(({ iid }) => iid === number);
    if (asked === 'PUT issues/N' && issue) {
      if (body.state_event === 'close') issue.state = 'closed';
      return [200, shownIssue(issue)];
    }
    return [404, { message: '404 Not Found' }];
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const failure = request.method === 'GET' ? undefined : failures.shift();
    if (failure === 'before') {
      response.writeHead(502).end();
      return;
    }
    const [status, body] = await answer(request);
    if (failure === 'after') request.socket.destroy();
    else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: address,
    token,
    pipelines,
    issues,
    fail(how, times = 1) {
      failures.push(...Array.from({ length: times }, () => how));
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
