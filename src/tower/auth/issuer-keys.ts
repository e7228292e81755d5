/** The keys of an issuer: fetched when first needed, again after ten minutes or for a key not seen before, and kept while it does not answer. */
import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTVerifyGetKey } from 'jose';
import { bytesWithin } from '../../kernel/bytes.ts';

/** The keys are needed and cannot be had now; worth another try after so many seconds. */
export class KeysUnavailable extends Error {
  readonly retryAfterSeconds: number;
  constructor(message: string, retryAfterSeconds: number, cause?: unknown) {
    super(message, { cause });
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const freshFor = 10 * 60_000;
/** GitLab is down now and then; a key that was withdrawn meanwhile is trusted no longer than this. */
const keptFor = 24 * 3_600_000;
/** Between two attempts: neither a flood of unknown keys nor an outage becomes a flood of requests to the issuer. */
const pause = 30_000;

/** A handful of keys of half a kilobyte each; unpacked. */
const mostBytes = 256 * 1024;

/** The client would take whatever comes, up to all of the memory, and read it in one go. */
const fetchLittle: FetchImplementation = async (url, init) => {
  const response = await fetch(url, init);
  const { bytes, isWhole } = await bytesWithin(response.body, mostBytes);
  if (!isWhole) throw new Error(`The keys are larger than ${mostBytes} bytes`);
  return new Response(new Uint8Array(bytes), response);
};

export function issuerKeys(address: URL): JWTVerifyGetKey {
  // When to fetch is decided here: the client's own cache forgets all keys when they are old and the issuer is down.
  const forever = { cacheMaxAge: Number.POSITIVE_INFINITY, cooldownDuration: Number.POSITIVE_INFINITY };
  const remote = createRemoteJWKSet(address, { timeoutDuration: 5000, [customFetch]: fetchLittle, ...forever });
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | null = null;
  /** Those who ask meanwhile wait for the same answer. */
  const fetchKeys = (): Promise<void> => {
    if (fetching) return fetching;
    triedAt = Date.now();
    fetching = remote
      .reload()
      .then(
        () => {
          fetchedAt = Date.now();
        },
        (cause) => {
          throw new KeysUnavailable('cannot be fetched now', pause / 1000, cause);
        },
      )
      .finally(() => {
        fetching = null;
      });
    return fetching;
  };
  const pauseLeft = (): number => Math.ceil((triedAt + pause - Date.now()) / 1000);
  return async (header, token) => {
    const age = Date.now() - fetchedAt;
    if (age > keptFor) {
      // Whoever sends this has not shown yet that it is a job.
      if (!fetching && pauseLeft() > 0) throw new KeysUnavailable('could not be fetched a moment ago', pauseLeft());
      await fetchKeys();
    } else if (age > freshFor && pauseLeft() <= 0) await fetchKeys().catch(() => undefined);
    try {
      return await remote(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // It may have been made since: whether it is one of the issuer's is not known until it may be asked again.
      if (pauseLeft() > 0) throw new KeysUnavailable('did not have it a moment ago', pauseLeft(), error);
      await fetchKeys();
      return remote(header, token);
    }
  };
}
