/** GitLab's id_tokens: real keys, a real key server, real requests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/kernel/failure.ts';
import { idTokenVerifier } from '../../../src/tower/auth/gitlab.ts';
import { startTower, type Tower } from '../../../src/tower/server.ts';
import { audience, type Claims, claims, type Issuer, type Keys, startIssuer } from '../../support/gitlab-issuer.ts';
import { answerOf } from '../answer.ts';
import { type SampleOptions, sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-gitlab-'));
let tower: Tower;
let gitlab: Issuer;
let strangerKeys: Keys;
const tokenOf: Issuer['token'] = (changes, options) => gitlab.token(changes, options);

beforeAll(async () => {
  gitlab = await startIssuer();
  strangerKeys = await generateKeyPair('RS256');
  tower = await startTower({ folder, port: 0, version: '0.1.0', gitlabIssuers: [gitlab.url, 'http://127.0.0.1:1'], audience });
});
afterAll(async () => {
  await tower?.close();
  gitlab?.close();
  rmSync(folder, { recursive: true, force: true });
});

const send = (token: string, options: SampleOptions = {}) => post(token, sampleReport(options));
const post = (token: string, report: object) =>
  answerOf(
    fetch(`${tower.url}/v1/reports`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(report),
    }),
  );

describe('a job of GitLab', () => {
  it('writes the record from a protected default branch, and the keys are fetched once', async () => {
    expect(await send(await tokenOf())).toMatchObject({
      status: 201,
      body: { record: 'authoritative', previewBecause: null, trigger: 'push' },
    });
    expect(await send(await tokenOf())).toMatchObject({ status: 200, body: { replayed: true } });
    expect(gitlab.requests()).toBe(1);
  });

  it('takes the trigger from the token, not from the report', async () => {
    const answer = await send(await tokenOf({ pipeline_source: 'web' }), { trigger: 'schedule', at: '2026-03-02T00:00:00Z' });
    expect(answer.body).toMatchObject({ trigger: 'web', score: 1, record: 'authoritative' });
    const scheduled = await send(await tokenOf({ pipeline_source: 'schedule' }), {
      trigger: 'local',
      at: '2026-03-03T00:00:00Z',
    });
    expect(scheduled.body).toMatchObject({ trigger: 'schedule', score: 2 });
  });

  it('gains no trigger for a report that it resends for an earlier job', async () => {
    const token = await tokenOf({ job_id: '2000', sha: 'b'.repeat(40) });
    expect((await send(token, { trigger: 'web' })).body).toMatchObject({ trigger: 'web', record: 'authoritative' });
    expect((await send(token, { trigger: 'schedule', jobId: '900' })).body).toMatchObject({
      trigger: 'push',
      record: 'authoritative',
    });
  });

  it('a report of a push that a schedule delivers did not run by schedule', async () => {
    const token = await tokenOf({ job_id: '2100', pipeline_source: 'schedule' });
    const at = '2026-03-02T01:00:00Z';
    expect((await send(token, { trigger: 'push', jobId: '901', at })).body.trigger).toBe('push');
    expect((await send(token, { trigger: 'merge_request_event', jobId: '902', at })).body.trigger).toBe('merge_request_event');
    expect((await send(token, { trigger: 'schedule', jobId: '903', at })).body.trigger).toBe('schedule');
  });

  describe('last runs by schedule', () => {
    const model = { name: 'watched' };
    const checks = (token: string, query = '') =>
      answerOf(
        fetch(`${tower.url}/v1/checks?model=watched&section=monitor&trigger=schedule${query}`, {
          headers: { authorization: `Bearer ${token}` },
        }),
      );
    /** A report that rests on a run by schedule, as its job says. */
    const resting = async (at: string, changes: Claims = {}) => {
      const report = sampleReport({ ...model, at, jobId: '1001' });
      const claim = { counts: true, words: 'By schedule', at, cadenceSeconds: 7 * 86_400 };
      const suites = report.suites.map((suite) => ({
        ...suite,
        sections: suite.sections.map((section) => ({
          ...section,
          results: section.results.map((one) =>
            one.check === 'monitor-1' || one.check === 'data-1' ? { ...one, lastScheduled: claim } : one,
          ),
        })),
      }));
      const { status, body } = await post(await tokenOf(changes), { ...report, suites });
      return { status, ...body };
    };
    const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();

    it('are the newest judgement of each test by a schedule on the record, of the own project alone', async () => {
      const [old, fresh] = [ago(50), ago(2)];
      // Claimed by a job: without a run on record here it earns what its own run earns.
      expect(await resting(ago(60))).toMatchObject({ status: 201, score: 1 });
      const schedule = await tokenOf({ pipeline_source: 'schedule' });
      await send(schedule, { ...model, trigger: 'schedule', at: old, outcomes: { 'monitor-1': 'pass', 'monitor-2': 'fail' } });
      await send(schedule, {
        ...model,
        trigger: 'schedule',
        at: fresh,
        outcomes: { 'monitor-1': 'pass', 'monitor-2': 'skipped' },
      });
      // Newer, but no schedule, no record, and another project.
      await send(await tokenOf(), { ...model, at: ago(1), outcomes: { 'monitor-1': 'fail' } });
      await send(await tokenOf({ pipeline_source: 'schedule', ref: 'x', ref_path: 'refs/heads/x' }), {
        ...model,
        at: ago(1),
        outcomes: { 'monitor-1': 'fail' },
      });
      const foreign = { pipeline_source: 'schedule', project_id: '44', job_project_id: '44' };
      await send(await tokenOf(foreign), { ...model, at: ago(1), outcomes: { 'monitor-1': 'fail' } });
      const { status, body } = await checks(await tokenOf());
      expect(status).toBe(200);
      expect(body.items).toMatchObject([
        { check: 'monitor-1', outcome: 'pass', at: fresh, trigger: 'schedule', ref: 'main', commit: claims.sha },
        { check: 'monitor-2', outcome: 'fail', at: old },
      ]);
      expect((await checks(await tokenOf({ project_id: '45', job_project_id: '45' }))).body.items).toEqual([]);
      expect((await checks('no.real.token')).status).toBe(401);
      expect((await checks(await tokenOf(), '&colour=red')).status).toBe(400);
    });

    it('lift a report only when they are on record here and within its cadence', async () => {
      // monitor-1 counts in full, monitor-2 half: 1.5; the claim of data-1 is none.
      expect(await resting(ago(0.5))).toMatchObject({ status: 201, trigger: 'push', score: 1.5 });
      await send(await tokenOf({ pipeline_source: 'schedule' }), {
        ...model,
        trigger: 'schedule',
        at: ago(0.2),
        outcomes: { 'monitor-1': 'fail' },
      });
      expect(await resting(ago(0.1))).toMatchObject({ score: 1 });
    });
  });

  it.each<readonly [string, Claims, string]>([
    ['an unprotected branch', { ref_protected: 'false' }, 'the branch main is not protected'],
    ['ref_protected as no text', { ref_protected: null }, 'the branch main is not protected'],
    [
      'another protected branch',
      { ref: 'develop', ref_path: 'refs/heads/develop' },
      'the branch develop is not the default branch',
    ],
    ['a protected tag', { ref_type: 'tag', ref_path: 'refs/tags/main' }, 'the job did not run on a branch'],
    ['a merge request', { pipeline_source: 'merge_request_event' }, 'it belongs to a merge request'],
    ['a fork', { job_project_id: '41' }, 'the job ran for a fork'],
  ])('writes only a preview for %s', async (_, changes, previewBecause) => {
    const source = changes.ref === undefined ? {} : { jobId: `of-${changes.ref}` };
    expect((await send(await tokenOf(changes), source)).body).toMatchObject({ record: 'preview', previewBecause });
  });

  it('is bound to its project by number, whatever its path', async () => {
    const first = await send(await tokenOf(), { jobId: '1001', at: '2026-03-04T00:00:00Z' });
    const moved = await send(await tokenOf({ project_path: 'treasury/lodgement' }), { at: '2026-03-05T00:00:00Z' });
    const taken = await send(await tokenOf({ project_id: '43', job_project_id: '43' }), { at: '2026-03-06T00:00:00Z' });
    expect(moved.body.model.id).toBe(first.body.model.id);
    expect(taken.body.model.id).not.toBe(first.body.model.id);
  });

  it('may not report on another commit than its own', async () => {
    expect(await send(await tokenOf(), { commit: 'c'.repeat(40) })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/source/commit' }] },
    });
  });
});

describe('refused with 401', () => {
  const cases: readonly (readonly [string, () => Promise<string>])[] = [
    ['a stranger as signer', () => tokenOf({}, { key: strangerKeys.privateKey })],
    ['another audience', () => tokenOf({}, { aud: 'https://other.example.com' })],
    ['an unknown issuer', () => tokenOf({}, { iss: 'https://gitlab.example.com' })],
    ['an expired token', () => tokenOf({}, { lifetime: '-1m' })],
    [
      'another algorithm',
      async () =>
        tokenOf(
          {},
          { header: { alg: 'HS256' }, key: new TextEncoder().encode(JSON.stringify(await exportJWK(gitlab.keys.publicKey))) },
        ),
    ],
    [
      'no algorithm',
      async () => (await tokenOf()).replace(/^[^.]+/, Buffer.from('{"alg":"none"}').toString('base64url')).replace(/[^.]+$/, 'x'),
    ],
    ['no project', () => tokenOf({ project_id: null })],
    ['a project that is no number', () => tokenOf({ project_id: '../42' })],
    ['no job', () => tokenOf({ job_id: null })],
    [
      'changed claims',
      async () =>
        (await tokenOf()).replace(
          /\.[^.]+\./,
          `.${Buffer.from(JSON.stringify({ iss: gitlab.url, ...claims })).toString('base64url')}.`,
        ),
    ],
  ];
  it.each(cases)('%s', async (_, make) => {
    expect(await send(await make())).toMatchObject({ status: 401, body: { type: 'urn:flightcheck:problem:unauthorized' } });
  });

  it('says 503, not 401, when the keys of GitLab cannot be fetched', async () => {
    expect(await send(await tokenOf({}, { iss: 'http://127.0.0.1:1' }))).toMatchObject({ status: 503 });
  });

  it('trusts no issuer without https but this machine', () => {
    for (const bad of ['http://gitlab.example.com', 'gitlab.example.com', 'file:///etc'])
      expect(() => idTokenVerifier([bad], audience), bad).toThrow(UsageError);
  });
});
