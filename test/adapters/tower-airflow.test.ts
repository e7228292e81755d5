/** Runs that Control Tower starts, against an Airflow that answers as the documents of 2 and 3 say, and that fails as networks do. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { airflowActions } from '../../src/adapters/tower-airflow.ts';
import type { ActionFault } from '../../src/kernel/tower-actions.ts';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}
const asked: Asked[] = [];
const runs = new Set<string>();
/** Status that the next posts of a run get instead. */
let faults: (number | 'hang' | 'no JSON')[] = [];
let major: 2 | 3 = 3;

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return text === '' ? null : JSON.parse(text);
}

function answerRun(response: ServerResponse, path: string, body: { dag_run_id: string }): void {
  const fault = faults.shift();
  const say = (status: number, value: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  if (fault === 'hang') return;
  if (fault === 'no JSON') return void response.writeHead(200).end('<html>');
  if (fault !== undefined) return void say(fault, { detail: 'of the fake' });
  if (path.includes('/dags/gone/')) return void say(404, { detail: 'The DAG was not found' });
  if (runs.has(body.dag_run_id)) return void say(409, { detail: 'DAGRun already exists' });
  runs.add(body.dag_run_id);
  say(200, { dag_run_id: body.dag_run_id, state: 'queued' });
}

const server = createServer(async (request, response) => {
  const { method = '', url: path = '' } = request;
  const { authorization } = request.headers;
  const body = await bodyOf(request);
  asked.push({ method, path, authorization, body });
  const say = (status: number, value: unknown) => response.writeHead(status).end(JSON.stringify(value));
  if (path === '/api/v2/version') return void (major === 3 ? say(200, { version: '3.1.0' }) : say(404, { detail: 'Not Found' }));
  if (path === '/auth/token')
    return void ((body as { password: string }).password === 'right'
      ? say(201, { access_token: 't.o.k' })
      : say(401, { detail: 'Invalid credentials' }));
  const expected = major === 3 ? 'Bearer t.o.k' : `Basic ${Buffer.from('tower:right').toString('base64')}`;
  if (authorization !== expected) return void say(401, { detail: 'Unauthorized' });
  if (method === 'POST') return void answerRun(response, path, body as { dag_run_id: string });
  const run = decodeURIComponent(path.split('/').at(-1) ?? '');
  say(runs.has(run) ? 200 : 404, { state: 'queued' });
});
let url = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked.length = 0;
  runs.clear();
  faults = [];
  major = 3;
});

const open = (password = 'right', more = {}) =>
  airflowActions({ name: 'prod', url: `${url}/`, username: 'tower', password, major: null, timeoutSeconds: 1, ...more });
const posts = () => asked.filter(({ method, path }) => method === 'POST' && path.includes('/dagRuns'));

it.each([
  [3, '/api/v2', { logical_date: null }, '/dags/retrain/runs/a-1'],
  [2, '/api/v1', {}, '/dags/retrain/grid?dag_run_id=a-1'],
] as const)('of Airflow %i starts one run, however often it is asked for', async (version, root, more, page) => {
  major = version;
  const airflow = open();
  for (const _ of [1, 2]) expect(await airflow.startRun('retrain', 'a-1', { model: 'late' })).toBe(url + page);
  expect([...runs]).toEqual(['a-1']);
  expect(posts()[0]).toMatchObject({
    path: `${root}/dags/retrain/dagRuns`,
    body: { dag_run_id: 'a-1', conf: { model: 'late' }, ...more },
  });
  // Which version it is was asked once.
  expect(asked.filter(({ path }) => path === '/api/v2/version')).toHaveLength(1);
});

it('counts a run whose answer was lost', async () => {
  const airflow = open();
  faults = ['hang'];
  await expect(airflow.startRun('retrain', 'a-1', {})).rejects.toMatchObject({
    message: 'Airflow prod gave no usable answer',
    detail: expect.stringContaining('did not answer within 1 s'),
  });
  runs.add('a-1');
  expect(await airflow.startRun('retrain', 'a-1', {})).toContain('a-1');
  expect(runs.size).toBe(1);
});

const withFault = (wanted: typeof faults) => {
  faults = wanted;
  return open().startRun('retrain', 'a-1', {});
};

it.each<readonly [string, () => Promise<unknown>, RegExp]>([
  [
    'a wrong password',
    () => open('wrong').startRun('retrain', 'a-1', {}),
    /refuses its account in --actions; .*refuses POST \/auth\/token \(401\)/,
  ],
  ['a DAG that is not there', () => open().startRun('gone', 'a-1', {}), /has no DAG gone/],
  ['a server error', () => withFault([503]), /answered 503 .*of the fake/],
  ['an account that may not', () => withFault([403]), /refuses .* \(403\)/],
  ['a conf that the DAG refuses', () => withFault([400]), /answered 400/],
  ['another run in its way', () => withFault([409]), /another run in the way; of the fake/],
  ['something that is no Airflow', () => withFault(['no JSON']), /is it Airflow/],
  [
    'nobody there',
    () => airflowActions({ name: 'prod', url: 'http://127.0.0.1:1', token: 'x', major: null }).startRun('retrain', 'a-1', {}),
    /cannot be reached/,
  ],
])('says of %s what it is, and may be tried again', async (_, start, message) => {
  const fault = await start().catch((error: unknown) => error);
  expect(fault).toMatchObject({ name: 'ActionFault', isFinal: false, message: expect.stringMatching(/^Airflow prod /) });
  const { message: shown, detail } = fault as ActionFault;
  expect(`${shown}; ${detail}`).toMatch(message);
  // What every reader of an alert is told: no address, and nothing in the words of the server.
  expect(shown).not.toMatch(/127\.0\.0\.1|of the fake|\/api\/|\d{3}/);
  expect(`${shown}; ${detail}`).not.toMatch(/right|wrong|t\.o\.k/);
  expect(runs.size).toBe(0);
});
