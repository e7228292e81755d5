import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openGitLab } from '../../src/adapters/gitlab.ts';

const token = 'glpat-abcdefghij0123456789';
type Handler = (request: IncomingMessage, response: ServerResponse, path: string) => void;

/** A server that answers as GitLab documents; `base` is its address with a sub-path. */
async function fakeGitLab(
  handle: Handler,
): Promise<{ base: string; requests: { path: string; token: string | undefined }[]; server: Server }> {
  const requests: { path: string; token: string | undefined }[] = [];
  const server = createServer((request, response) => {
    requests.push({ path: request.url ?? '', token: request.headers['private-token']?.toString() });
    handle(request, response, (request.url ?? '').replace('/gitlab/api/v4/', ''));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/gitlab`, requests, server };
}

const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};

const project = { id: 7, default_branch: 'main', visibility: 'private', only_allow_merge_if_pipeline_succeeds: true };

/** Everything allowed; approval rules come on two pages. */
const friendly: Handler = (_request, response, path) => {
  if (path === 'projects/7') return json(response, 200, project);
  if (path === 'projects/7/repository/branches/main') return json(response, 200, { name: 'main', protected: true });
  if (path === 'projects/7/approval_rules')
    return json(response, 200, [{ approvals_required: 1 }], {
      link: '<http://elsewhere.example/api/v4/projects/7/approval_rules?page=2&per_page=1>; rel="next"',
      'x-next-page': '2',
    });
  if (path.startsWith('projects/7/approval_rules?')) return json(response, 200, [{ approvals_required: 2 }]);
  json(response, 404, { message: '404 Not Found' });
};

const envOf = (base: string) => ({ CI_SERVER_URL: base, CI_PROJECT_ID: '7', FLIGHTCHECK_GITLAB_TOKEN: token });

test('project settings, from an instance under a sub-path, over all pages, asked once', async () => {
  const { base, requests } = await fakeGitLab(friendly);
  const gitlab = openGitLab(envOf(base));
  const answers = await Promise.all([gitlab.project(), gitlab.project()]);
  expect(answers[0]).toEqual({
    ok: true,
    value: {
      defaultBranch: 'main',
      isDefaultBranchProtected: true,
      onlyAllowMergeIfPipelineSucceeds: true,
      approvalsRequired: 2,
      visibility: 'private',
    },
  });
  expect(answers[1]).toBe(answers[0]);
  expect(requests.map((request) => request.path).toSorted()).toEqual([
    '/gitlab/api/v4/projects/7',
    '/gitlab/api/v4/projects/7/approval_rules',
    '/gitlab/api/v4/projects/7/approval_rules?page=2&per_page=1',
    '/gitlab/api/v4/projects/7/repository/branches/main',
  ]);
  expect(requests.every((request) => request.token === token)).toBe(true);
});

test('what the token may not see is null, not false', async () => {
  const { base } = await fakeGitLab((request, response, path) =>
    path === 'projects/7' ? friendly(request, response, path) : json(response, 403, { message: '403 Forbidden' }),
  );
  expect(await openGitLab(envOf(base)).project()).toMatchObject({
    ok: true,
    value: { isDefaultBranchProtected: null, approvalsRequired: null },
  });
});

describe('without access the reason is said', () => {
  test.each([
    [{}, 'not in a GitLab pipeline'],
    [{ CI_SERVER_URL: 'https://gitlab.example.com' }, 'CI_PROJECT_ID is not set'],
    [
      { CI_SERVER_URL: 'https://gitlab.example.com', CI_PROJECT_ID: '7/../8', FLIGHTCHECK_GITLAB_TOKEN: token },
      'CI_PROJECT_ID is not set',
    ],
    [{ CI_SERVER_URL: 'https://gitlab.example.com', CI_PROJECT_ID: '7' }, 'FLIGHTCHECK_GITLAB_TOKEN is not set'],
    [{ ...envOf('file:///etc/passwd') }, 'not an address'],
    [{ ...envOf('https://user:pass@gitlab.example.com') }, 'not an address'],
    [{ ...envOf('https://gitlab.example.com'), FLIGHTCHECK_GITLAB_TOKEN: 'a\nb' }, 'characters that no token has'],
    [{ ...envOf('http://127.0.0.1:1') }, 'could not be reached'],
  ])('%j', async (env, reason) => {
    const answer = await openGitLab(env).project();
    expect(answer).toEqual({ ok: false, isAbsent: false, reason: expect.stringMatching(/^no API access: /) });
    expect(answer).toMatchObject({ reason: expect.stringContaining(reason) });
    expect(JSON.stringify(answer)).not.toContain(token);
  });
});

describe('answers of a server in trouble', () => {
  const cases: readonly (readonly [name: string, handle: Handler, reason: string, attempts: number])[] = [
    ['401', (_r, s) => json(s, 401, { message: `401 Unauthorized ${token}` }), 'refused the token (401)', 1],
    ['403', (_r, s) => json(s, 403, { error: 'insufficient_scope' }), 'read_api', 1],
    ['404', (_r, s) => json(s, 404, { message: '404 Project Not Found' }), '(404)', 1],
    ['429 again and again', (_r, s) => json(s, 429, {}, { 'retry-after': '0' }), '(429)', 3],
    ['429 for an hour', (_r, s) => json(s, 429, {}, { 'retry-after': '3600' }), '(429)', 1],
    ['500', (_r, s) => json(s, 500, {}, { 'retry-after': '0' }), 'status 500', 3],
    ['a redirect', (_r, s) => json(s, 302, {}, { location: 'http://127.0.0.1:1/steal' }), 'status 302', 1],
    ['a login page', (_r, s) => s.writeHead(200, { 'content-type': 'text/html' }).end('<html>'), 'not JSON', 1],
    ['never', () => {}, 'did not answer within', 1],
    [
      'headers, then never',
      (_r, s) => s.writeHead(200, { 'content-type': 'application/json' }).write('{'),
      'did not answer within',
      1,
    ],
    [
      'bytes for ever',
      (_r, s) => s.writeHead(200, { 'content-type': 'application/json' }).end(`[${'1,'.repeat(6e6)}1]`),
      'more than',
      1,
    ],
  ];
  test.each(cases)('%s', async (_name, handle, reason, attempts) => {
    const { base, requests } = await fakeGitLab(handle);
    const answer = await openGitLab(envOf(base), { timeoutSeconds: 0.5, maxWaitSeconds: 1 }).project();
    expect(answer).toMatchObject({ ok: false, reason: expect.stringContaining(reason) });
    expect(JSON.stringify(answer)).not.toContain(token);
    expect(requests).toHaveLength(attempts);
  });

  test('a 429 that passes is waited for', async () => {
    let calls = 0;
    const { base } = await fakeGitLab((request, response, path) => {
      calls += 1;
      return calls === 1 ? json(response, 429, {}, { 'retry-after': '0' }) : friendly(request, response, path);
    });
    expect(await openGitLab(envOf(base)).project()).toMatchObject({ ok: true });
  });

  test('pages without end are left', async () => {
    const { base } = await fakeGitLab((request, response, path) =>
      path.includes('approval_rules')
        ? json(response, 200, [{ approvals_required: 1 }], { link: `<${base}/api/v4/${path.split('?')[0]}?page=2>; rel="next"` })
        : friendly(request, response, path),
    );
    expect(await openGitLab(envOf(base)).project()).toMatchObject({ ok: false, reason: expect.stringContaining('requests') });
  });
});
