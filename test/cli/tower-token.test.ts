/** `flightcheck tower token` against a running server and against the database: what is printed, and how it ends. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTower, type Tower } from '../../src/tower/server.ts';
import { call } from '../helpers/call.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-token-'));
let tower: Tower;
beforeAll(async () => {
  tower = await startTower({ folder: join(folder, 'served'), port: 0, version: '0.1.0' });
});
afterAll(async () => {
  await tower?.close();
  rmSync(folder, { recursive: true, force: true });
});

const token = (...args: readonly string[]) =>
  call(['tower', 'token', ...args, '--tower-url', tower.url], { FLIGHTCHECK_TOWER_TOKEN: tower.token ?? '' });
const status = async (secret: string, path: string): Promise<number> =>
  (await fetch(tower.url + path, { headers: { authorization: `Bearer ${secret}` } })).status;

test('a token is made, works, is listed without its secret, and ends when it is revoked', async () => {
  const made = await token('create', 'nightly', '--role', 'admin', '--days', '90');
  expect(made.code, made.errors).toBe(0);
  const secret = made.text.trim();
  expect(secret).toMatch(/^fct_[\w-]{32}$/);
  expect(made.errors).toContain('nightly: admin for all projects, expires ');
  expect(await status(secret, '/v1/tokens')).toBe(200);

  const listed = await token('list');
  expect(listed.text).toMatch(/^nightly +fct_\S+… +admin +all projects +\S/m);
  expect(listed.text).not.toContain(secret);

  expect((await token('revoke', 'nightly')).code).toBe(0);
  expect(await status(secret, '/v1/tokens')).toBe(401);
  expect(await token('revoke', 'nightly')).toMatchObject({
    code: 2,
    errors: expect.stringContaining('No token in use is named nightly'),
  });
});

test('beside a running server the way through it is told', async () => {
  const { code, errors } = await call(['tower', 'token', 'create', 'beside', '--data', join(folder, 'served')]);
  expect(code).toBe(3);
  expect(errors).toContain('is in use');
  expect(errors).toMatch(/--tower-url ADDRESS.*FLIGHTCHECK_TOWER_TOKEN/);
});

test('unless told, a token writes for all projects and expires in a year', async () => {
  const made = await token('create', 'plain', '--json');
  expect(JSON.parse(made.text)).toMatchObject({ name: 'plain', role: 'write', namespace: '', model: '' });
  const days = (Date.parse(JSON.parse(made.text).expiresAt) - Date.now()) / 86_400_000;
  expect(Math.round(days)).toBe(365);
});

test.each([
  [['create', 'x', '--role', 'boss'], 'expected one of read, write, admin'],
  [['create', 'plain'], 'the name of another token in use'],
  [['create'], 'name'],
])('%j is refused and said why', async (args, why) => {
  const { code, errors } = await token(...args);
  expect(code).toBe(2);
  expect(errors).toContain(why);
});

const alone = (...args: readonly string[]) => call(['tower', 'token', ...args, '--data', join(folder, 'alone')]);

test.each([
  [['--namespace', ''], '--namespace is empty'],
  [['--namespace', '/'], '--namespace is empty'],
  [['--namespace', ' '], '--namespace is empty'],
  [['--model', ''], '--model is empty'],
  [['--model', ' '], '--model is empty'],
  [['--namespace', 'risk models'], '--namespace is "risk models", expected a path of GitLab'],
  [['--namespace', 'risk//models'], '--namespace is "risk//models", expected a path of GitLab'],
  [['--model', 'x'.repeat(201)], '--model has 201 characters, expected at most 200'],
  [['--days', '-1'], '--days is -1, expected at least 1'],
  [['--days', '4000'], '--days is 4000, expected at most 3650'],
  [['--days', '1.5'], '--days is 1.5, expected a whole number'],
])('%j makes no token, through a server or in the database', async (args, why) => {
  for (const tokens of [token, alone]) {
    const { code, errors, text } = await tokens('create', 'odd', ...args);
    expect([code, text]).toEqual([2, '']);
    expect(errors).toContain(why);
  }
  expect((await alone('list')).text).not.toContain('odd');
});

test('an answer without an end is not read to its end', async () => {
  const endless = createServer((_, response) => {
    const send = (): void => {
      while (!response.destroyed && response.write('x'.repeat(2 ** 20)));
    };
    response.on('drain', send);
    send();
  });
  await new Promise<void>((resolve) => void endless.listen(0, '127.0.0.1', resolve));
  try {
    const url = `http://127.0.0.1:${(endless.address() as AddressInfo).port}`;
    const { code, errors } = await call(['tower', 'token', 'list', '--tower-url', url], { FLIGHTCHECK_TOWER_TOKEN: 'x' });
    expect(errors).toContain(`Control Tower at ${url}/ answers with more than 16 MiB`);
    expect(code).toBe(3);
  } finally {
    endless.closeAllConnections();
    endless.close();
  }
});

test('both ways answer with the same JSON', async () => {
  const place = ['--namespace', '/risk/models/', '--model', 'lateness', '--days', '0', '--json'];
  const [served, direct] = [await token('create', 'same', ...place), await alone('create', 'same', ...place)].map(({ text }) =>
    JSON.parse(text),
  );
  expect(Object.keys(direct).sort()).toEqual(Object.keys(served).sort());
  expect(direct).toMatchObject({ namespace: 'risk/models', model: 'lateness', expiresAt: null, createdBy: 'command line' });
  expect(await alone('create', 'same')).toMatchObject({
    code: 2,
    errors: expect.stringContaining('the name of another token in use'),
  });
});

test.each([['list'], ['revoke', 'first']])('a folder without data is no Control Tower without tokens: %s', async (...args) => {
  const data = join(folder, 'mistyped');
  expect(await call(['tower', 'token', ...args, '--data', data])).toMatchObject({
    ...{ code: 2, text: '' },
    errors: expect.stringContaining(`There is no Control Tower in ${data}`),
  });
  expect(existsSync(data)).toBe(false);
});

test('the server of the variable is asked, unless a database is named', async () => {
  const env = { FLIGHTCHECK_TOWER_TOKEN: tower.token ?? '', FLIGHTCHECK_TOWER_URL: tower.url, XDG_DATA_HOME: folder };
  const made = await call(['tower', 'token', 'create', 'by-variable', '--role', 'admin'], env);
  expect(made.code, made.errors).toBe(0);
  expect(await status(made.text.trim(), '/v1/tokens')).toBe(200);
  expect(existsSync(join(folder, 'flightcheck'))).toBe(false);

  const aside = await call(['tower', 'token', 'create', 'aside', '--role', 'admin', '--data', join(folder, 'aside')], env);
  expect(await status(aside.text.trim(), '/v1/tokens')).toBe(401);
});

test('without a server the database itself is asked', async () => {
  const data = ['--data', join(folder, 'alone')];
  const made = await call(['tower', 'token', 'create', 'first', '--namespace', 'risk', ...data]);
  expect(made.code, made.errors).toBe(0);
  expect((await call(['tower', 'token', 'list', ...data])).text).toMatch(/^first +fct_\S+… +write +risk/m);
});
