/**
 * A deployment or a rollback whose process is killed after each of its steps, one after the other: what the environment holds
 * then, what `verify` says of it, and that `rollback` as well as a second try recover.
 */
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openAirflow } from '../../src/adapters/airflow/airflow.ts';
import { openFolder } from '../../src/adapters/delivery/folder.ts';
import { openGitTarget } from '../../src/adapters/delivery/git.ts';
import { renderAirflow, renderHash } from '../../src/delivery/dag/render-airflow.ts';
import type { DagSpec } from '../../src/delivery/dag/spec.ts';
import { expectedOf } from '../../src/delivery/deploy/proof.ts';
import { rollback } from '../../src/delivery/deploy/rollback.ts';
import { verify } from '../../src/delivery/deploy/verify.ts';
import type { DagTarget } from '../../src/kernel/delivery.ts';
import { git, makeRepo, temporaryFolder } from '../helpers/repo.ts';
import { type FakeAirflow, type Faults, fakeAirflow } from '../support/airflow.ts';
import { fastClock, first, hashIn, second, specOf, world } from '../support/deployments.ts';
import { killAfter, mortal, step } from '../support/mortal.ts';
import { s3Program, startS3 } from '../support/s3.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const { step } = await import('../support/mortal.ts');
  // A clone is gone with the process.
  const isClone = (path: string): boolean => path.includes('flightcheck-dags-');
  const writeFile = (path: string, text: string, options?: object) =>
    isClone(path)
      ? real.writeFile(path, text, options)
      : step(
          `write ${path}`,
          () => real.writeFile(path, text, options),
          () => real.writeFile(path, text.slice(0, text.length / 2), options),
        );
  const rename = (from: string, to: string) => step(`rename to ${to}`, () => real.rename(from, to));
  const rm = (path: string, options?: object) => step(`remove ${path}`, () => real.rm(path, options));
  return { ...real, writeFile, rename, rm };
});
vi.mock('simple-git', async (original) => {
  const real = await original<typeof import('simple-git')>();
  const { step } = await import('../support/mortal.ts');
  const simpleGit: typeof real.simpleGit = (...args: unknown[]) => {
    const plain = (real.simpleGit as (...given: unknown[]) => ReturnType<typeof real.simpleGit>)(...args);
    const raw = plain.raw.bind(plain) as (words: string[]) => Promise<string>;
    // What happens in the clone is gone with the process: the commit stands for all of it.
    const isStep = ([word = '']: readonly string[]): boolean => word === 'commit' || word === 'push';
    return Object.assign(plain, {
      raw: (words: string[]) => (isStep(words) ? step(`git ${words[0]}`, () => raw(words)) : raw(words)),
    });
  };
  return { ...real, simpleGit };
});

const zero = specOf('zero');

interface Place {
  readonly airflow: FakeAirflow;
  open(): Promise<DagTarget>;
  /** The delivered file; null when there is none. */
  text(): string | null;
  /** All DAG files. */
  files(): readonly string[];
}

interface Kind {
  readonly name: string;
  /** Requests to Airflow that count as steps: a process killed after a mere look has left what it had left before. */
  readonly changes: readonly string[];
  /** With a canary, and with all that goes wrong in Airflow: how the files get there makes no difference to that. */
  readonly isFull: boolean;
  /** An environment in which these versions were deployed, one after the other; each call gives a copy. */
  prepare(specs: readonly DagSpec[]): Promise<(faults: Faults) => Promise<Place>>;
}

const dagFiles = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.py'));

/** An Airflow that has read what lies there and lets it run. */
async function settled(folder: string, faults: Faults, hasDag: boolean): Promise<FakeAirflow> {
  const airflow = await fakeAirflow(folder, faults);
  airflow.read();
  const dag = airflow.dags.get('risk');
  expect(dag !== undefined).toBe(hasDag);
  if (dag) dag.is_paused = false;
  return airflow;
}

const folderKind: Kind = {
  name: 'in a folder',
  changes: ['setPaused', 'startRun', 'forget', 'hurry'],
  isFull: true,
  async prepare(specs) {
    const { folder, deploy } = await world();
    for (const spec of specs) await deploy(spec);
    return async (faults) => {
      const copy = temporaryFolder();
      cpSync(folder, copy, { recursive: true });
      const file = join(copy, 'risk.py');
      return {
        airflow: await settled(copy, faults, specs.length > 0),
        open: () => openFolder(copy),
        text: () => (existsSync(file) ? readFileSync(file, 'utf8') : null),
        files: () => dagFiles(copy),
      };
    };
  },
};

const openGit = async (url: string): Promise<DagTarget> => {
  const env = { PATH: process.env.PATH ?? '', HOME: temporaryFolder() };
  const target = await openGitTarget({ url, branch: 'main', path: 'dags', env });
  onTestFinished(() => target.close());
  return target;
};

const gitKind: Kind = {
  name: 'by commits',
  changes: ['setPaused', 'startRun'],
  isFull: false,
  async prepare(specs) {
    const bare = temporaryFolder();
    git(bare, 'clone', '--quiet', '--bare', makeRepo({ 'dags/other.txt': 'of another team\n' }), '.');
    const target = await openGit(bare);
    const record = { hash: '', previousHash: null, commit: 'c', imageDigest: null };
    for (const [i, spec] of specs.entries()) {
      const previousHash = i === 0 ? null : renderHash(specs[i - 1] as DagSpec);
      await target.write('risk.py', renderAirflow(spec), { ...record, hash: renderHash(spec), previousHash });
    }
    return async (faults) => {
      const [url, work] = [temporaryFolder(), temporaryFolder()];
      cpSync(bare, url, { recursive: true });
      git(work, 'clone', '--quiet', url, '.');
      const tip = (): string => {
        const file = join(url, 'refs/heads/main');
        return existsSync(file) ? readFileSync(file, 'utf8') : 'packed';
      };
      let pulled = tip();
      const pull = (): void => {
        if (tip() === pulled) return;
        pulled = tip();
        git(work, 'pull', '--quiet', '--ff-only');
      };
      const file = join(work, 'dags/risk.py');
      return {
        airflow: await settled(join(work, 'dags'), { ...faults, onRequest: pull }, specs.length > 0),
        open: () => openGit(url),
        text() {
          pull();
          return existsSync(file) ? readFileSync(file, 'utf8') : null;
        },
        files() {
          pull();
          return dagFiles(join(work, 'dags'));
        },
      };
    };
  },
};

const bucketKind: Kind = {
  name: 'in a bucket',
  changes: ['setPaused', 'startRun'],
  isFull: false,
  async prepare(specs) {
    const server = await startS3();
    onTestFinished(() => server.close());
    const real = globalThis.fetch;
    vi.stubGlobal('fetch', (input: Request | string, init?: RequestInit) => {
      const isChange = input instanceof Request && input.url.startsWith(server.url) && input.method !== 'GET';
      return isChange ? step(`${input.method} ${input.url}`, () => real(input)) : real(input, init);
    });
    onTestFinished(() => void vi.unstubAllGlobals());
    let count = 0;
    return async (faults) => {
      const { folder, text, open } = server.bucket(`killed-${++count}`);
      const record = { hash: '', previousHash: null, commit: 'c', imageDigest: null };
      for (const [i, spec] of specs.entries()) {
        const previousHash = i === 0 ? null : renderHash(specs[i - 1] as DagSpec);
        await open().write('risk.py', renderAirflow(spec), { ...record, hash: renderHash(spec), previousHash });
      }
      return {
        airflow: await settled(join(folder, 'dags'), faults, specs.length > 0),
        open: async () => open(),
        text: () => text('dags/risk.py'),
        files: () => (existsSync(join(folder, 'dags')) ? dagFiles(join(folder, 'dags')) : []),
      };
    };
  },
};

const wait = { timeoutSeconds: 60, pollSeconds: 5 };
const options = { paused: false, canary: false, testRun: false, attempt: '1', ...wait };
const portOf = (place: Place) => openAirflow({ url: place.airflow.url, major: 3 });
const hashesOf = (spec: DagSpec) => [renderHash(spec), renderHash(spec)];

async function applyIn(place: Place, spec: DagSpec, more: object = {}) {
  const { apply } = await import('../../src/delivery/deploy/apply.ts');
  const common = { ...options, clock: fastClock(), commit: 'c', imageDigest: null };
  return apply({ airflow: portOf(place), target: await place.open(), ...common, spec, ...more });
}

const rollbackIn = async (place: Place, more: object = {}) =>
  rollback({ airflow: portOf(place), target: await place.open(), dagId: 'risk', ...wait, clock: fastClock(), ...more });

const isProven = async (place: Place, spec: DagSpec): Promise<boolean> => {
  const expected = expectedOf(spec, renderHash(spec));
  const asked = { ...wait, timeoutSeconds: 10, clock: fastClock(), deliveredAt: null, oldTraces: [], fileName: 'risk.py' };
  return (await verify({ airflow: portOf(place), expected, ...asked })).isProven;
};

/** Kills after every step; `judge` gets a place in which that happened, and does it again for every way to recover. */
async function killEverywhere(
  copy: () => Promise<Place>,
  changes: readonly string[],
  process: (place: Place, ports: { airflow: ReturnType<typeof portOf> }) => Promise<unknown>,
  judges: readonly ((place: Place, where: string) => Promise<void>)[],
): Promise<readonly string[]> {
  const steps: string[] = [];
  for (const isTorn of [false, true])
    for (let lastStep = 1; ; lastStep++) {
      let died: string | null = null;
      for (const judge of judges) {
        const place = await copy();
        died = await killAfter(lastStep, () => process(place, { airflow: mortal(portOf(place), 'Airflow', changes) }), {
          isTorn,
        });
        if (died === null) break;
        await judge(place, `killed ${isTorn ? 'in' : 'after'} step ${lastStep}: ${died}`);
        // Half a write is the only step that can be left half done.
        if (isTorn && !died.startsWith('write')) break;
      }
      if (died === null) break;
      if (!isTorn) steps.push(died.replace(/\S*\//, ''));
    }
  return steps;
}

const textOf = (spec: DagSpec | null): string | null => (spec === null ? null : renderAirflow(spec));
const nameOf = (text: string | null): string => {
  const known = new Map([zero, first, second].map((spec, i) => [renderAirflow(spec), ['zero', 'first', 'second'][i] ?? '']));
  return text === null ? 'nothing' : (known.get(text) ?? 'a torn file');
};

describe.each([folderKind, gitKind, ...(s3Program === null ? [] : [bucketKind])])(
  'killed at every step, $name:',
  ({ prepare, changes, isFull }) => {
    test('an update is there whole or not at all; rollback brings back a proven version, a second try ends what was begun', async () => {
      const copy = await prepare([zero, first]);
      const held = new Set<string>();
      const steps = await killEverywhere(
        () => copy({}),
        changes,
        (place, ports) => applyIn(place, second, { ...ports, canary: isFull, testRun: true }),
        [
          async (place, where) => {
            const isDelivered = place.text() === textOf(second);
            held.add(nameOf(place.text()));
            expect(['first', 'second'], where).toContain(nameOf(place.text()));
            expect(await isProven(place, second), where).toBe(isDelivered);
            const back = await rollbackIn(place);
            expect(back.steps.at(-1), where).toMatchObject({ id: 'verify-rollback', outcome: 'pass' });
            const found = nameOf(place.text());
            if (isDelivered) expect(found, where).toBe('first');
            expect(['zero', 'first'], where).toContain(found);
            expect(hashIn(place.airflow), where).toEqual(hashesOf(found === 'zero' ? zero : first));
            expect(place.airflow.dags.get('risk')?.is_paused, where).toBe(false);
          },
          async (place, where) => {
            const again = await applyIn(place, second, { canary: isFull, testRun: true, attempt: '2' });
            expect(['deployed', 'unchanged'], where).toContain(again.outcome);
            expect(nameOf(place.text()), where).toBe('second');
            expect(hashIn(place.airflow), where).toEqual(hashesOf(second));
            expect(place.airflow.dags.get('risk')?.is_paused, where).toBe(false);
            if (again.outcome === 'deployed' && !isFull) expect(place.files(), where).toEqual(['risk.py']);
            await rollbackIn(place);
            expect(nameOf(place.text()), where).toBe('first');
            expect(hashIn(place.airflow), where).toEqual(hashesOf(first));
          },
        ],
      );
      expect([...held].sort()).toEqual(['first', 'second']);
      expect(steps).toContain('Airflow startRun');
    });

    test.runIf(isFull)('an update that Airflow cannot import is taken back by rollback and by a second try', async () => {
      const copy = await prepare([zero, first]);
      await killEverywhere(
        () => copy({ breaksOn: '"two"' }),
        changes,
        (place, ports) => applyIn(place, second, ports),
        [
          async (place, where) => {
            const wasDelivered = nameOf(place.text()) === 'second';
            expect(['first', 'second'], where).toContain(nameOf(place.text()));
            expect(await isProven(place, second), where).toBe(false);
            const back = await rollbackIn(place);
            expect(back.steps.at(-1), where).toMatchObject({ id: 'verify-rollback', outcome: 'pass' });
            const found = nameOf(place.text());
            if (wasDelivered) expect(found, where).toBe('first');
            expect(hashIn(place.airflow), where).toEqual(hashesOf(found === 'zero' ? zero : first));
            expect(await portOf(place).importErrors('risk.py'), where).toEqual([]);
          },
          async (place, where) => {
            const again = await applyIn(place, second);
            expect(again.outcome, where).toBe('rolled-back');
            expect(nameOf(place.text()), where).toBe('first');
            expect(hashIn(place.airflow), where).toEqual(hashesOf(first));
            expect(await portOf(place).importErrors('risk.py'), where).toEqual([]);
          },
        ],
      );
    });

    test.runIf(isFull)(
      'an update whose run fails is taken back by a second try, also when the first has delivered it',
      async () => {
        const copy = await prepare([zero, first]);
        await killEverywhere(
          () => copy({ runs: 'failed' }),
          changes,
          (place, ports) => applyIn(place, second, { ...ports, testRun: true }),
          [
            async (place, where) => {
              const again = await applyIn(place, second, { testRun: true, attempt: '2' });
              expect(again.outcome, where).toBe('rolled-back');
              expect(again.steps.at(-1), where).toMatchObject({ id: 'verify-rollback', outcome: 'pass' });
              expect(nameOf(place.text()), where).toBe('first');
              expect(hashIn(place.airflow), where).toEqual(hashesOf(first));
            },
          ],
        );
      },
    );

    test('a rollback is ended by the next rollback, and the version that was regretted can be deployed again', async () => {
      const copy = await prepare([zero, first]);
      await killEverywhere(
        () => copy({}),
        changes,
        (place, ports) => rollbackIn(place, ports),
        [
          async (place, where) => {
            expect(['zero', 'first'], where).toContain(nameOf(place.text()));
            const back = await rollbackIn(place);
            expect(['rolled-back', 'unchanged'], where).toContain(back.outcome);
            expect(nameOf(place.text()), where).toBe('zero');
            expect(hashIn(place.airflow), where).toEqual(hashesOf(zero));
          },
          async (place, where) => {
            expect(['deployed', 'unchanged'], where).toContain((await applyIn(place, first)).outcome);
            expect(nameOf(place.text()), where).toBe('first');
            expect(hashIn(place.airflow), where).toEqual(hashesOf(first));
          },
        ],
      );
    });

    test('a new DAG is let go by a second try, and leaves nothing behind after a rollback', async () => {
      const copy = await prepare([]);
      const steps = await killEverywhere(
        () => copy({}),
        changes,
        (place, ports) => applyIn(place, first, { ...ports, testRun: true }),
        [
          async (place, where) => {
            expect(['nothing', 'first'], where).toContain(nameOf(place.text()));
            expect((await rollbackIn(place)).steps.at(-1), where).toMatchObject({ id: 'verify-rollback', outcome: 'pass' });
            expect(place.files(), where).toEqual([]);
            expect([...place.airflow.dags.keys()], where).toEqual([]);
          },
          async (place, where) => {
            expect(['deployed', 'unchanged'], where).toContain((await applyIn(place, first, { attempt: '2' })).outcome);
            expect(hashIn(place.airflow), where).toEqual(hashesOf(first));
            expect(place.airflow.dags.get('risk')?.is_paused, where).toBe(false);
          },
        ],
      );
      expect(steps).toEqual(expect.arrayContaining(['Airflow setPaused', 'Airflow startRun']));
    });

    test.runIf(isFull)('a new DAG that breaks leaves nothing behind after a rollback or a second try', async () => {
      const copy = await prepare([]);
      const isGone = async (place: Place, where: string): Promise<void> => {
        expect(place.files(), where).toEqual([]);
        expect([...place.airflow.dags.keys()], where).toEqual([]);
        expect(await portOf(place).importErrors('risk.py'), where).toEqual([]);
      };
      await killEverywhere(
        () => copy({ breaksOn: '"one"' }),
        changes,
        (place, ports) => applyIn(place, first, ports),
        [
          async (place, where) => {
            expect((await rollbackIn(place)).steps.at(-1), where).toMatchObject({ id: 'verify-rollback', outcome: 'pass' });
            await isGone(place, where);
          },
          async (place, where) => {
            expect((await applyIn(place, first)).outcome, where).toBe('rolled-back');
            await isGone(place, where);
          },
        ],
      );
    });
  },
);
