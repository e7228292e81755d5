/** Reports that Control Tower has not taken yet: `<folder>/unsent/<sha256>.json`, exactly the bytes that are to be posted. */
import { createHash } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toFailure } from '../kernel/failure.ts';
import { openOutputFolder, writeAtomically } from './output-folder.ts';
import { readText } from './read-text.ts';

const mostFiles = 100;
const mostBytes = 20 * 1024 * 1024;

export interface Unsent {
  /** Path inside the repo. */
  readonly path: string;
  readonly body: string;
}

export const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Keeps a payload; returns its path inside the repo. */
export async function keepUnsent(root: string, folder: string, body: string): Promise<string> {
  const path = `${folder}/unsent`;
  const name = `${sha256Of(body)}.json`;
  await writeAtomically(join(await openOutputFolder(root, path), name), body);
  return `${path}/${name}`;
}

/** The payloads that wait. A file whose content is not what its name says is a problem, not a payload. */
export async function listUnsent(
  root: string,
  folder: string,
): Promise<{ readonly waiting: readonly Unsent[]; readonly problems: readonly string[] }> {
  const names = await readdir(join(root, folder, 'unsent')).catch(() => []);
  const waiting: Unsent[] = [];
  const problems: string[] = [];
  for (const name of names
    .filter((each) => /^[0-9a-f]{64}\.json$/.test(each))
    .sort()
    .slice(0, mostFiles)) {
    const path = `${folder}/unsent/${name}`;
    const body = await readText(root, path, mostBytes).catch((error: unknown) => {
      problems.push(`${path} cannot be sent: ${toFailure(error).message}`);
      return null;
    });
    if (body === null) continue;
    if (sha256Of(body) === name.slice(0, 64)) waiting.push({ path, body });
    else problems.push(`${path} cannot be sent: its content was changed`);
  }
  return { waiting, problems };
}

export const dropUnsent = (root: string, { path }: Unsent): Promise<void> => rm(join(root, path), { force: true });

/** Puts a payload aside that Control Tower will never take; it is kept to be looked at and not sent again. */
export const setAside = (root: string, { path }: Unsent): Promise<void> =>
  rename(join(root, path), join(root, path.replace(/\.json$/, '.refused.json')));
