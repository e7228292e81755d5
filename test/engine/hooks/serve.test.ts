import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ServeRequest } from '../../../src/kernel/hooks.ts';
import { makeRepo } from '../../helpers/repo.ts';
import { cacheFolder, openHooks, openModel, predictRequest, pythonHooks, pythonRepo, settings, trainRequest } from './models.ts';

const request: ServeRequest = { hook: 'serve', model: trainRequest, input: { table: 'eval' } };
const planned = [{ request }, { request: predictRequest }];

/** A server of the model in models.ts; words in capitals are replaced to break it. */
const server = `import csv, http.server, io, json, signal, sys, time
means = json.load(open(sys.argv[1]))
asked = 0
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args): pass
    def reply(self, status, kind, text):
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())
    def do_GET(self):
        HEALTH
        self.reply(200, 'text/plain', 'ok')
    def do_POST(self):
        global asked
        asked += 1
        body = self.rfile.read(int(self.headers['Content-Length'])).decode()
        rows = list(csv.DictReader(io.StringIO(body, newline='')))
        assert all('late' not in row for row in rows), 'the label must not be seen'
        scores = [(row['id'], means.get(row['state'], 0.5)) for row in rows]
        ANSWER
        self.reply(200, 'text/csv', 'id,score\\n' + ''.join('%s,%r\\n' % pair for pair in scores))
BEGIN
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[2])), Handler).serve_forever()
`;
const serverWith = (parts: { health?: string; answer?: string; begin?: string }): string =>
  server
    .replace('HEALTH', parts.health ?? 'pass')
    .replace('ANSWER', parts.answer ?? 'pass')
    .replace('BEGIN', parts.begin ?? '');

const serve = 'python3 serve.py {model} {port}';
const openServer = (text: string, manifest: Record<string, unknown> = {}) =>
  openModel({ 'serve.py': text }, { serve }, { planned, manifest });

describe('a server', () => {
  test('answers every row as predict does, and its times are known', async () => {
    const { hooks } = await openServer(serverWith({}));
    const [served, predicted] = await Promise.all([hooks.serve(request), hooks.predict(predictRequest)]);
    expect(served).toMatchObject({ rows: 30, column: 'score', notFinite: 0, refused: 0, isCached: false, latency: { n: 30 } });
    expect(readFileSync(served.output, 'utf8')).toBe(readFileSync(predicted.output, 'utf8').replaceAll('\r\n', '\n'));
    const { startSeconds, stopSeconds, latency, modelSeconds } = served;
    for (const seconds of [startSeconds, stopSeconds, latency.p50, modelSeconds]) expect(seconds).toBeGreaterThan(0);
    expect(latency.p95).toBeGreaterThanOrEqual(latency.p50);
    expect(hooks.summary().executed).toBe(3);
  });

  test('may want JSON: it is asked again after a 415, with numbers, nulls and text as such', async () => {
    const answer = `if self.headers['Content-Type'] != 'application/json':
            return self.reply(415, 'text/plain', 'JSON only')
        row = json.loads(body)[0]
        assert set(row) == {'id', 'state', 'n', 'note'} and type(row['id']) is str and type(row['n']) in (int, type(None)), row
        return self.reply(200, 'application/json; charset=utf-8', json.dumps({'predictions': [{'id': row['id'], 'score': row['n']}]}))`;
    const files = {
      'serve.py': serverWith({ answer }),
      'data/eval.csv': 'id,state,n,note,late\n007,nsw,3,"a, ""b""\nc",1\n008,vic,,,0\n',
    };
    const { hooks } = await openModel(files, { serve }, { planned });
    const served = await hooks.serve(request);
    expect(served).toMatchObject({ rows: 2, refused: 1 });
    expect(readFileSync(served.output, 'utf8')).toBe('id,score\n007,3\n008,\n');
  });

  test('gets quoted fields, commas and line breaks as CSV', async () => {
    const answer = `scores = [(row['id'], len(row['note'])) for row in rows]`;
    const files = {
      'serve.py': serverWith({ answer }),
      'data/eval.csv': 'id,state,note,late\n1,nsw,"a, ""b""\nc",1\n2,vic,,0\n',
    };
    const { hooks } = await openModel(files, { serve }, { planned });
    expect(readFileSync((await hooks.serve(request)).output, 'utf8')).toBe('id,score\n1,8\n2,0\n');
  });

  test('comes from the cache the second time, with its times', async () => {
    const root = makeRepo({ ...pythonRepo, 'serve.py': serverWith({}) }, { git: false });
    const cache = cacheFolder();
    const open = () => openHooks(root, settings({ ...pythonHooks, serve }), { planned, machine: { cacheFolder: cache } });
    const first = await (await open()).hooks.serve(request);
    const again = await open();
    const second = await again.hooks.serve(request);
    expect(second).toMatchObject({
      isCached: true,
      ranAt: first.ranAt,
      latency: first.latency,
      startSeconds: first.startSeconds,
    });
    expect(again.hooks.summary()).toMatchObject({ executed: 0 });
  });
});

const short = { budget: { hook_minutes: 0.1 } };
const answered = (text: string): string => `return self.reply(200, ${text})`;

describe('a bad server', () => {
  test.each<[string, string, string, string, object?]>([
    [
      'that is never healthy',
      serverWith({ health: "return self.reply(503, 'text/plain', 'loading')" }),
      'HOOK_SERVE_START',
      'answers 503',
      short,
    ],
    ['that listens nowhere', 'import time\ntime.sleep(60)', 'HOOK_SERVE_START', 'is not listening', short],
    ['that ends at once', 'raise SystemExit("no model")', 'HOOK_FAILED', 'no model'],
    ['that ends well, but ends', 'print("bye")', 'HOOK_SERVE_DIED', 'ended before it was stopped'],
    ['that dies while it answers', serverWith({ answer: 'import os; os._exit(7)' }), 'HOOK_FAILED', 'exit code 7'],
    [
      'that answers 500',
      serverWith({ answer: "return self.reply(500 if asked > 2 else 200, 'text/csv', 'id,score\\n%s,1\\n' % rows[0]['id'])" }),
      'HOOK_SERVE_ANSWER',
      'request 3 of 30: POST /predict answered 500',
    ],
    [
      'that answers a redirect',
      serverWith({ answer: "return self.reply(302, 'text/plain', '')" }),
      'HOOK_SERVE_ANSWER',
      'answered 302',
    ],
    [
      'that answers HTML',
      serverWith({ answer: answered("'text/html', '<html>Sign in</html>'") }),
      'HOOK_SERVE_ANSWER',
      'content type text/html',
    ],
    [
      'that answers with broken JSON',
      serverWith({ answer: answered("'application/json', '[{'") }),
      'HOOK_SERVE_ANSWER',
      'said to be JSON and is not',
    ],
    [
      'that answers NaN in JSON',
      serverWith({ answer: answered("'application/json', json.dumps([{'id': rows[0]['id'], 'score': float('nan')}])") }),
      'HOOK_SERVE_ANSWER',
      'NaN',
    ],
    [
      'that answers without end',
      serverWith({ answer: answered("'text/csv', 'id,score\\n' + 'x' * (2 << 20)") }),
      'HOOK_SERVE_ANSWER',
      'sent more than',
    ],
    ['that hangs', serverWith({ answer: 'time.sleep(60)' }), 'HOOK_SERVE_ANSWER', 'did not answer within', short],
    [
      'that others on the network can ask',
      server
        .replace(/HEALTH|ANSWER/g, 'pass')
        .replace('BEGIN', '')
        .replace("('127.0.0.1', ", "('', "),
      'HOOK_SERVE_ADDRESS',
      'more than 127.0.0.1',
    ],
    [
      'that drops rows',
      serverWith({ answer: 'scores = scores if asked % 2 else []' }),
      'PREDICTIONS_INVALID',
      '15 ids of 30 input rows missing',
    ],
    [
      'that answers with other ids',
      serverWith({ answer: "scores = [('x%d' % asked, 1)]" }),
      'PREDICTIONS_INVALID',
      'not in the input',
    ],
    ['that prints without end', serverWith({ begin: "sys.stdout.write('x' * (70 << 20))" }), 'HOOK_OUTPUT', 'printed more than'],
  ])('%s is refused', async (_what, text, code, message, manifest) => {
    const { hooks } = await openServer(text, manifest as Record<string, unknown> | undefined);
    await expect(hooks.serve(request)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test('that ignores SIGTERM is killed and refused', async () => {
    const begin = 'signal.signal(signal.SIGTERM, signal.SIG_IGN)';
    const { hooks } = await openServer(serverWith({ begin }), short);
    await expect(hooks.serve(request)).rejects.toMatchObject({ code: 'HOOK_SERVE_STOP' });
  });

  test('that answers NaN is counted, not hidden', async () => {
    const { hooks } = await openServer(serverWith({ answer: "scores = [(i, float('nan')) for i, _ in scores]" }));
    expect(await hooks.serve(request)).toMatchObject({ rows: 30, notFinite: 30 });
  });

  test('sees no token, and its children do not outlive it', async () => {
    const begin = `import os, subprocess
assert 'MLFLOW_TRACKING_TOKEN' not in os.environ
child = subprocess.Popen(['sleep', '300'], start_new_session=True)
print('child', child.pid, flush=True)`;
    const env = { ...process.env, MLFLOW_TRACKING_TOKEN: 'not-for-hooks' };
    const { hooks, log } = await openModel({ 'serve.py': serverWith({ begin }) }, { serve }, { planned, machine: { env } });
    await hooks.serve(request);
    const child = Number(log.find((line) => line.startsWith('child'))?.split(' ')[1]);
    expect(child).toBeGreaterThan(1);
    // A zombie that nobody has waited for has no command line left.
    const left = existsSync(`/proc/${child}/cmdline`) ? readFileSync(`/proc/${child}/cmdline`, 'utf8') : '';
    expect(left).toBe('');
  });
});
