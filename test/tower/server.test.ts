/** Starting and stopping: addresses, folders, tokens. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startTower, type TowerOptions } from '../../src/tower/server.ts';
import { postgresIsMissing, startPostgres } from '../support/postgres.ts';
import { sampleReport } from './sample.ts';

const root = mkdtempSync(join(tmpdir(), 'flightcheck-tower-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const options = (more: Partial<TowerOptions> = {}): TowerOptions => ({
  folder: join(root, 'data'),
  port: 0,
  version: '0.1.0',
  ...more,
});

const login = { issuer: 'https://gitlab.example.com', clientId: 'id', clientSecret: 'secret', isPublic: false, roles: [] };

const post = (url: string, token: string | null) =>
  fetch(`${url}/v1/reports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(sampleReport()),
  });

describe('the embedded server', () => {
  it('shows a new token once, keeps its data, gives folder and port back, and never takes a replaced token', async () => {
    const tower = await startTower(options());
    const port = Number(new URL(tower.url).port);
    expect(statSync(join(root, 'data')).mode & 0o077).toBe(0);
    await expect(startTower(options())).rejects.toMatchObject({ code: 'TOWER_LOCKED', exitCode: 3 });
    await expect(startTower(options({ folder: join(root, 'other'), port }))).rejects.toMatchObject({
      code: 'TOWER_PORT',
      exitCode: 3,
    });
    expect((await post(tower.url, tower.token)).status).toBe(201);
    await tower.close();
    const tokenFile = join(root, 'token');
    const again = await startTower(options({ port, tokenFile }));
    expect(again.token).toBe(readFileSync(tokenFile, 'utf8').trim());
    expect(statSync(tokenFile).mode & 0o077).toBe(0);
    expect((await post(again.url, tower.token)).status).toBe(401);
    expect((await post(again.url, again.token)).status).toBe(200);
    await again.close();
    writeFileSync(tokenFile, `${tower.token}\n`);
    await expect(startTower(options({ tokenFile }))).rejects.toMatchObject({
      code: 'TOWER_TOKEN_FILE',
      exitCode: 2,
      message: expect.stringContaining('was revoked or replaced'),
      hint: expect.stringContaining('remove the file'),
    });
  });

  it.each<readonly [string, Partial<TowerOptions>, string, number]>([
    ['a folder under /proc', { folder: '/proc/none/data' }, 'TOWER_DATA_FOLDER', 3],
    ['an address of the network', { host: '0.0.0.0' }, 'TOWER_HOST', 2],
    ['every address by its IPv6 name', { host: '::' }, 'TOWER_HOST', 2],
    ['GitLab without an audience', { gitlabIssuers: ['https://gitlab.example.com'] }, 'TOWER_AUDIENCE', 2],
    ['a public address without a server', { publicUrl: 'tower.example.com' }, 'TOWER_PUBLIC_URL', 2],
    ['a public address of another kind', { publicUrl: 'ftp://tower.example.com' }, 'TOWER_PUBLIC_URL', 2],
    ['a public address with a path', { publicUrl: 'https://example.com/tower' }, 'TOWER_PUBLIC_URL', 2],
    ['a public address with a question', { publicUrl: 'https://tower.example.com?x=1' }, 'TOWER_PUBLIC_URL', 2],
    ['a public address with a password', { publicUrl: 'https://me:secret@tower.example.com' }, 'TOWER_PUBLIC_URL', 2],
    ['logins over a network without TLS', { publicUrl: 'http://tower.example.com', login }, 'TOWER_PUBLIC_URL', 2],
    ['a database that is not PostgreSQL', { databaseUrl: 'mysql://root:secret@db/tower' }, 'TOWER_DATABASE_URL', 2],
    ['a database that does not answer', { databaseUrl: 'postgresql://tower:secret@127.0.0.1:1/tower' }, 'TOWER_DATABASE', 3],
  ])('refuses %s', async (_, more, code, exitCode) => {
    const error = await startTower(options(more)).catch((thrown) => thrown);
    expect(error).toMatchObject({ code, exitCode });
    expect(`${error.message}${error.hint}`).not.toContain('secret');
  });

  it('refuses a file as folder and a token file that holds no token', async () => {
    writeFileSync(join(root, 'file'), 'short');
    await expect(startTower(options({ folder: join(root, 'file') }))).rejects.toMatchObject({ exitCode: 3 });
    await expect(startTower(options({ tokenFile: join(root, 'file') }))).rejects.toMatchObject({
      code: 'TOWER_TOKEN_FILE',
      exitCode: 2,
    });
    expect(existsSync(join(root, 'data'))).toBe(true);
  });
});

describe.skipIf(postgresIsMissing)(`on PostgreSQL${postgresIsMissing ? `: ${postgresIsMissing}` : ''}`, () => {
  it('serves the network to those who log in, from two replicas', async () => {
    const postgres = await startPostgres();
    const databaseUrl = postgres.database('tower');
    const [one, two] = await Promise.all([
      startTower(options({ databaseUrl, host: '0.0.0.0' })),
      startTower(options({ databaseUrl, host: '0.0.0.0' })),
    ]);
    try {
      const tokens = [one.token, two.token].filter((token) => token !== null);
      expect(tokens).toHaveLength(1);
      const token = tokens[0] ?? '';
      expect(one.durability).toContain('on disk');
      expect((await fetch(`${one.url}/healthz`)).status).toBe(200);
      expect((await fetch(`${one.url}/readyz`)).status).toBe(200);
      const stranger = await fetch(one.url);
      expect(stranger.status).toBe(401);
      expect(stranger.headers.get('www-authenticate')).toContain('Basic');
      expect((await fetch(`${one.url}/v1/models`)).status).toBe(401);
      expect((await post(one.url, token)).status).toBe(201);
      expect((await post(two.url, token)).status).toBe(200);
      const basic = { authorization: `Basic ${Buffer.from(`x:${token}`).toString('base64')}` };
      expect((await fetch(two.url, { headers: basic })).status).toBe(200);
      expect((await fetch(`${two.url}/v1/reports`, { method: 'POST', headers: basic })).status).toBe(401);
    } finally {
      await one.close();
      await two.close();
      await postgres.stop();
    }
  });
});
