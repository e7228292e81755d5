/** Requests that want what is not theirs: another project's record, the server's time, its secrets. Real server, real database. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTower, type Tower } from '../../../src/tower/server.ts';
import { audience, type Claims, type Issuer, startIssuer } from '../../support/gitlab-issuer.ts';
import { answerOf } from '../answer.ts';
import { type SampleOptions, sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-hostile-'));
let tower: Tower;
let gitlab: Issuer;
const serverErrors: unknown[] = [];
beforeAll(async () => {
  gitlab = await startIssuer();
  tower = await startTower({
    folder,
    port: 0,
    version: '0.1.0',
    gitlabIssuers: [gitlab.url],
    audience,
    requestSeconds: 1,
    onError: (error) => serverErrors.push(error),
  });
});
afterAll(async () => {
  await tower?.close();
  gitlab?.close();
  rmSync(folder, { recursive: true, force: true });
  expect(serverErrors).toEqual([]);
});

const ask = (path: string, init: RequestInit = {}) => answerOf(fetch(`${tower.url}${path}`, { redirect: 'manual', ...init }));
const post = (path: string, token: string | null, body: unknown) =>
  ask(path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const asJob = async (
  claims: Claims,
  options: SampleOptions = {},
  change: (report: ReturnType<typeof sampleReport>) => object = (r) => r,
) => post('/v1/reports', await gitlab.token(claims), change(sampleReport(options)));
const history = async (id: string) => (await ask(`/v1/models/${id}/history`)).body.items;

it.each([
  '/v1/query?metric=task.cpu&by=a%00b',
  '/v1/query?metric=task.cpu&where=model:%00',
  '/explore?metric=task.cpu&by=a%00b',
  '/v1/models?q=%00',
  '/?q=%00',
  '/v1/reports?commit=%00',
  '/v1/gates/x?project=%00',
  '/v1/audit?actor=%00',
])('a NUL in an address, which no text of the database can hold, is refused: %s', async (path) => {
  const { status, text } = await ask(path, { headers: { authorization: `Bearer ${tower.token}` } });
  expect(status).toBe(400);
  expect(text).toContain('NUL');
});

describe('a job', () => {
  let owned: string;
  beforeAll(async () => {
    owned = (await asJob({}, { at: '2026-03-01T00:00:00Z' })).body.model.id;
  });

  it.each<readonly [string, Claims]>([
    ['another project', { project_id: '66', job_project_id: '66', project_path: 'evil/copy' }],
    ['another project that took over the path', { project_id: '67', job_project_id: '67' }],
    ['a fork that runs for the project itself', { project_id: '68', project_path: 'risk/late-lodgement' }],
    [
      'another project whose sub names this one',
      { project_id: '69', job_project_id: '69', sub: 'project_path:risk/late-lodgement:ref:main' },
    ],
  ])('of %s replays a report and leaves the record of its owner alone', async (_, claims) => {
    const before = await history(owned);
    // The same bytes, also with the names and numbers of the owner in the body.
    const answer = await asJob(claims, { at: '2026-03-01T00:00:00Z' }, (report) => ({
      ...report,
      run: { ...report.run, projectId: '42' },
    }));
    expect(answer.status).toBe(201);
    expect(answer.body.model.id).not.toBe(owned);
    expect(await history(owned)).toEqual(before);
    const numbers = await post('/v1/metrics', await gitlab.token({ ...claims, job_id: '5' }), {
      model: 'late-lodgement-risk',
      project: 'risk/late-lodgement',
      metrics: [{ name: 'model.quality.auc', value: 0.01 }],
    });
    if (numbers.status === 201) expect(numbers.body.model.id).not.toBe(owned);
    else expect(numbers.status).toBe(422);
  });

  it.each<readonly [string, Claims, (report: ReturnType<typeof sampleReport>) => object, string]>([
    ['an unprotected branch whose report says main', { ref: 'main', ref_protected: 'false' }, (r) => r, 'is not protected'],
    [
      'a branch named like the default one in another case',
      { ref: 'Main', ref_path: 'refs/heads/Main' },
      (r) => r,
      'is not the default branch',
    ],
    ['a tag named like it', { ref_type: 'tag', ref_path: 'refs/tags/main' }, (r) => r, 'did not run on a branch'],
    ['a fork of a merge request', { job_project_id: '70', pipeline_source: 'merge_request_event' }, (r) => r, 'ran for a fork'],
    [
      'main, with a report of another branch',
      {},
      (r) => ({ ...r, source: { ...r.source, ref: 'feature' } }),
      'of another branch',
    ],
    [
      'main, with a report of a merge request',
      {},
      (r) => ({ ...r, run: { ...r.run, mergeRequest: '9' } }),
      'belongs to a merge request',
    ],
  ])('of %s writes a preview', async (_, claims, change, why) => {
    const { status, body } = await asJob({ ...claims, job_id: 'p' }, { at: '2026-03-02T00:00:00Z', jobId: 'p' }, change);
    expect({ status: status < 300, record: body.record }).toEqual({ status: true, record: 'preview' });
    expect(body.previewBecause).toContain(why);
    expect((await ask(`/v1/models/${owned}`)).body.seenAt ?? '').not.toContain('2026-03-02');
  });

  it('of an unprotected branch takes nothing from the record by sending first what a job of the record sends', async () => {
    const branch: Claims = { ref: 'x', ref_path: 'refs/heads/x', ref_protected: 'false' };
    const at = '2026-03-03T00:00:00Z';
    const sendNumbers = async (claims: Claims, key = 'of the body', value = 3) =>
      ask('/v1/metrics', {
        method: 'POST',
        headers: {
          authorization: `Bearer ${await gitlab.token(claims)}`,
          'content-type': 'application/json',
          'idempotency-key': key,
        },
        body: JSON.stringify({ model: 'late-lodgement-risk', metrics: [{ name: `model.load_${value}`, value, unit: '1', at }] }),
      });
    expect((await sendNumbers({ ...branch, job_id: '6' })).body).toMatchObject({ record: 'preview', added: 1 });
    expect((await sendNumbers({})).body).toMatchObject({ record: 'authoritative', added: 1 });
    expect((await sendNumbers({})).body).toMatchObject({ record: 'authoritative', added: 0 });
    // Nor by a guess at how the two are kept apart: no key of the record is one of a preview.
    expect((await sendNumbers({ ...branch, job_id: '6' }, 'k', 4)).body).toMatchObject({ record: 'preview', added: 1 });
    expect((await sendNumbers({}, 'preview k', 4)).body).toMatchObject({ record: 'authoritative', added: 1 });
    const first = await asJob({ ...branch, job_id: '6' }, { at, jobId: '1001' });
    expect(first.body).toMatchObject({ record: 'preview', replayed: false });
    const { status, body } = await asJob({}, { at, jobId: '1001' });
    expect({ status, ...body }).toMatchObject({ status: 201, record: 'authoritative', replayed: false });
    expect((await ask(`/v1/models/${owned}`)).body.seenAt).toContain('2026-03-03');
    // What is on record gets no preview beside it when a branch delivers it once more.
    expect((await asJob({ ...branch, job_id: '8' }, { at, jobId: '1001' })).body).toMatchObject({ id: body.id, replayed: true });
  });

  it('makes no rule, and reads no models of other projects', async () => {
    const token = await gitlab.token({ project_id: '71', job_project_id: '71' });
    expect((await post('/v1/rules', token, { name: 'x', metric: 'm', when: { absentHours: 1 } })).status).toBe(403);
    const headers = { authorization: `Bearer ${token}` };
    expect((await ask('/v1/checks?model=late-lodgement-risk', { headers })).body.items).toEqual([]);
    expect((await ask('/v1/series?model=late-lodgement-risk&metric=model.quality.auc', { headers })).body.items).toEqual([]);
    expect((await ask('/v1/standing?model=late-lodgement-risk', { headers })).status).toBe(404);
  });
});

describe('text that is code elsewhere', () => {
  const sql = `'); drop table model; -- \\" $1 ' or '1'='1`;
  /** Its end would turn round what a page says after it. */
  const script = `"><script>alert(1)</script><img src=x onerror=alert(1)>'\u202Exif\u2066`;

  it('is text in labels, filters and queries', async () => {
    const labels = { [sql.slice(0, 60)]: sql, script };
    const metrics = [{ name: 'model.drift.psi', value: 0.5, unit: script.slice(0, 20), labels: { feature: sql, slice: script } }];
    const made = await post(
      '/v1/reports',
      tower.token,
      sampleReport({ name: script, title: script, labels, metrics, jobId: 'sql' }),
    );
    expect(made.status).toBe(201);
    const by = encodeURIComponent(`label:${sql.slice(0, 60)}`);
    for (const path of [
      `/v1/models?label=${encodeURIComponent(`${sql.slice(0, 60)}:${sql}`)}`,
      `/v1/models?q=${encodeURIComponent(script)}`,
    ])
      expect((await ask(path)).body.items, path).toMatchObject([{ name: script }]);
    const slice = await ask(`/v1/query?metric=model.drift.psi&by=feature&by=${by}`);
    expect(slice.status).toBe(200);
    expect(JSON.stringify(slice.body)).toContain(JSON.stringify(sql).slice(1, -1));
    expect((await ask(`/v1/query?metric=${encodeURIComponent(sql)}`)).status).toBe(404);
    expect((await ask('/v1/models')).status).toBe(200);
  });

  it('is text on every page', async () => {
    const rule = await post('/v1/rules', tower.token, {
      name: script,
      metric: 'model.drift.psi',
      where: { model: [script] },
      when: { of: 'value', is: 'above', limit: 0 },
      actions: [
        { do: 'webhook', to: script },
        { do: 'pipeline', ref: script },
      ],
      enabled: true,
    });
    expect(rule.status).toBe(201);
    const at = new Date(Date.now() + 1000).toISOString();
    const drift = { name: 'model.drift.psi', value: 9, unit: script.slice(0, 20), labels: { feature: script }, at };
    const sent = await post('/v1/metrics', tower.token, { model: script, metrics: [drift] });
    expect(sent.status).toBe(201);
    for (let i = 0; i < 100 && (await ask('/v1/alerts')).body.items.length === 0; i++)
      await new Promise((r) => setTimeout(r, 50));
    expect((await ask('/v1/alerts')).body.items.length).toBeGreaterThan(0);
    const model = sent.body.model.url;
    const panels = [{ title: script, question: 'metric=model.drift.psi&by=feature&by=model' }];
    const board = await post('/v1/dashboards', tower.token, { name: script, panels });
    const { id } = (await ask('/v1/alerts')).body.items[0];
    expect((await post(`/v1/alerts/${id}/acknowledge`, tower.token, { why: script })).status).toBe(200);
    const shown = encodeURIComponent(script);
    for (const path of [
      '/',
      `/?q=${shown}`,
      '/alerts',
      '/rules',
      `/rules/${rule.body.id}`,
      model,
      `/explore?metric=model.drift.psi&by=feature&where=${encodeURIComponent(`model:${script}`)}`,
      '/explore?metric=model.drift.psi&by=model&look=small',
      ...[`/alerts/${id}`, '/dashboards', `/dashboards/${board.body.id}`, `${model}/badge`, '/audit'],
    ]) {
      const { status, body } = await ask(path);
      expect(status, path).toBe(200);
      expect(body, path).not.toMatch(/<script|<img src=x|javascript:/i);
      expect(body, path).not.toMatch(/\p{Bidi_Control}/u);
      expect(body, path).toContain('&lt;script&gt;');
    }
    for (const path of ['/explore', `/explore?metric=${shown}`, `/nothing/${shown}`, `/?sort=${shown}`])
      expect((await ask(path)).body, path).not.toMatch(/<script|<img/i);
  });
});

it.each(['/../../etc/passwd', '/assets/..%2f..%2fetc%2fpasswd', '/rules/..%2f1', '/models/..%2f..%2f', '/v1/rules/1%00'])(
  'finds nothing at %s',
  async (path) => {
    const { status, body } = await ask(path);
    expect(status).toBe(404);
    expect(JSON.stringify(body)).not.toContain('root:');
  },
);

/** What the server answers before it closes, or after `seconds`. */
const raw = (write: (socket: ReturnType<typeof connect>) => void, seconds = 15): Promise<{ text: string; seconds: number }> =>
  new Promise((resolve) => {
    const { port, hostname } = new URL(tower.url);
    const from = Date.now();
    let text = '';
    const socket = connect(Number(port), hostname, () => write(socket));
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, seconds: (Date.now() - from) / 1000 });
    };
    const timer = setTimeout(end, seconds * 1000);
    socket.on('data', (data) => {
      text += data.toString();
    });
    socket.on('close', end);
    socket.on('error', () => undefined);
  });
const head = (...lines: string[]) =>
  [
    'POST /v1/reports HTTP/1.1',
    'Host: localhost',
    `Authorization: Bearer ${tower.token}`,
    'Content-Type: application/json',
    ...lines,
    '',
    '',
  ].join('\r\n');

describe('a sender that wants all of the server', () => {
  it('is cut off when it says that a gigabyte comes', async () => {
    const { text } = await raw((socket) => socket.write(head(`Content-Length: ${2 ** 30}`)), 5);
    expect(text).toMatch(/^HTTP\/1.1 413 /);
  });

  it('is cut off when a gigabyte comes without a word', async () => {
    const chunk = Buffer.alloc(2 ** 20, 0x20);
    let sent = 0;
    const { text } = await raw((socket) => {
      socket.write(head('Transfer-Encoding: chunked'));
      const more = () => {
        while (!socket.destroyed && sent < 2 ** 30) {
          sent += chunk.length;
          socket.write(`${chunk.length.toString(16)}\r\n`);
          socket.write(chunk);
          if (!socket.write('\r\n')) return void socket.once('drain', more);
        }
      };
      more();
    });
    expect(text).toMatch(/^HTTP\/1.1 413 /);
    expect(sent).toBeLessThan(200 * 2 ** 20);
  });

  it('is cut off when its headers come a letter at a time', async () => {
    const letters = 'X-Slow: abcdefghijklmnopqrstuvwxyz0123456789'.repeat(10);
    const { seconds } = await raw((socket) => {
      socket.write('GET /v1/models HTTP/1.1\r\nHost: localhost\r\n');
      let at = 0;
      const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : socket.write(letters[at++] ?? 'x')), 100);
    });
    expect(seconds).toBeLessThan(10);
    expect((await ask('/healthz')).status).toBe(200);
  });

  it('is told where its 100,000 labels are too many', async () => {
    const labels = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`l${i}`, 'x']));
    const ofModel = await post('/v1/reports', tower.token, sampleReport({ labels, jobId: 'labels' }));
    expect(ofModel).toMatchObject({ status: 422, body: { errors: [{ pointer: '/model/labels' }] } });
    const metrics = [{ name: 'model.drift.psi', value: 1, labels }];
    const inReport = await post('/v1/reports', tower.token, sampleReport({ metrics, jobId: 'labels' }));
    expect(inReport).toMatchObject({ status: 422, body: { errors: [{ pointer: '/metrics/0/labels' }] } });
    const alone = await post('/v1/metrics', tower.token, { model: 'late-lodgement-risk', metrics });
    expect(alone).toMatchObject({ status: 422, body: { errors: [{ pointer: '/metrics/0/labels' }] } });
    const header = await raw(
      (socket) => socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`),
      5,
    );
    expect(header.text).toMatch(/^HTTP\/1.1 431 /);
  });
});

describe('a token', () => {
  it('is not taken from an address', async () => {
    for (const name of ['token', 'access_token', 'private_token', 'authorization'])
      expect(
        await ask(`/v1/reports?${name}=${tower.token}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{}',
        }),
      ).toMatchObject({ status: 401 });
  });

  it('comes back in no answer and no error', async () => {
    const secrets = [tower.token ?? '', await gitlab.token()];
    for (const secret of secrets)
      for (const [path, body] of [
        ['/v1/reports', '{'],
        ['/v1/reports', '{}'],
        ['/v1/metrics', '[]'],
        ['/v1/rules', '{}'],
        ['/v1/nothing', '{}'],
      ] as const) {
        const answer = await post(path, secret, body);
        expect(`${JSON.stringify(answer.body)}${JSON.stringify([...answer.headers])}`).not.toContain(secret);
      }
  });
});
