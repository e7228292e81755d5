/** The artifacts of a model version, downloaded through the tracking server: stores behind it need credentials that we do not have. */
import { createWriteStream } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { MlflowVersion } from '../../kernel/world.ts';
import { fieldsOf, listOf, textOr } from './answers.ts';
import { MlflowProblem, type MlflowRequester } from './requester.ts';

const maxFiles = 10_000;
/** Folders in folders. */
const maxDepth = 32;
const maxGigabytes = 8;
const maxBytes = maxGigabytes * 2 ** 30;
const tooLarge = `the version is larger than ${maxGigabytes} GiB`;

const artifacts = 'mlflow-artifacts/artifacts';

/** The path that the server's proxy knows an artifact address by. */
function proxied(uri: string, address: string): string {
  const [, host, path] = /^mlflow-artifacts:(?:\/\/([^/]+))?\/(.+)$/.exec(uri) ?? [];
  if (path !== undefined && (host === undefined || host === new URL(address).host)) return path;
  const direct = `${address}/api/2.0/${artifacts}/`;
  if (uri.startsWith(direct)) return uri.slice(direct.length);
  const where = /^[a-z0-9+.-]+:/i.exec(uri)?.[0] ?? 'a path of its own disk';
  throw new MlflowProblem(`the artifacts lie at ${where}, not behind the server: start it with --serve-artifacts`);
}

interface Listed {
  /** Relative to the artifacts of the version. */
  readonly path: string;
  readonly bytes: number | null;
}

const encoded = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

/** A name that a server sends is a file of one folder, and nothing else. */
function nameOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name === '' || name === '.' || name === '..' || /[\0\\]/.test(name))
    throw new MlflowProblem('it names an artifact that cannot be a file');
  return name;
}

async function listArtifacts(requester: MlflowRequester, root: string): Promise<readonly Listed[]> {
  const files: Listed[] = [];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (folder.split('/').length > maxDepth) throw new MlflowProblem(`it lists folders in folders, more than ${maxDepth} deep`);
    const answer = await requester.json(artifacts, { query: { path: folder === '' ? root : `${root}/${folder}` } });
    for (const item of listOf(answer.files, 'files')) {
      const { path, is_dir: isFolder, file_size: size } = fieldsOf(item, 'file');
      const name = nameOf(textOr(path) ?? '');
      const inside = folder === '' ? name : `${folder}/${name}`;
      if (isFolder === true) folders.push(inside);
      else files.push({ path: inside, bytes: size === undefined ? null : Number(size) });
    }
    if (files.length + folders.length > maxFiles) throw new MlflowProblem(`the version has more than ${maxFiles} artifacts`);
  }
  return files;
}

async function downloadFile(
  requester: MlflowRequester,
  root: string,
  path: string,
  target: string,
  allowed: number,
): Promise<number> {
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), requester.silenceSeconds * 1000);
  };
  try {
    const response = await requester.file(`${artifacts}/${encoded(`${root}/${path}`)}`, stop.signal);
    if (!response.body) throw new MlflowProblem(`it sent nothing for ${path}`);
    alive();
    let bytes = 0;
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        alive();
        bytes += chunk.length;
        done(bytes > allowed ? new MlflowProblem(tooLarge) : null, chunk);
      },
    });
    await pipeline(Readable.fromWeb(response.body), counted, createWriteStream(target));
    return bytes;
  } catch (error) {
    if (error instanceof MlflowProblem && error.status === 404)
      throw new MlflowProblem(`it lists ${path} and does not have it (404)`);
    if (error instanceof MlflowProblem) throw error;
    throw new MlflowProblem(`the download of ${path} broke off`);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Downloads a version into an empty folder. Returns what hooks are handed: the folder, or its only file when that is all
 * there is and it is no MLflow model.
 */
export async function downloadVersion(requester: MlflowRequester, version: MlflowVersion, folder: string): Promise<string> {
  const { name, version: number } = version;
  const answer = await requester.json('mlflow/model-versions/get-download-uri', { query: { name, version: number } });
  const root = proxied(textOr(answer.artifact_uri) ?? '', requester.address);
  const files = await listArtifacts(requester, root);
  if (files.length === 0) throw new MlflowProblem(`${name} ${number} has no artifacts`);
  if (files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0) > maxBytes) throw new MlflowProblem(tooLarge);
  let left = maxBytes;
  for (const { path, bytes } of files) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    const got = await downloadFile(requester, root, path, target, left);
    if (bytes !== null && Number.isFinite(bytes) && got !== bytes)
      throw new MlflowProblem(`${path} came with ${got} bytes of ${bytes}`);
    left -= got;
  }
  const [only, ...others] = await readdir(folder, { withFileTypes: true });
  return only?.isFile() && others.length === 0 && only.name !== 'MLmodel' ? join(folder, only.name) : folder;
}
