/** `npm run render -- --release VERSION`: puts a release's version and checksums where the templates take them from. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Release } from './job.ts';

/** What a checkout between releases says: no checksum, so that a job refuses instead of downloading something else. */
const unreleased = '0.0.0-dev';

/** The release that `components/release.json` names. */
export const readRelease = async (root: string): Promise<Release> =>
  JSON.parse(await readFile(join(root, 'components/release.json'), 'utf8')) as Release;

/** Reads the checksums that `npm run archive` left under `archives/`; at least one architecture must be there. */
export async function setRelease(root: string, version: string): Promise<void> {
  if (!/^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$/.test(version)) throw new Error(`${version} is not a semantic version`);
  const sha256: Record<string, string> = {};
  for (const arch of version === unreleased ? [] : ['x64', 'arm64']) {
    const path = join(root, `archives/flightcheck-${version}-linux-${arch}.tar.gz.sha256`);
    const sum = /^[0-9a-f]{64}(?= )/.exec(await readFile(path, 'utf8').catch(() => ''))?.[0];
    if (sum) sha256[arch] = sum;
  }
  if (version !== unreleased && Object.keys(sha256).length === 0)
    throw new Error(`archives/ holds no checksum of version ${version}: run npm run archive first`);
  const { project } = await readRelease(root);
  await writeFile(join(root, 'components/release.json'), `${JSON.stringify({ version, project, sha256 }, null, 2)}\n`);
}
