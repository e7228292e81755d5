import { describe, expect, it } from 'vitest';
import check from '../../../../rules/structure/layout/layout-xyz.ts';

describe('layout-xyz', () => {
  const files = (...paths: string[]) => ({ has: (path: string) => paths.includes(path) }) as Parameters<typeof check.run>[0]['files'];

  it('passes where the fact holds', async () =>
    expect(await check.run({ files: files('README.md') }, { names: ['README.md'] })).toMatchObject({ outcome: 'pass' }));

  it('fails where it does not', async () =>
    expect(await check.run({ files: files() }, { names: ['README.md'] })).toMatchObject({ outcome: 'fail' }));
});
