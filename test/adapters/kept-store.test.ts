/** The folder in which layers of images are kept between builds. */
import { existsSync, mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { takeStore } from '../../src/adapters/image/kept-store.ts';
import { temporaryFolder } from '../helpers/repo.ts';

const remove = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });

describe('a store', () => {
  const used = async (folder: string): Promise<void> => {
    const store = await takeStore(folder, remove);
    mkdirSync(store.path);
    await store.keep();
  };
  const back = (file: string, days: number): void => {
    const at = new Date(Date.now() - days * 24 * 3600_000);
    utimesSync(file, at, at);
  };

  test('is one build’s alone until it is kept', async () => {
    const folder = temporaryFolder();
    await used(folder);
    const [first, second] = [await takeStore(folder, remove), await takeStore(folder, remove)];
    expect([first.isWarm, second.isWarm]).toEqual([true, false]);
    await first.keep();
    await second.keep();
    expect(readdirSync(folder)).toEqual(['kept']);
  });

  test.each([
    [6, true],
    [8, false],
  ])('of %i days is used: %s', async (days, isWarm) => {
    const folder = temporaryFolder();
    await used(folder);
    back(join(folder, 'kept', 'born'), days);
    const store = await takeStore(folder, remove);
    expect([store.isWarm, existsSync(store.path)]).toEqual([isWarm, isWarm]);
  });

  test('of a build that was killed is never used, and goes after a day', async () => {
    const folder = temporaryFolder();
    await used(folder);
    await takeStore(folder, remove);
    const [killed = ''] = readdirSync(folder);
    const next = await takeStore(folder, remove);
    expect([next.isWarm, readdirSync(folder)]).toEqual([false, expect.arrayContaining([killed])]);
    back(join(folder, killed), 2);
    await (await takeStore(folder, remove)).discard();
    expect(readdirSync(folder)).toHaveLength(1);
  });
});
