/** The MLflow port against a server that answers what real ones answer, and what none should. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openMlflow } from '../../src/adapters/mlflow/open.ts';
import { temporaryFolder } from '../helpers/repo.ts';
import { type Received, sendJson, serve } from '../support/http-server.ts';

type Answering = (response: ServerResponse, request: Received, before: number) => void;

const version = (fields: object = {}) => ({
  ...{ name: 'late', version: '2', creation_timestamp: 1_795_613_076_128, current_stage: 'None', status: 'READY' },
  ...{ source: 'models:/m-1', run_id: 'r1', field_of_tomorrow: { a: [1] } },
  ...fields,
});
const run = (i: number, metrics: readonly object[] = []) => ({
  info: { run_id: `r${i}`, status: 'FINISHED', start_time: 1_795_613_000_000 + i, end_time: 1_795_613_100_000 },
  data: { metrics, params: [{ key: 'depth', value: String(i) }], tags: [{ key: 'mlflow.runName', value: `run ${i}` }] },
});
const invalid = { error_code: 'INVALID_PARAMETER_VALUE', message: 'Registered model alias champion not found.' };
const html = (response: ServerResponse, status: number): void =>
  void response.writeHead(status, { 'content-type': 'text/html' }).end('<html><body>Sign in</body></html>');

/** The port, in front of a server that answers as told. */
async function opened(answer: Answering, settings: object = {}, env: Record<string, string> = {}, timeoutSeconds = 0.3) {
  const server = await serve((response, before, request) => answer(response, request, before));
  onTestFinished(() => server.close());
  const named = { tracking: server.url, registeredModel: 'late', experiment: 'delays', alias: 'champion', ...settings };
  const limits = { timeoutSeconds, maxWaitSeconds: 0.01, silenceSeconds: 0.3 };
  const own = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replace('URL', server.url)]));
  return { port: openMlflow(named, own, limits), server };
}

const said = async (answer: Answering): Promise<string> => {
  const { port } = await opened(answer);
  const { production, runs } = { production: await port.production(), runs: await port.runs() };
  expect([production.ok, runs.ok]).toEqual([false, false]);
  const reason = production.ok ? '' : production.reason;
  expect(reason).toMatch(/^MLflow at http:\/\/127\.0\.0\.1:\d+/);
  return reason;
};

describe('a server that is not what it should be', () => {
  test.each<[string, Answering, RegExp]>([
    ['never answers', () => {}, /did not answer within 0\.3 s/],
    ['hangs up', (response) => void response.destroy(), /could not be reached/],
    ['answers 500', (response) => sendJson(response, 500, { message: 'boom' }), /it answered 500: boom/],
    ['answers 503 without a word', (response) => void response.writeHead(503).end(), /it answered 503/],
    ['shows a login page', (response) => html(response, 200), /not JSON \(a login page or a proxy\?\)/],
    ['redirects to one', (response) => void response.writeHead(302, { location: 'http://x.invalid/' }).end(), /redirects.*login/],
    ['wants a password', (response) => void response.writeHead(401).end('no'), /who asks \(401\): set MLFLOW_TRACKING_URI/],
    ['forbids', (response) => sendJson(response, 403, { message: 'Permission denied' }), /may not read it \(403\): Permission/],
    ['sends half an answer', (response) => void response.writeHead(200).end('{"model_version": {'), /not JSON/],
    ['sends a list', (response) => sendJson(response, 200, []), /not JSON/],
    ['is something else', (response) => html(response, 404), /no MLflow server, or an older version/],
    ['has other shapes', (response) => sendJson(response, 200, { version: 9 }), /another version of MLflow\?/],
  ])('that %s is told', async (_, answer, message) => {
    expect(await said(answer)).toMatch(message);
  });

  test('sends without end: it is cut off', async () => {
    const { port } = await opened(flood, {}, {}, 30);
    expect(await port.production()).toMatchObject({ ok: false, reason: expect.stringMatching(/sent more than \d+ bytes/) });
  });

  test('is left alone once it did not answer: the second question does not wait again', async () => {
    const { port, server } = await opened(() => {});
    expect(await port.production()).toMatchObject({ ok: false });
    const asked = server.received.length;
    expect(await port.runs()).toMatchObject({ ok: false, reason: expect.stringMatching(/did not answer within/) });
    expect(server.received.length).toBe(asked);
  });

  test('that is busy for a moment is asked again', async () => {
    const { port, server } = await opened((response, _, before) =>
      before < 2
        ? void response.writeHead(before === 0 ? 429 : 502).end()
        : sendJson(response, 200, { model_version: version() }),
    );
    expect(await port.production()).toMatchObject({ ok: true, value: { version: '2' } });
    expect(server.received).toHaveLength(3);
  });

  test('always has another page: an end is put to it', async () => {
    const { port, server } = await opened((response, { url = '' }) =>
      url.includes('get-by-name')
        ? sendJson(response, 200, { experiment: { experiment_id: '1' } })
        : sendJson(response, 200, { runs: [], next_page_token: 'more' }),
    );
    expect(await port.runs()).toMatchObject({ ok: false, reason: expect.stringMatching(/more than 100 pages/) });
    expect(server.received.length).toBeLessThan(110);
  });
});

/** Far more than an answer may be, as fast as it is taken. */
function flood(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const chunk = Buffer.alloc(2 ** 20, 0x20);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}

describe('what is not there', () => {
  test('an alias is a 400 of MLflow, and no fault', async () => {
    const { port } = await opened((response, { url = '' }) => {
      if (url.includes('registered-models/alias')) return sendJson(response, 400, invalid);
      if (url.includes('registered-models/get')) return sendJson(response, 200, { registered_model: { name: 'late' } });
      return sendJson(response, 200, { model_versions: [version()] });
    });
    const answer = await port.production();
    expect(answer).toMatchObject({ ok: false, isAbsent: true, reason: expect.stringContaining('alias champion') });
  });

  test('a model and an experiment are a 404 with a code; a deleted experiment is told', async () => {
    const missing = { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'Registered Model with name=late not found' };
    const { port } = await opened((response) => sendJson(response, 404, missing));
    for (const answer of [await port.production(), await port.versions(), await port.runs()])
      expect(answer).toMatchObject({ ok: false, isAbsent: true });
    const deleted = { experiment: { experiment_id: '1', lifecycle_stage: 'deleted' } };
    const { port: other } = await opened((response) => sendJson(response, 200, deleted));
    expect(await other.runs()).toMatchObject({ ok: false, isAbsent: true, reason: expect.stringContaining('was deleted') });
  });

  test('a server without aliases has stages', async () => {
    const { port } = await opened(
      (response, { url = '' }) => {
        if (url.includes('registered-models/alias')) return html(response, 404);
        if (url.includes('registered-models/get')) return sendJson(response, 200, { registered_model: {} });
        const old = version({
          version: '1',
          current_stage: 'Production',
          creation_timestamp: '1600000000000',
          status: undefined,
        });
        return sendJson(response, 200, { model_versions: [version(), old] });
      },
      { alias: 'production' },
    );
    expect(await port.production()).toMatchObject({
      ok: true,
      value: { version: '1', stage: 'Production', status: 'READY', createdAt: '2020-09-13T12:26:40.000Z' },
    });
  });
});

test('runs are read over all pages; numbers that JSON does not have are read as what they are', async () => {
  const { port, server } = await opened((response, { url = '', body }) => {
    if (url.includes('get-by-name')) return sendJson(response, 200, { experiment: { experiment_id: '7' } });
    const { page_token: token = '0', max_results: rows } = JSON.parse(body) as { page_token?: string; max_results: number };
    const first = Number(token);
    const metrics = [
      { key: 'auc', value: 0.9 },
      { key: 'loss', value: 'NaN' },
      { key: 'gain', value: '-Infinity' },
    ];
    const last = Math.min(450, first + rows);
    const page = Array.from({ length: last - first }, (_, i) => run(first + i, metrics));
    return sendJson(response, 200, { runs: page, ...(last < 450 && { next_page_token: String(last) }) });
  });
  const answer = await port.runs();
  expect(answer.ok && answer.value).toHaveLength(450);
  expect(answer.ok && answer.value[449]).toMatchObject({
    id: 'r449',
    name: 'run 449',
    params: { depth: '449' },
    metrics: { auc: 0.9, loss: Number.NaN, gain: Number.NEGATIVE_INFINITY },
  });
  expect(server.received.filter(({ url }) => url?.includes('runs/search'))).toHaveLength(3);
});

describe('credentials', () => {
  const ok: Answering = (response) => sendJson(response, 200, { model_version: version() });
  test.each<[string, Record<string, string>, string | undefined]>([
    ['a token', { MLFLOW_TRACKING_TOKEN: 'secret' }, 'Bearer secret'],
    [
      'user and password',
      { MLFLOW_TRACKING_USERNAME: 'ada', MLFLOW_TRACKING_PASSWORD: 'p:w' },
      `Basic ${Buffer.from('ada:p:w').toString('base64')}`,
    ],
    ['none', {}, undefined],
  ])('%s of the environment goes to the server that it names', async (_, env, expected) => {
    const { port, server } = await opened(ok, {}, { MLFLOW_TRACKING_URI: 'URL', ...env });
    await port.production();
    expect(server.received[0]?.headers.authorization).toBe(expected);
  });
  test('go to no server that only the manifest names', async () => {
    const env = { MLFLOW_TRACKING_URI: 'https://mlflow.example.com', MLFLOW_TRACKING_TOKEN: 'secret' };
    const { port, server } = await opened(ok, {}, env);
    await port.production();
    expect(server.received[0]?.headers.authorization).toBeUndefined();
  });
  test('are in no reason', async () => {
    const env = { MLFLOW_TRACKING_URI: 'URL', MLFLOW_TRACKING_TOKEN: 'very-secret' };
    const { port } = await opened((response) => void response.writeHead(403).end(), {}, env);
    expect(JSON.stringify(await port.production())).not.toContain('very-secret');
  });
});

describe('artifacts of a version', () => {
  type Files = Readonly<Record<string, readonly object[]>>;
  /** A store of listings by folder; the bytes of every file are its path. */
  const store =
    (
      listings: Files,
      file: Answering = (response, { url = '' }) => void response.end(decodeURIComponent(url.split('/').at(-1) ?? '')),
    ): Answering =>
    (response, request, before) => {
      const url = new URL(request.url ?? '', 'http://x');
      if (url.pathname.endsWith('get-download-uri'))
        return sendJson(response, 200, { artifact_uri: 'mlflow-artifacts:/1/models/m-1/artifacts' });
      if (!url.searchParams.has('path')) return file(response, request, before);
      const folder = url.searchParams.get('path')?.replace(/^1\/models\/m-1\/artifacts\/?/, '') ?? '';
      return sendJson(response, 200, { files: listings[folder] ?? listings['*'] ?? [] });
    };
  const downloaded = async (answer: Answering) => {
    const { port, server } = await opened(answer);
    const parent = temporaryFolder();
    const folder = join(parent, 'model');
    mkdirSync(folder);
    const value = {
      ...{
        name: 'late',
        version: '2',
        aliases: [],
        stage: null,
        status: 'READY',
        createdAt: '',
        runId: null,
        source: '',
        tags: {},
      },
    };
    return { answer: await port.download(value, folder), folder, parent, server };
  };

  test('come into the folder, with folders of their own', async () => {
    const { answer, folder } = await downloaded(
      store({
        '': [
          { path: 'MLmodel', file_size: 7 },
          { path: 'code', is_dir: true },
        ],
        code: [{ path: 'a b.py', file_size: 6 }],
      }),
    );
    expect(answer).toEqual({ ok: true, value: folder });
    expect(readFileSync(join(folder, 'code/a b.py'), 'utf8')).toBe('a b.py');
  });

  test.each<[string, Files, RegExp]>([
    ['a name of two dots', { '': [{ path: '..', is_dir: true }] }, /cannot be a file/],
    ['a name with a null byte', { '': [{ path: 'a\0b' }] }, /cannot be a file/],
    ['no name', { '': [{ is_dir: false }] }, /cannot be a file/],
    ['no files', {}, /late 2 has no artifacts/],
    ['folders in folders without end', { '*': [{ path: 'again', is_dir: true }] }, /folders/],
    ['a size that no disk has', { '': [{ path: 'big', file_size: 2 ** 50 }] }, /larger than/],
    ['a size that is not sent', { '': [{ path: 'cut', file_size: 99 }] }, /cut came with 3 bytes of 99/],
  ])('%s: told', async (_, listings, message) => {
    const { answer, parent } = await downloaded(store(listings));
    expect(answer).toMatchObject({ ok: false, reason: expect.stringMatching(message) });
    expect(readdirSync(parent)).toEqual(['model']);
  });

  test('paths that lead elsewhere end in the folder', async () => {
    const { folder, parent } = await downloaded(
      store({ '': [{ path: '../../../../evil' }, { path: '/etc/other' }, { path: 'ok' }] }),
    );
    expect(readdirSync(folder).sort()).toEqual(['evil', 'ok', 'other']);
    expect(existsSync(join(parent, 'evil'))).toBe(false);
  });

  test.each<[string, Answering, RegExp]>([
    ['is gone', (response) => sendJson(response, 404, { message: 'x' }), /lists MLmodel and does not have it \(404\)/],
    ['may not be read', (response) => sendJson(response, 403, {}), /may not read it \(403\)/],
    [
      'breaks off',
      (response) => void response.writeHead(200).write('a', () => response.destroy()),
      /download of MLmodel broke off/,
    ],
    ['stops coming', (response) => void response.writeHead(200).write('a'), /download of MLmodel broke off/],
    ['is a login page elsewhere', (response) => void response.writeHead(302, { location: '/' }).end(), /redirects/],
  ])('a file that %s', async (_, file, message) => {
    const { answer } = await downloaded(store({ '': [{ path: 'MLmodel' }] }, file));
    expect(answer).toMatchObject({ ok: false, reason: expect.stringMatching(message) });
  });

  test('a file that takes longer than an answer may, but keeps coming, is taken', async () => {
    const slow: Answering = (response) => {
      response.writeHead(200);
      let left = 5;
      const more = (): void => {
        left -= 1;
        if (left < 0) return void response.end();
        response.write('ab');
        setTimeout(more, 120);
      };
      more();
    };
    const { answer, folder } = await downloaded(store({ '': [{ path: 'MLmodel', file_size: 10 }] }, slow));
    expect(answer).toEqual({ ok: true, value: folder });
  });

  test('on a store behind no proxy are not reached, and it is said why', async () => {
    const { answer } = await downloaded((response) => sendJson(response, 200, { artifact_uri: 's3://bucket/models/1' }));
    expect(answer).toMatchObject({ ok: false, reason: expect.stringMatching(/lie at s3:.*--serve-artifacts/) });
  });
});
