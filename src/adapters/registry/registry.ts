/** A container registry: https://github.com/opencontainers/distribution-spec, the few calls that building needs. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bytes, bytesWithin } from '../../kernel/bytes.ts';
import { EnvironmentError, FlightcheckError, UsageError } from '../../kernel/failure.ts';
import { type ImageReference, isOnThisMachine } from '../../kernel/image.ts';
import { readBody } from '../http-body.ts';
import { answer, type Credentials, challengeOf } from './authorize.ts';
import { type BlobFile, type BlobName, limitSilence, piecesOf, saveBody } from './blob.ts';

export interface RegistryOptions {
  readonly credentials: Credentials | null;
  readonly signal: AbortSignal;
  /** Longest silence within a request, which may take longer while bytes go or come; default 120. */
  readonly timeoutSeconds?: number;
  /** Before the first retry; doubles with each. */
  readonly pauseSeconds?: number;
}

export interface Manifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly digest: string;
}

type Name = Pick<ImageReference, 'registry' | 'repository'>;

/** A request whose body, when it is a file, is read anew for each try. */
interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | BlobFile;
}

/** Another list brings another media type, and so another digest. */
const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const mostManifestBytes = 4 * 2 ** 20;
/** Of a blob that is read into memory: a configuration. */
const mostConfigBytes = 16 * 2 ** 20;
const mostTries = 4;

/** Registries on this machine speak plain HTTP, all others TLS. */
const originOf = ({ registry }: Name): string => `${isOnThisMachine(registry) ? 'http' : 'https'}://${registry}`;

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export interface Registry {
  /** The manifest of a tag or digest, checked against the digest that was asked for; null when there is none. */
  manifest(name: Name, reference: string): Promise<Manifest | null>;
  putManifest(name: Name, reference: string, manifest: Pick<Manifest, 'mediaType' | 'bytes'>): Promise<void>;
  hasBlob(name: Name, digest: string): Promise<boolean>;
  /** A small blob: the configuration of an image. */
  blob(name: Name, digest: string): Promise<Buffer>;
  /** A blob of any size, written to `path`; checked against its digest, and its size where it is known. */
  fetchBlob(name: Name, blob: BlobName, path: string): Promise<BlobFile>;
  /** True when the registry could share the blob of another repository. */
  mountBlob(name: Name, digest: string, from: string): Promise<boolean>;
  putBlob(name: Name, blob: Buffer | BlobFile): Promise<void>;
}

const explain: Readonly<Record<number, string>> = {
  401: 'it does not accept the credentials',
  403: 'the account may not do this',
  404: 'it is not there',
  413: 'it is too large',
  429: 'too many requests',
  507: 'it is full',
};

const pull = (name: Name): string => `repository:${name.repository}:pull`;
const push = (name: Name): string => `repository:${name.repository}:pull,push`;

/** Seconds that an answer asks to wait, given as such or as a date; null when it asks for none. */
function retryAfter(response: Response): number | null {
  const text = response.headers.get('retry-after');
  if (text === null) return null;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(60, Math.max(0, seconds)) : null;
}

const altered = ({ registry }: Name, words: string): EnvironmentError =>
  new EnvironmentError('REGISTRY_ALTERED', `${registry} answered with ${words}`, {
    hint: 'Something between this runner and the registry changes answers.',
  });

const mayPass = (response: Response): boolean => response.status === 429 || response.status >= 500;

/** Opens a client. Calls reject with UsageError REGISTRY_REFUSED or EnvironmentError REGISTRY_UNREACHABLE, REGISTRY_FAILED, REGISTRY_ALTERED. */
export function openRegistry(options: RegistryOptions): Registry {
  const tokens = new Map<string, string>();
  const credentialsFor = ({ registry }: Name) => (options.credentials?.registry === registry ? options.credentials : null);

  const timeoutSeconds = options.timeoutSeconds ?? 120;

  const attempt = async (
    name: Name,
    path: string,
    { method = 'GET', headers = {}, body }: Sent,
    scopes: readonly string[],
    silence = limitSilence(timeoutSeconds),
  ): Promise<Response> => {
    const signal = AbortSignal.any([options.signal, silence.signal]);
    const key = `${name.registry} ${scopes.join(' ')}`;
    const url = path.startsWith('http') ? path : `${originOf(name)}${path}`;
    const send = (): Promise<Response> => {
      const authorization = tokens.get(key);
      const isFile = body !== undefined && 'path' in body;
      return fetch(url, {
        ...{ method, signal },
        headers: {
          ...headers,
          ...(isFile && { 'content-length': String(body.size) }),
          ...(authorization && { authorization }),
        },
        ...(body && { body: isFile ? piecesOf(body, silence.heard) : new Uint8Array(body) }),
        // fetch keeps a copy of a body that it may have to send again, all of it, unless nothing can ask for that.
        ...(isFile && { duplex: 'half', window: null, redirect: 'error' }),
      });
    };
    const first = await send();
    if (first.status !== 401) return first;
    await first.body?.cancel();
    const challenge = challengeOf(first.headers.get('www-authenticate'));
    const authorization = challenge ? await answer(challenge, name, scopes, credentialsFor(name), signal) : null;
    if (authorization === null) return new Response(null, { status: 401 });
    tokens.set(key, authorization);
    return send();
  };

  /** Calls `work` again while what it meets may pass: no answer, 429 and 5xx. */
  const patiently = async (name: Name, work: () => Promise<Response>): Promise<Response> => {
    let pause = options.pauseSeconds ?? 1;
    for (let tries = 1; ; tries++) {
      let problem: unknown;
      let asked: number | null = null;
      try {
        const response = await work();
        if (!mayPass(response) || tries >= mostTries) return response;
        await response.body?.cancel();
        asked = retryAfter(response);
      } catch (error) {
        if (options.signal.aborted || error instanceof FlightcheckError) throw error;
        problem = error;
      }
      if (tries >= mostTries) {
        const isSlow = problem instanceof DOMException && problem.name === 'TimeoutError';
        const words = isSlow ? `gave no answer within ${timeoutSeconds} s` : 'cannot be reached';
        throw new EnvironmentError('REGISTRY_UNREACHABLE', `The registry ${name.registry} ${words}, ${tries} times`, {
          hint: isSlow ? 'Try again when it is less busy.' : 'Check the address and that this runner may reach it.',
          cause: problem,
        });
      }
      await sleep((asked ?? pause) * 1000, undefined, { signal: options.signal });
      pause *= 2;
    }
  };

  const request = (name: Name, path: string, init: Sent = {}, scopes = [pull(name)]): Promise<Response> =>
    patiently(name, () => attempt(name, path, init, scopes));

  /** A small body, which is read again when the connection is cut on its way. */
  const requestBytes = async (
    name: Name,
    path: string,
    init: Sent,
    most: number,
  ): Promise<{ response: Response; body: Bytes }> => {
    let body: Bytes = { bytes: Buffer.alloc(0), isWhole: true };
    const response = await patiently(name, async () => {
      const answered = await attempt(name, path, init, [pull(name)]);
      if (answered.ok) body = await bytesWithin(answered.body, most);
      return answered;
    });
    return { response, body };
  };

  const refuse = async (response: Response, name: Name, what: string): Promise<never> => {
    const { text } = await readBody(response, 300).catch(() => ({ text: '' }));
    const words = `${what} ${name.registry}/${name.repository} failed: ${explain[response.status] ?? `status ${response.status}`}${text === '' ? '' : ` (${text.replaceAll(/\s+/g, ' ')})`}`;
    const isOurs = response.status === 401 || response.status === 403;
    const hint = isOurs
      ? 'Give CI_REGISTRY_USER and CI_REGISTRY_PASSWORD of an account that may push there.'
      : 'See what the registry says; try again later.';
    throw isOurs ? new UsageError('REGISTRY_REFUSED', words, { hint }) : new EnvironmentError('REGISTRY_FAILED', words, { hint });
  };

  const begin = (name: Name, query: string, scopes: readonly string[]): Promise<Response> =>
    attempt(
      name,
      `/v2/${name.repository}/blobs/uploads/${query}`,
      { method: 'POST', headers: { 'content-length': '0' } },
      scopes,
    );

  /**
   * Where the bytes of an upload go. The answer names it; credentials go to the registry's own host alone, and as it is spoken
   * to: a registry behind a proxy that ends TLS may believe that it is asked in clear.
   */
  const placeOf = (name: Name, begun: Response, digest: string): string => {
    const own = new URL(originOf(name));
    const location = new URL(begun.headers.get('location') ?? '', own);
    location.searchParams.set('digest', digest);
    if (location.host !== own.host)
      throw new EnvironmentError('REGISTRY_FAILED', `${name.registry} sends uploads to ${location.host}`, {
        hint: 'Use the address that it serves itself.',
      });
    return `${own.origin}${location.pathname}${location.search}`;
  };

  return {
    async manifest(name, reference) {
      const init = { headers: { accept: manifestTypes.join(', ') } };
      const path = `/v2/${name.repository}/manifests/${reference}`;
      const { response, body } = await requestBytes(name, path, init, mostManifestBytes);
      if (response.status === 404) return null;
      if (!response.ok) return refuse(response, name, 'Reading');
      const { bytes, isWhole } = body;
      const digest = digestOf(bytes);
      if (!isWhole || (reference.startsWith('sha256:') && reference !== digest))
        throw altered(name, `another manifest than ${reference}`);
      return { bytes, digest, mediaType: response.headers.get('content-type')?.split(';')[0] ?? manifestTypes[0] ?? '' };
    },
    async putManifest(name, reference, { mediaType, bytes }) {
      const init = { method: 'PUT', headers: { 'content-type': mediaType }, body: bytes };
      const response = await request(name, `/v2/${name.repository}/manifests/${reference}`, init, [push(name)]);
      if (!response.ok) await refuse(response, name, 'Pushing to');
    },
    async hasBlob(name, digest) {
      const response = await request(name, `/v2/${name.repository}/blobs/${digest}`, { method: 'HEAD' }, [push(name)]);
      await response.body?.cancel();
      if (!response.ok && response.status !== 404) await refuse(response, name, 'Pushing to');
      return response.ok;
    },
    async blob(name, digest) {
      const path = `/v2/${name.repository}/blobs/${digest}`;
      const { response, body } = await requestBytes(name, path, {}, mostConfigBytes);
      if (!response.ok) return refuse(response, name, 'Reading');
      const { bytes, isWhole } = body;
      if (!isWhole || digestOf(bytes) !== digest) throw altered(name, `other bytes than ${digest}`);
      return bytes;
    },
    async fetchBlob(name, { digest, size }, path) {
      const saved: { blob?: Required<BlobName> } = {};
      const others = altered(name, `other bytes than ${digest}`);
      const response = await patiently(name, async () => {
        const silence = limitSilence(timeoutSeconds);
        const answered = await attempt(name, `/v2/${name.repository}/blobs/${digest}`, {}, [pull(name)], silence);
        if (answered.ok && answered.body)
          saved.blob = await saveBody(answered.body, path, (bytes) => {
            silence.heard();
            if (size !== undefined && bytes > size) throw others;
          });
        return answered;
      });
      if (!response.ok) return refuse(response, name, 'Reading');
      if (saved.blob?.digest !== digest) throw others;
      return { ...saved.blob, path };
    },
    async mountBlob(name, digest, from) {
      const query = `?mount=${digest}&from=${encodeURIComponent(from)}`;
      const scopes = [push(name), pull({ ...name, repository: from })];
      const response = await patiently(name, () => begin(name, query, scopes));
      await response.body?.cancel();
      return response.status === 201;
    },
    async putBlob(name, blob) {
      const digest = 'path' in blob ? blob.digest : digestOf(blob);
      // An upload that broke off cannot be gone on with: each try begins its own.
      const response = await patiently(name, async () => {
        const begun = await begin(name, '', [push(name)]);
        if (begun.status !== 202) return begun;
        await begun.body?.cancel();
        const sent = { method: 'PUT', headers: { 'content-type': 'application/octet-stream' }, body: blob };
        return attempt(name, placeOf(name, begun, digest), sent, [push(name)]);
      });
      if (response.status !== 201) await refuse(response, name, 'Pushing to');
      await response.body?.cancel();
    },
  };
}
