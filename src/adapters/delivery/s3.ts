/**
 * A bucket that Airflow reads, on AWS or on a server that speaks its protocol: an object is replaced whole, and only while it is
 * what was read before. What was there is kept in an object beside it.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AwsClient } from 'aws4fetch';
import type { DagTarget } from '../../kernel/delivery.ts';
import { EnvironmentError, UsageError } from '../../kernel/failure.ts';
import { type Body, readBody } from '../http-body.ts';
import { type Kept, readKept, recordName } from './kept.ts';

export interface BucketOptions {
  readonly bucket: string;
  /** Folder in the bucket; empty: its top. */
  readonly prefix: string;
  readonly region?: string | undefined;
  /** Credentials and address, by the names that the AWS tools know. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeoutSeconds?: number;
  /** Before the first retry; doubles with each. */
  readonly pauseSeconds?: number;
}

/** An object and the mark of its content; without a text there is no such object. */
interface Stored {
  readonly text: string | null;
  readonly etag: string | null;
}

interface Answer extends Body {
  readonly status: number;
  readonly headers: Headers;
}

const mostBytes = 16 * 2 ** 20;
const mostErrorBytes = 64 * 2 ** 10;
const mostTries = 4;

const hints: Readonly<Record<string, string>> = {
  AccessDenied:
    'The account needs s3:GetObject, s3:PutObject and s3:DeleteObject on the folder, and s3:ListBucket on the bucket.',
  ExpiredToken: 'The session ended: let the job get new credentials.',
  InvalidAccessKeyId: 'AWS_ACCESS_KEY_ID is not known there.',
  NoSuchBucket: 'Make the bucket, or mend environments.*.deliver.s3.bucket.',
  SignatureDoesNotMatch: 'AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID.',
};
const isOurs = (status: number): boolean => status >= 400 && status < 500 && status !== 429;

const wordsOf = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);

/** Nobody was there to hear it. */
const isNobody = (error: unknown): boolean =>
  error instanceof Error &&
  /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CERT/.test(String((error.cause as { code?: unknown })?.code));

/** What stands in an element of an error; S3 answers in XML. */
const elementOf = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]{1,300})</${name}>`).exec(xml)?.[1]?.replaceAll(/\s+/g, ' ');

function clientOf({ env, region }: BucketOptions): AwsClient {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env;
  if (!accessKeyId || !secretAccessKey)
    throw new UsageError('DELIVERY_CREDENTIALS', 'environments.*.deliver.s3 needs credentials, and there are none', {
      hint: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN) as protected variables of the environment.',
    });
  return new AwsClient({
    ...{ accessKeyId, secretAccessKey, service: 's3', region: region || 'us-east-1', retries: 0 },
    ...(sessionToken && { sessionToken }),
  });
}

/**
 * The address comes from the job, not from the repo: a manifest must not choose where signed requests go. Without one it is that
 * of AWS.
 */
function originOf({ env }: BucketOptions, region: string): URL {
  if (!/^[a-z0-9-]{1,40}$/.test(region))
    throw new UsageError('DELIVERY_ADDRESS', `AWS_REGION is ${JSON.stringify(region.slice(0, 60))}, which is no region`, {
      hint: 'Write it like us-east-1, or name it as environments.*.deliver.s3.region.',
    });
  const given = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  if (!given) return new URL(`https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`);
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '' && url.hash === '') return url;
  throw new UsageError('DELIVERY_ADDRESS', 'AWS_ENDPOINT_URL_S3 is no http or https address of a server', {
    hint: 'Write it like https://minio.example.com:9000, without credentials.',
  });
}

/** Opens the bucket; the first request shows whether it is there. */
export function openBucket(options: BucketOptions): DagTarget {
  const { bucket, prefix, env, timeoutSeconds = 30, pauseSeconds = 0.5 } = options;
  const region = options.region || env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1';
  const client = clientOf({ ...options, region });
  const origin = originOf(options, region);
  const words = `bucket ${bucket}, folder ${prefix || '/'}, at ${origin.host}`;
  const keyOf = (name: string): string => (prefix === '' ? name : `${prefix}/${name}`);
  const urlOf = (name: string): string => {
    const path = [bucket, ...keyOf(name).split('/')].map(encodeURIComponent).join('/');
    return `${origin.href.replace(/\/$/, '')}/${path}`;
  };

  /** Asks again while there is no whole answer, 429 or 5xx; what comes twice has the same effect as once. */
  const request = async (name: string, init: RequestInit): Promise<Answer> => {
    let hasReached = false;
    for (let tries = 1; ; tries += 1) {
      let problem: string;
      try {
        const signal = AbortSignal.timeout(timeoutSeconds * 1000);
        const response = await client.fetch(urlOf(name), { ...init, signal, redirect: 'manual' });
        const { status, headers } = response;
        const body = await readBody(response, status === 200 ? mostBytes : mostErrorBytes);
        // Some servers know no conditions, and say so.
        if (status !== 429 && (status < 500 || status === 501)) return { status, headers, ...body };
        hasReached ||= status !== 429;
        problem = `answers ${status}`;
      } catch (error) {
        const isSlow = error instanceof DOMException && error.name === 'TimeoutError';
        hasReached ||= !isNobody(error);
        problem = isSlow ? `gave no answer within ${timeoutSeconds} s` : `cannot be reached (${wordsOf(error)})`;
      }
      if (tries >= mostTries) {
        const isUnsure = hasReached && init.method !== 'GET';
        throw new EnvironmentError(
          isUnsure ? 'DELIVERY_UNSURE' : 'DELIVERY_FAILED',
          `The ${words} ${problem}, ${tries} times${isUnsure ? `, so the change of ${name} may have arrived` : ''}`,
          {
            hint: isUnsure
              ? 'Look at the bucket; run this again when the server answers: it finds what is there.'
              : 'Check AWS_ENDPOINT_URL_S3, the region, and that this runner may reach it.',
          },
        );
      }
      await sleep(pauseSeconds * 1000 * 2 ** (tries - 1));
    }
  };

  const refused = ({ status, headers, text }: Answer, what: string): never => {
    const code = elementOf(text, 'Code');
    const elsewhere = headers.get('x-amz-bucket-region');
    const said = [code, elementOf(text, 'Message')].filter((part) => part !== undefined).join(': ');
    const message = `${what} in the ${words} failed: ${said || `status ${status}`}`;
    const hint =
      elsewhere && elsewhere !== region
        ? `The bucket is in ${elsewhere}: write environments.*.deliver.s3.region.`
        : ((code && hints[code]) ?? 'See what the server says, and check the rights of the account.');
    if (isOurs(status) || elsewhere) throw new UsageError('DELIVERY_REFUSED', message, { hint });
    throw new EnvironmentError('DELIVERY_FAILED', message, { hint });
  };

  const get = async (name: string): Promise<Stored> => {
    const answer = await request(name, { method: 'GET' });
    // A 404 of anything else, a bucket or an account, is no empty place.
    if (answer.status === 404 && elementOf(answer.text, 'Code') === 'NoSuchKey') return { text: null, etag: null };
    if (answer.status !== 200) return refused(answer, `Reading ${name}`);
    if (!answer.isWhole)
      throw new EnvironmentError('DELIVERY_FAILED', `${name} in the ${words} is larger than ${mostBytes} bytes`, {
        hint: 'It is no DAG file of ours: remove it, or choose another folder.',
      });
    return { text: answer.text, etag: answer.headers.get('etag') };
  };

  /** Replaces an object or, with null, removes it; false when it is no longer what `now` says. */
  const replace = async (name: string, text: string | null, now?: Stored): Promise<boolean> => {
    const conditions: Record<string, string> = {};
    if (now?.etag) conditions['if-match'] = now.etag;
    else if (now?.text === null && text !== null) conditions['if-none-match'] = '*';
    const init = text === null ? { method: 'DELETE' } : { method: 'PUT', body: text };
    const type = text === null ? {} : { 'content-type': name.endsWith('.py') ? 'text/x-python' : 'application/json' };
    let answer = await request(name, { ...init, headers: { ...type, ...conditions } });
    if (answer.status === 501) answer = await request(name, { ...init, headers: type });
    const { status } = answer;
    const isDone = (status >= 200 && status < 300) || (text === null && status === 404);
    if (isDone) return true;
    if (status !== 412 && status !== 409) refused(answer, `${text === null ? 'Removing' : 'Writing'} ${name}`);
    // Where an answer was lost and the request was made again, it is our own change that is met.
    return (await get(name)).text === text;
  };

  const changeOf = (name: string): string => `s3://${bucket}/${keyOf(name)}`;
  const keptOf = async (name: string): Promise<Kept | null> => {
    const { text } = await get(recordName(name));
    return text === null ? null : readKept(text, changeOf(recordName(name)));
  };
  return {
    words,
    read: async (name) => (await get(name)).text,
    async write(name, text, record) {
      for (let tries = 1; tries <= mostTries; tries += 1) {
        const now = await get(name);
        const kept: Kept = { ...record, before: now.text };
        // The way back is written first: a process killed between the two loses nothing.
        await replace(recordName(name), JSON.stringify(kept));
        if (await replace(name, text, now)) return changeOf(name);
      }
      throw new EnvironmentError('DELIVERY_FAILED', `${name} in the ${words} is changed by somebody else again and again`, {
        hint: 'Let one job deploy at a time: resource_group.',
      });
    },
    last: keptOf,
    async revert(name, _reason, delivered) {
      const kept = await keptOf(name);
      if (kept === null) return 'nothing';
      const now = await get(name);
      if (delivered !== undefined && now.text !== delivered) return 'superseded';
      if (now.text !== kept.before && !(await replace(name, kept.before, now))) return 'superseded';
      await replace(recordName(name), null);
      return { text: kept.before, change: changeOf(name) };
    },
    async remove(name) {
      // The way back first: what is removed on purpose is not to be restored by a rollback.
      await replace(recordName(name), null);
      await replace(name, null);
    },
  };
}
