/** Deliveries to a bucket: a real server, and between it and us what goes wrong. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openAirflow } from '../../src/adapters/airflow/airflow.ts';
import { renderAirflow, renderHash } from '../../src/delivery/dag/render-airflow.ts';
import { rollback } from '../../src/delivery/deploy/rollback.ts';
import { stop } from '../../src/delivery/deploy/stop.ts';
import { call } from '../helpers/call.ts';
import { makeRepo } from '../helpers/repo.ts';
import { fakeAirflow } from '../support/airflow.ts';
import { fastClock, first, hashIn, second, stepsOf, world } from '../support/deployments.ts';
import { serve } from '../support/http-server.ts';
import { type S3Server, s3Program, startS3 } from '../support/s3.ts';

const record = { hash: 'h', previousHash: null, commit: 'c', imageDigest: null };
const wait = { timeoutSeconds: 60, pollSeconds: 5 };

describe.skipIf(s3Program === null)('a bucket', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3();
  });
  afterAll(() => server?.close());
  afterEach(() => vi.unstubAllGlobals());
  let count = 0;
  const bucket = () => server.bucket(`bucket-${++count}`);

  /** Looks at each request on its way to the object; what it returns or throws stands in for the answer. */
  const between = (
    look: (asked: { method: string; key: string }, send: () => Promise<Response>) => Promise<Response> | undefined,
  ) => {
    const real = globalThis.fetch;
    vi.stubGlobal('fetch', (input: Request | string, init?: RequestInit) => {
      const { method, url } = new Request(input instanceof Request ? input.clone() : input, init);
      const send = () => real(input, init);
      return look({ method, key: url.split('/').slice(4).join('/') }, send) ?? send();
    });
  };

  test('is deployed to, rolled back in and cleared like a folder', async () => {
    const { folder, keys, text, open } = bucket();
    const target = open();
    expect(await target.read('risk.py')).toBeNull();
    const airflow = await fakeAirflow(join(folder, 'dags'));
    const { deploy } = await world({}, { airflow, target });
    expect((await deploy(first)).outcome).toBe('deployed');
    expect((await deploy(second)).outcome).toBe('deployed');
    expect(text('dags/risk.py')).toBe(renderAirflow(second));
    expect(keys()).toEqual(['.risk.py.flightcheck.json', 'risk.py']);
    const port = openAirflow({ url: airflow.url, major: 3 });
    const back = await rollback({ airflow: port, target: open(), dagId: 'risk', ...wait, clock: fastClock() });
    expect(stepsOf(back).at(-1)).toBe('verify-rollback pass');
    expect(hashIn(airflow)).toEqual([renderHash(first), renderHash(first)]);
    expect(text('dags/risk.py')).toBe(renderAirflow(first));
    expect((await stop({ airflow: port, target: open(), dagId: 'risk', ...wait, clock: fastClock() })).outcome).toBe('stopped');
    expect(keys()).toEqual([]);
  });

  test('a broken version is taken back', async () => {
    const { folder, text, open } = bucket();
    const airflow = await fakeAirflow(join(folder, 'dags'), { breaksOn: '"two"' });
    const { deploy } = await world({}, { airflow, target: open() });
    await deploy(first);
    expect((await deploy(second)).outcome).toBe('rolled-back');
    expect(text('dags/risk.py')).toBe(renderAirflow(first));
  });

  test.each(['', 'teams/risk/dags_v2'])('in the folder %j', async (prefix) => {
    const { text, open } = bucket();
    await open({ prefix }).write('risk.py', 'x = "ä"\n', record);
    expect(text(`${prefix === '' ? '' : `${prefix}/`}risk.py`)).toBe('x = "ä"\n');
    expect(await open({ prefix }).last('risk.py')).toMatchObject(record);
  });

  test('what somebody delivers in between is kept as what was before', async () => {
    const { text, open } = bucket();
    await open().write('risk.py', 'one', record);
    let isOther = false;
    between(({ method, key }, send) => {
      if (method !== 'PUT' || key !== 'dags/risk.py' || isOther) return undefined;
      isOther = true;
      return open().write('risk.py', 'of somebody else', record).then(send);
    });
    await open().write('risk.py', 'two', record);
    expect(text('dags/risk.py')).toBe('two');
    expect(await open().revert('risk.py', 'why')).toMatchObject({ text: 'of somebody else' });
    expect(text('dags/risk.py')).toBe('of somebody else');
  });

  test('what somebody delivered since is not taken back', async () => {
    const { text, open } = bucket();
    await open().write('risk.py', 'one', record);
    await open().write('risk.py', 'of somebody else', record);
    expect(await open().revert('risk.py', 'why', 'one')).toBe('superseded');
    let isOther = false;
    between(({ method, key }, send) => {
      if (method !== 'PUT' || key !== 'dags/risk.py' || isOther) return undefined;
      isOther = true;
      return open().write('risk.py', 'the newest', record).then(send);
    });
    expect(await open().revert('risk.py', 'why', 'of somebody else')).toBe('superseded');
    expect(text('dags/risk.py')).toBe('the newest');
  });

  test('an answer that is lost makes no second delivery', async () => {
    const { text, open } = bucket();
    await open().write('risk.py', 'one', record);
    const sent: string[] = [];
    between(({ method, key }, send) => {
      if (method !== 'PUT') return undefined;
      sent.push(key);
      return sent.filter((each) => each === key).length > 1
        ? undefined
        : send().then(() => Promise.reject(new TypeError('fetch failed', { cause: new Error('read ECONNRESET') })));
    });
    await open().write('risk.py', 'two', record);
    expect(sent).toEqual([...Array(2).fill('dags/.risk.py.flightcheck.json'), ...Array(2).fill('dags/risk.py')]);
    expect(text('dags/risk.py')).toBe('two');
    expect(await open().revert('risk.py', 'why', 'two')).toMatchObject({ text: 'one' });
  });

  test('a delivery of which nothing is heard any more is not called undone', async () => {
    const { folder, text, open } = bucket();
    const airflow = await fakeAirflow(join(folder, 'dags'));
    const { deploy } = await world({}, { airflow, target: open() });
    await deploy(first);
    let isDown = false;
    const lost = () => Promise.reject(new TypeError('fetch failed', { cause: new Error('read ECONNRESET') }));
    between(({ method, key }, send) => {
      if (!key.startsWith('dags/')) return undefined;
      if (method === 'PUT' && key === 'dags/risk.py' && !isDown) {
        isDown = true;
        return send().then(lost);
      }
      return isDown ? lost() : undefined;
    });
    const done = await deploy(second);
    expect(done.outcome).toBe('rollback-unverified');
    expect(done.steps.at(-1)?.words).toContain('may have arrived');
    expect(text('dags/risk.py')).toBe(renderAirflow(second));
  });

  test('an answer that is cut is asked for again', async () => {
    const { open } = bucket();
    await open().write('risk.py', 'one', record);
    let isCut = false;
    between(({ method }) => {
      if (method !== 'GET' || isCut) return undefined;
      isCut = true;
      const body = new ReadableStream({ start: (stream) => stream.error(new TypeError('terminated')) });
      return Promise.resolve(new Response(body, { status: 200 }));
    });
    expect(await open().read('risk.py')).toBe('one');
    expect(isCut).toBe(true);
  });

  test('that is busy for a while is asked again; one that knows no conditions is written to without', async () => {
    const { text, open } = bucket();
    const statuses = [503, 429, 500];
    between(() => {
      const status = statuses.shift();
      return status === undefined ? undefined : Promise.resolve(new Response('busy', { status }));
    });
    await open().write('risk.py', 'one', record);
    expect(statuses).toEqual([]);
    vi.unstubAllGlobals();
    const real = globalThis.fetch;
    vi.stubGlobal('fetch', (input: Request) =>
      input.headers.has('if-match') ? Promise.resolve(new Response('<Code>NotImplemented</Code>', { status: 501 })) : real(input),
    );
    await open().write('risk.py', 'two', record);
    expect(text('dags/risk.py')).toBe('two');
  });

  test.each([
    [
      'the wrong secret',
      { AWS_SECRET_ACCESS_KEY: 'wrong-secret' },
      'DELIVERY_REFUSED',
      /SignatureDoesNotMatch/,
      /AWS_SECRET_ACCESS_KEY/,
    ],
    ['an unknown key', { AWS_ACCESS_KEY_ID: 'nobody' }, 'DELIVERY_REFUSED', /provided access key/, /the rights of the account/],
    ['no key', { AWS_ACCESS_KEY_ID: '' }, 'DELIVERY_CREDENTIALS', /there are none/, /protected variables/],
    [
      'an address with a password',
      { AWS_ENDPOINT_URL_S3: 'https://a:b@example.com' },
      'DELIVERY_ADDRESS',
      /no http or https/,
      /without/,
    ],
    [
      'an address with a fragment',
      { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1/#x' },
      'DELIVERY_ADDRESS',
      /no http or https/,
      /like/,
    ],
    [
      'a region that is none',
      { AWS_ENDPOINT_URL_S3: '', AWS_REGION: 'evil.example/x?' },
      'DELIVERY_ADDRESS',
      /AWS_REGION .* no region/,
      /us-east-1/,
    ],
    ['an address of files', { AWS_ENDPOINT_URL_S3: 'file:///etc' }, 'DELIVERY_ADDRESS', /no http or https/, /like/],
    [
      'nobody there',
      { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' },
      'DELIVERY_FAILED',
      /cannot be reached .*4 times/,
      /AWS_ENDPOINT/,
    ],
  ])('is refused with %s, without a word of the secret', async (_, change, code, message, hint) => {
    const { open } = bucket();
    const env = {
      AWS_ACCESS_KEY_ID: 'deployer',
      AWS_SECRET_ACCESS_KEY: 'secret-of-the-deployer',
      AWS_ENDPOINT_URL_S3: server.url,
    };
    const error = await (async () => open({ env: { ...env, ...change } }).read('risk.py'))().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message), hint: expect.stringMatching(hint) });
    expect(JSON.stringify(error)).not.toMatch(/secret-of|wrong-secret|a:b@/);
  });

  test('that does not exist, or whose record is damaged, is told as that', async () => {
    const { open } = bucket();
    await expect(open({ bucket: 'none' }).read('risk.py')).rejects.toMatchObject({
      code: 'DELIVERY_REFUSED',
      message: expect.stringContaining('NoSuchBucket'),
    });
    await open().write('risk.py', 'one', record);
    await open().write('.risk.py.flightcheck.json', '{"before": 3}', record);
    await expect(open().last('risk.py')).rejects.toMatchObject({ code: 'DELIVERY_RECORD' });
  });

  test('is what the manifest and the variables of the job name', async () => {
    const { folder, text } = bucket();
    const airflow = await fakeAirflow(join(folder, 'dags'));
    const root = makeRepo({
      'flightcheck.yml': `version: 1
model: { name: risk, owner: '@team' }
tasks: { train: { command: echo } }
environments:
  dev: { executor: local, airflow: { url: '${airflow.url}', version: 3 }, deliver: { s3: { bucket: bucket-${count} } } }
`,
    });
    const here = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
    const none = await call(['deploy', 'apply', root, '--env', 'dev'], here);
    expect([none.code, none.errors]).toEqual([
      2,
      expect.stringMatching(/DELIVERY_CREDENTIALS|needs credentials.*AWS_ACCESS_KEY_ID/s),
    ]);
    const keys = {
      AWS_ACCESS_KEY_ID: 'deployer',
      AWS_SECRET_ACCESS_KEY: 'secret-of-the-deployer',
      AWS_ENDPOINT_URL_S3: server.url,
    };
    const done = await call(['deploy', 'apply', root, '--env', 'dev'], { ...here, ...keys });
    expect([done.code, done.errors]).toEqual([0, expect.stringContaining(`s3://bucket-${count}/dags/risk.py`)]);
    expect(text('dags/risk.py')).toContain('risk');
    expect(done.errors + done.text).not.toContain('secret-of');
  });

  test('that says nothing is not waited for', async () => {
    const silent = await serve(() => {});
    const { open } = bucket();
    const env = { AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', AWS_ENDPOINT_URL_S3: silent.url };
    await expect(open({ env, timeoutSeconds: 0.2 }).read('risk.py')).rejects.toMatchObject({
      code: 'DELIVERY_FAILED',
      message: expect.stringMatching(/gave no answer within 0.2 s, 4 times/),
    });
    await silent.close();
  });

  test('in another region names that region', async () => {
    between(() =>
      Promise.resolve(
        new Response('<Error><Code>PermanentRedirect</Code><Message>Elsewhere</Message></Error>', {
          status: 301,
          headers: { 'x-amz-bucket-region': 'eu-central-1' },
        }),
      ),
    );
    await expect(bucket().open().read('risk.py')).rejects.toMatchObject({
      code: 'DELIVERY_REFUSED',
      hint: expect.stringContaining('eu-central-1'),
    });
  });
});
