/**
 * GitLab's REST API, as much of it as is read here: pages with their headers, scopes and roles (401, 403, 404), limits
 * (429 with Retry-After), and the documented shapes of projects, merge requests, approvals and deployments.
 */
import { onTestFinished } from 'vitest';
import { sendJson, serve } from './http-server.ts';

export interface FakeMergeRequest {
  readonly iid: number;
  readonly author: string;
  readonly approvedBy?: readonly string[];
  readonly state?: 'merged' | 'opened' | 'closed';
  readonly target?: string;
  /** RFC 3339. */
  readonly mergedAt?: string;
  /** Commits that came through it, the merge or squash commit included. */
  readonly commits: readonly string[];
}

export interface FakeGitLab {
  readonly mergeRequests?: readonly FakeMergeRequest[];
  readonly deployments?: readonly {
    readonly sha: string;
    readonly at: string;
    readonly environment?: string;
    readonly status?: string;
  }[];
  /** Requests that are refused with 429 before each is answered. */
  readonly limitedFirst?: number;
  /** Paths that the token may not read. */
  readonly forbidden?: RegExp;
}

export const gitLabToken = 'glpat-abcdefghij0123456789';
const nextOf = (parameters: URLSearchParams, page: number): string => {
  const next = new URLSearchParams(parameters);
  next.set('page', String(page));
  return next.toString();
};
const user = (username: string) => ({ id: username.length, username, name: username.toUpperCase(), state: 'active' });

/** The environment of a job of project 7. */
export async function fakeGitLab(
  content: FakeGitLab,
  onEnd: (end: () => Promise<void>) => void = onTestFinished,
): Promise<{ env: Record<string, string>; requests: readonly string[] }> {
  let limited = content.limitedFirst ?? 0;
  const requests: string[] = [];
  const server = await serve((response, _before, { url = '', headers }) => {
    const [path = '', query = ''] = url.replace(/^\/api\/v4\/projects\/7\/?/, '').split('?');
    const parameters = new URLSearchParams(query);
    requests.push(url);
    if (headers['private-token'] !== gitLabToken) return sendJson(response, 401, { message: '401 Unauthorized' });
    if (limited > 0) {
      limited--;
      return sendJson(response, 429, { message: 'Retry later' }, { 'retry-after': '0' });
    }
    if (content.forbidden?.test(path)) return sendJson(response, 403, { message: '403 Forbidden' });
    const pages = (all: readonly unknown[]) => {
      const [page, perPage] = [Number(parameters.get('page') ?? 1), Number(parameters.get('per_page') ?? 20)];
      const last = Math.max(1, Math.ceil(all.length / perPage));
      sendJson(response, 200, all.slice((page - 1) * perPage, page * perPage), {
        'x-page': String(page),
        'x-per-page': String(perPage),
        'x-total': String(all.length),
        'x-total-pages': String(last),
        'x-next-page': page < last ? String(page + 1) : '',
        ...(page < last && { link: `<${server.url}/api/v4/projects/7/${path}?${nextOf(parameters, page + 1)}>; rel="next"` }),
      });
    };
    if (path === '')
      return sendJson(response, 200, {
        id: 7,
        default_branch: 'main',
        visibility: 'private',
        only_allow_merge_if_pipeline_succeeds: true,
      });
    if (path.startsWith('repository/branches/')) return sendJson(response, 200, { name: 'main', protected: true });
    if (path === 'approval_rules') return pages([]);
    const commit = /^repository\/commits\/([^/]+)\/merge_requests$/.exec(path)?.[1];
    if (commit !== undefined)
      return pages(
        (content.mergeRequests ?? [])
          .filter((one) => one.commits.includes(commit))
          .map(({ iid, author, state = 'merged', target = 'main', mergedAt = '2026-11-01T10:00:00.000Z' }) => ({
            id: 1000 + iid,
            iid,
            state,
            target_branch: target,
            author: user(author),
            merge_user: state === 'merged' ? user(author) : null,
            merged_at: state === 'merged' ? mergedAt : null,
          })),
      );
    const iid = Number(/^merge_requests\/(\d+)\/approvals$/.exec(path)?.[1]);
    const request = content.mergeRequests?.find((one) => one.iid === iid);
    if (request)
      return sendJson(response, 200, {
        iid,
        approved: true,
        approved_by: (request.approvedBy ?? []).map((name) => ({ user: user(name) })),
      });
    if (path === 'deployments')
      return pages(
        (content.deployments ?? [])
          .filter(
            ({ status = 'success', environment = 'production' }) =>
              [null, status].includes(parameters.get('status')) && [null, environment].includes(parameters.get('environment')),
          )
          .map(({ sha, at, environment = 'production', status = 'success' }, i) => ({
            id: i,
            iid: i,
            sha,
            status,
            created_at: at,
            updated_at: at,
            environment: { id: 1, name: environment },
          })),
      );
    sendJson(response, 404, { message: '404 Not Found' });
  });
  onEnd(() => server.close());
  return { env: { CI_API_V4_URL: `${server.url}/api/v4`, CI_PROJECT_ID: '7', FLIGHTCHECK_GITLAB_TOKEN: gitLabToken }, requests };
}
