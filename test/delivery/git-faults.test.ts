/** A deployment by commits over a real Git server that fails: what the repository and Airflow hold afterwards. */
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openAirflow } from '../../src/adapters/airflow/airflow.ts';
import { openGitTarget } from '../../src/adapters/delivery/git.ts';
import { renderAirflow, renderHash } from '../../src/delivery/dag/render-airflow.ts';
import { stop } from '../../src/delivery/deploy/stop.ts';
import type { DagTarget } from '../../src/kernel/delivery.ts';
import { git, makeRepo, temporaryFolder } from '../helpers/repo.ts';
import { fakeAirflow } from '../support/airflow.ts';
import { fastClock, first, hashIn, second, stepsOf, world } from '../support/deployments.ts';
import { type Fate, type GitServer, gitServer, type Moment } from '../support/git-server.ts';

const open = async (url: string): Promise<DagTarget> => {
  const env = { PATH: process.env.PATH ?? '', HOME: temporaryFolder() };
  const target = await openGitTarget({ url, branch: 'main', path: 'dags', env, stallSeconds: 2 });
  onTestFinished(() => target.close());
  return target;
};
const holds = ({ bare }: GitServer): string => git(bare, 'show', 'main:dags/risk.py');
const commits = ({ bare }: GitServer): number => Number(git(bare, 'rev-list', '--count', 'main'));

/** A server on which the first version was deployed, and an Airflow that reads its repository. */
async function deployed() {
  const server = await gitServer();
  const work = temporaryFolder();
  git(work, 'clone', '--quiet', server.bare, '.');
  const airflow = await fakeAirflow(join(work, 'dags'), { onRequest: () => git(work, 'pull', '--quiet', '--ff-only') });
  const made = await world({}, { target: await open(server.url), airflow });
  expect((await made.deploy(first)).outcome).toBe('deployed');
  return { server, ...made };
}
const isFirst = ({ server, airflow }: Awaited<ReturnType<typeof deployed>>, where = ''): void => {
  expect(holds(server), where).toBe(renderAirflow(first));
  expect(hashIn(airflow), where).toEqual([renderHash(first), renderHash(first)]);
  expect(airflow.dags.get('risk')?.is_paused, where).toBe(false);
};
/** Lets the first request of that kind meet its fate; `forGood`: and all after it. */
const once = (server: GitServer, moment: Moment, fate: Fate, forGood?: Fate): void => {
  let hasMet = false;
  server.fate = (now) => {
    if (hasMet) return forGood ?? 'answer';
    if (now !== moment) return 'answer';
    hasMet = true;
    return fate;
  };
};

describe('the environment holds what it had when', () => {
  const faults: readonly (readonly [string, Moment, Fate])[] = [
    ['the account may not push', 'greet-push', 403],
    ['the server fails before the push', 'greet-push', 500],
    ['the server is busy', 'look', 429],
    ['the network is cut before the push', 'greet-push', 'cut-before'],
    ['the network is cut in the push', 'push', 'cut-before'],
    ['the server never answers the push', 'push', 'never'],
    ['the server never answers at all', 'look', 'never'],
  ];
  test('a server or a network fails, whatever the moment; the next deployment succeeds', async () => {
    const made = await deployed();
    const before = commits(made.server);
    for (const [where, moment, fate] of faults) {
      // Git tries a connection that was cut once more by itself.
      made.server.fate = (now) => (now === moment ? fate : 'answer');
      const failed = await made.deploy(second).catch((error: unknown) => error);
      expect(failed, where).toMatchObject({ code: expect.stringMatching(/^DELIVERY_/), exitCode: 3 });
      isFirst(made, where);
      expect(commits(made.server), where).toBe(before);
    }
    made.server.fate = () => 'answer';
    expect((await made.deploy(second)).outcome).toBe('deployed');
    expect(holds(made.server)).toBe(renderAirflow(second));
  });

  test('a hook of the server rejects the push, with the words of the hook', async () => {
    const made = await deployed();
    const hook = join(made.server.bare, 'hooks/update');
    writeFileSync(hook, '#!/bin/sh\necho "GitLab: You are not allowed to push code to protected branches" >&2\nexit 1\n');
    chmodSync(hook, 0o755);
    await expect(made.deploy(second)).rejects.toMatchObject({
      ...{ code: 'DELIVERY_FAILED', exitCode: 3, message: expect.stringContaining('protected branches') },
    });
    isFirst(made);
  });
});

describe('a password', () => {
  test('that is wrong ends at once, asks nobody, and is not told', async () => {
    const { url } = await gitServer('right');
    const address = (password: string): string => url.replace('//', `//deployer:${password}@`);
    for (const wrong of [url, address('hunter2hunter2')]) {
      const refused = await open(wrong).catch((error: Error) => error);
      expect(refused).toMatchObject({ code: 'DELIVERY_FAILED', exitCode: 3 });
      expect(String(refused)).not.toContain('hunter2');
    }
    expect(await (await open(address('right'))).read('other.txt')).toBe('of another team\n');
  });

  test('of a server that nobody listens for, a branch that is not there: said before anything is delivered', async () => {
    const server = await gitServer();
    const env = { PATH: process.env.PATH ?? '', HOME: temporaryFolder() };
    await expect(openGitTarget({ url: server.url, branch: 'gone', path: 'dags', env })).rejects.toMatchObject({
      ...{ code: 'DELIVERY_FAILED', message: expect.stringContaining('gone') },
    });
    await server.close();
    await expect(open(server.url)).rejects.toMatchObject({ code: 'DELIVERY_FAILED', exitCode: 3 });
  });
});

describe('a push that arrived without its answer', () => {
  test('is found, proven and kept', async () => {
    const made = await deployed();
    once(made.server, 'push', 'cut-after');
    const done = await made.deploy(second);
    expect(done.outcome).toBe('deployed');
    expect(holds(made.server)).toBe(renderAirflow(second));
    expect(hashIn(made.airflow)).toEqual([renderHash(second), renderHash(second)]);
  });

  test('is found when the server is back, and is not called what it had when it never is', async () => {
    const made = await deployed();
    const clock = fastClock();
    once(made.server, 'push', 'cut-after', 503);
    const back = async (seconds: number): Promise<void> => {
      await clock.sleep(seconds);
      if (clock.now().getTime() > Date.now() + 15_000) made.server.fate = () => 'answer';
    };
    expect((await made.deploy(second, { clock: { ...clock, sleep: back } })).outcome).toBe('deployed');

    const lost = await deployed();
    once(lost.server, 'push', 'cut-after', 503);
    const done = await lost.deploy(second);
    expect(done.outcome).toBe('rollback-unverified');
    expect(stepsOf(done)).toEqual(['preflight pass', 'deliver fail']);
    expect(done.steps.at(-1)?.words).toContain('may have arrived');
    lost.server.fate = () => 'answer';
    // What lies there is the new version; a second try proves it.
    expect((await lost.deploy(second)).outcome).toBe('unchanged');
  });

  test('of a stop is found as well', async () => {
    const made = await deployed();
    once(made.server, 'push', 'cut-after');
    const port = openAirflow({ url: made.airflow.url, major: 3 });
    const options = { airflow: port, target: made.target, dagId: 'risk', timeoutSeconds: 60, pollSeconds: 5, clock: fastClock() };
    expect((await stop(options)).outcome).toBe('stopped');
    expect(git(made.server.bare, 'ls-tree', '--name-only', 'main', 'dags/').trim()).toBe('dags/other.txt');
  });
});

test('a repository that moves on with every push: the delivery is made again, and after five times given up', async () => {
  const made = await deployed();
  const other = temporaryFolder();
  git(other, 'clone', '--quiet', made.server.bare, '.');
  let moves = 0;
  const moveOn = (most: number) => (moment: Moment) => {
    if (moment === 'push' && moves < most) {
      writeFileSync(join(other, 'dags', `other-${++moves}.txt`), 'theirs\n');
      git(other, 'add', '-A');
      git(other, 'commit', '-qm', 'theirs');
      git(other, 'pull', '-q', '--rebase');
      git(other, 'push', '-q');
    }
    return 'answer' as const;
  };
  made.server.fate = moveOn(2);
  expect((await made.deploy(second)).outcome).toBe('deployed');
  const names = git(made.server.bare, 'ls-tree', '--name-only', 'main', 'dags/');
  for (const name of ['other-1.txt', 'other-2.txt', 'risk.py']) expect(names).toContain(name);
  made.server.fate = moveOn(100);
  await expect(made.deploy(first)).rejects.toMatchObject({ code: 'DELIVERY_FAILED', exitCode: 3 });
  expect(moves).toBe(2 + 5);
  expect(holds(made.server)).toBe(renderAirflow(second));
});

test('no space for the clone is told as that, delivers nothing and leaves nothing behind', async ({ skip }) => {
  const [bare, disk] = [temporaryFolder(), temporaryFolder()];
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', disk], { stdio: 'ignore' });
  } catch {
    skip('no disk can be mounted here');
  }
  const before = process.env.TMPDIR;
  onTestFinished(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    execFileSync('umount', ['-l', disk]);
  });
  const large = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 2_654_435_761) % 251));
  git(bare, 'clone', '--quiet', '--bare', makeRepo({ 'dags/large.txt': large.toString('base64') }), '.');
  process.env.TMPDIR = disk;
  const target = await open(bare);
  const full = join(disk, 'full');
  try {
    writeFileSync(full, Buffer.alloc(2 ** 20));
  } catch {
    // As full as it gets.
  }
  const record = { hash: 'h', previousHash: null, commit: 'c', imageDigest: null };
  const refused = await target.write('risk.py', 'x'.repeat(100_000), record).catch((error: Error) => error);
  expect(refused).toMatchObject({ code: 'DELIVERY_FAILED', exitCode: 3, hint: expect.stringContaining('space left') });
  await expect(open(bare)).rejects.toMatchObject({ exitCode: 3 });
  expect(git(bare, 'ls-tree', '--name-only', 'main', 'dags/').trim()).toBe('dags/large.txt');
  await rm(full);
  const again = await open(bare);
  expect(await again.write('risk.py', 'x', record)).toMatch(/^[0-9a-f]{40}$/);
});
