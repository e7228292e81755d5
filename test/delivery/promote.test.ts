/** The tags that a promotion may give. What a registry then holds is in registry.test.ts. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startSteps, untilFailure } from '../../src/delivery/image/build.ts';
import { promoteImage } from '../../src/delivery/image/promote.ts';
import { call } from '../helpers/call.ts';
import { makeRepo } from '../helpers/repo.ts';

describe('a Git tag', () => {
  const manifest = `version: 1
model: { name: risk, owner: '@team' }
image: { builder: append, base: 'localhost:1/base@sha256:${'0'.repeat(64)}', repository: 'localhost:1/team/model' }
`;
  const build = (CI_COMMIT_TAG: string, ...more: string[]) =>
    call(['build', makeRepo({ 'flightcheck.yml': manifest, 'a.py': '1\n' }), ...more], {
      ...{ PATH: process.env.PATH ?? '', CI: 'true', CI_COMMIT_TAG },
    });

  test.each([
    ['release/1.0', []],
    ['v1.0+cu121', []],
    ['x'.repeat(129), []],
    ['release/1.0', ['--promote', 'localhost:1/team/model:1']],
  ])('%s that is none of an image is told before the registry is asked %j', async (tag, more) => {
    const { code, errors } = await build(tag, ...more);
    expect([code, errors]).toEqual([2, expect.stringContaining(`The Git tag ${tag} (CI_COMMIT_TAG) is no tag`)]);
    expect(errors).toContain('--image-tag');
  });

  test('that is none of an image does not matter where --image-tag is given', async () => {
    vi.stubGlobal('fetch', async () => new Response(null, { status: 403 }));
    onTestFinished(() => void vi.unstubAllGlobals());
    const { code, errors } = await build('release/1.0', '--image-tag', '1.0', '--promote', 'localhost:1/team/model:1');
    expect([code, errors]).toEqual([2, expect.stringContaining('the account may not do this')]);
  });
});

describe('what has the tag', () => {
  const name = { registry: 'registry.example.com', repository: 'team/model', digest: null };
  const promote = async (tag: string) => {
    const held: Record<string, string> = { new: 'sha256:new', [tag]: 'sha256:old' };
    const log = startSteps();
    const done = await untilFailure(log, () =>
      promoteImage({
        ...{ from: { ...name, tag: 'new' }, to: { ...name, tag }, steps: log },
        digestOf: async (image) => held[image.tag ?? ''] ?? null,
        copy: async (digest, _from, to) => {
          held[to.tag ?? ''] = digest;
        },
      }),
    );
    return { failure: done.failure, held };
  };

  test('is kept under a name of at most 128 characters, else nothing is done', async () => {
    const longest = 'x'.repeat(119);
    expect(await promote(longest)).toEqual({
      failure: null,
      held: { new: 'sha256:new', [longest]: 'sha256:new', [`${longest}-previous`]: 'sha256:old' },
    });
    const longer = 'x'.repeat(120);
    expect(await promote(longer)).toEqual({
      failure: expect.objectContaining({ code: 'PROMOTE_TAG', hint: expect.stringContaining('at most 119') }),
      held: { new: 'sha256:new', [longer]: 'sha256:old' },
    });
  });
});
