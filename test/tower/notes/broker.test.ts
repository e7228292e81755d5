/** The note of a merge request: one for each model, written for the job that its token proves, and for no other. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { gitLabActions } from '../../../src/adapters/tower-actions.ts';
import { createApp } from '../../../src/tower/app.ts';
import { idTokenVerifier } from '../../../src/tower/auth/gitlab.ts';
import { noteBroker } from '../../../src/tower/notes/broker.ts';
import type { OpenDatabase } from '../../../src/tower/store/database.ts';
import { leaseNote, releaseNote, renewNote } from '../../../src/tower/store/notes.ts';
import { openStore } from '../../../src/tower/store/open.ts';
import { type FakeMergeRequests, startFakeMergeRequests } from '../../support/fake-merge-requests.ts';
import { audience, type Claims, type Issuer, startIssuer } from '../../support/gitlab-issuer.ts';
import { answerOf } from '../answer.ts';
import { type SampleOptions, sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-notes-'));
let store: OpenDatabase;
let issuer: Issuer;
/** Another GitLab whose jobs may report here. */
let otherIssuer: Issuer;
let gitlab: FakeMergeRequests;
let app: ReturnType<typeof createApp>;
const errors: unknown[] = [];
beforeAll(async () => {
  [store, issuer, otherIssuer, gitlab] = await Promise.all([
    openStore({ folder }),
    startIssuer(),
    startIssuer(),
    startFakeMergeRequests(),
  ]);
  const onError = (error: unknown) => errors.push(error);
  // One GitLab: its keys and its API stand at two ports here.
  const actions = { ...gitLabActions(gitlab), issuer: issuer.url };
  app = createApp({
    db: store.db,
    version: '1',
    verifyIdToken: idTokenVerifier([issuer.url, otherIssuer.url], audience),
    defaultBranches: ['main'],
    isLocal: true,
    note: noteBroker({ db: store.db, gitlab: actions, url: 'https://tower.example.com', onError, pause: 20 }),
    onError,
  });
});
afterAll(async () => {
  await Promise.all([store?.close(), gitlab?.close()]);
  issuer?.close();
  otherIssuer?.close();
  rmSync(folder, { recursive: true, force: true });
  expect(errors).toEqual([]);
});
beforeEach(() => {
  gitlab.asked.length = 0;
  gitlab.delay(0);
});

let job = 5000;
/** A merge request of a project, with a pipeline of its own. */
function open(
  project: number,
  iid: number,
  pipeline: number,
  more: Partial<{ source: number; target: number; state: string }> = {},
) {
  gitlab.mergeRequests.set(`${project}!${iid}`, { source: project, target: project, state: 'opened', ...more });
  gitlab.pipelines.set(`${project}/${pipeline}`, `refs/merge-requests/${iid}/head`);
}
async function post(
  claims: Claims,
  options: SampleOptions = {},
  change: (report: ReturnType<typeof sampleReport>) => object = (r) => r,
  by = issuer,
) {
  const jobId = String(job++);
  const token = await by.token({
    pipeline_source: 'merge_request_event',
    ref: 'feature',
    ref_path: 'refs/heads/feature',
    job_id: jobId,
    ...claims,
  });
  return answerOf(
    app.request('http://localhost/v1/reports', {
      method: 'POST',
      headers: { host: 'localhost', authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(change(sampleReport({ jobId, trigger: 'merge_request_event', ...options }))),
    }),
  );
}
const of = (project: number, pipeline: number): Claims => ({
  project_id: String(project),
  job_project_id: String(project),
  pipeline_id: String(pipeline),
});
const notesOf = (key: string) => gitlab.notes.get(key) ?? [];

describe('a job of a merge request', () => {
  it('gets one note, updated in place by later pipelines, and written anew when a person deleted it', async () => {
    open(42, 3, 900);
    open(42, 3, 901);
    expect((await post(of(42, 900))).body.note).toEqual({ state: 'written', mergeRequest: '!3', reason: null });
    expect(notesOf('42!3')).toHaveLength(1);
    const [first] = notesOf('42!3');
    expect(first?.body).toContain('ML Test Score');
    expect(first?.body).toContain('https://tower.example.com/models/');
    expect((await post(of(42, 901), { passing: { data: 7, model: 7, infra: 7, monitor: 7 } })).body.note.state).toBe('written');
    expect(notesOf('42!3')).toHaveLength(1);
    expect(notesOf('42!3')[0]?.id).toBe(first?.id);
    gitlab.notes.set('42!3', []);
    expect((await post(of(42, 901))).body.note.state).toBe('written');
    expect(notesOf('42!3')).toHaveLength(1);
  });

  it('is not overtaken by an older pipeline', async () => {
    expect((await post(of(42, 900))).body.note).toMatchObject({ state: 'none', reason: 'a newer pipeline has written the note' });
  });

  it('gets a note for each model of the project', async () => {
    open(43, 1, 10);
    await Promise.all(['one', 'two'].map((name) => post(of(43, 10), { name })));
    expect(notesOf('43!1')).toHaveLength(2);
  });

  it('gets one note also when two jobs race, and the one that was left by an attempt without an answer', async () => {
    open(44, 1, 10);
    gitlab.delay(40);
    const raced = await Promise.all([1, 2, 3].map(() => post(of(44, 10))));
    expect(raced.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(notesOf('44!1')).toHaveLength(1);
    // Among others' notes, on the second page, and beside one that somebody else began with our line.
    const [own] = notesOf('44!1');
    const others = Array.from({ length: 120 }, (_, i) => ({
      id: 10_000 + i,
      body: own?.body ?? '',
      author: { id: 9, username: 'eve' },
    }));
    open(45, 1, 10);
    const made = await post(of(45, 10));
    const [ours] = notesOf('45!1');
    gitlab.notes.set('45!1', [...others.map((note) => ({ ...note, body: ours?.body ?? '' })), ...(ours ? [ours] : [])]);
    await sql`update mr_note set note_id = null where model_id = ${made.body.model.id}::bigint`.execute(store.db);
    expect((await post(of(45, 10))).body.note).toMatchObject({ state: expect.stringMatching(/written|unchanged/), reason: null });
    expect(notesOf('45!1')).toHaveLength(121);
    expect(gitlab.asked.some((one) => one.includes('page=2'))).toBe(true);
  });

  it('gets one note from two servers, also when GitLab takes longer than a lease lasts', async () => {
    open(47, 1, 10);
    const report = sampleReport({ name: 'slow', jobId: '9001', trigger: 'merge_request_event' });
    const modelId = (await post(of(47, 10), { name: 'slow' })).body.model.id;
    gitlab.notes.set('47!1', []);
    await sql`update mr_note set note_id = null where model_id = ${modelId}::bigint`.execute(store.db);
    gitlab.delay(600);
    const claims = await idTokenVerifier(
      [issuer.url],
      audience,
    )(await issuer.token({ ...of(47, 11), job_id: '9001', pipeline_source: 'merge_request_event', ref: 'feature' }));
    gitlab.pipelines.set('47/11', 'refs/merge-requests/1/head');
    const actions = { ...gitLabActions(gitlab), issuer: issuer.url };
    const server = () =>
      noteBroker({
        db: store.db,
        gitlab: actions,
        url: 'https://t.example',
        onError: (e) => errors.push(e),
        pause: 120,
        leaseMs: 1000,
      });
    const results = await Promise.all([server(), server(), server()].map((write) => write({ claims, report, modelId })));
    expect(results.map(({ state }) => state).sort()).toEqual(['unchanged', 'unchanged', 'written']);
    expect(notesOf('47!1')).toHaveLength(1);
    expect(gitlab.asked.filter((one) => one.startsWith('POST')).length).toBe(2);
  });

  it('has a lease that only its owner renews and gives back', async () => {
    const { body } = await post(of(48, 10), { name: 'leased' });
    const lease = (owner: string) => ({ modelId: body.model.id, mergeRequest: 1, owner, milliseconds: 60_000 });
    const written = { noteId: 5, pipelineId: 10, bodySha256: 'aa' };
    expect(await leaseNote(store.db, lease('one'))).toMatchObject({ noteId: null });
    expect(await leaseNote(store.db, lease('two'))).toBeNull();
    expect(await renewNote(store.db, lease('two'))).toBe(false);
    expect(await renewNote(store.db, lease('one'))).toBe(true);
    // The first server hung for longer than its lease lasted.
    await sql`update mr_note set leased_until = now() - interval '1 second' where model_id = ${body.model.id}::bigint`.execute(
      store.db,
    );
    expect(await leaseNote(store.db, lease('two'))).toMatchObject({ noteId: null });
    expect(await renewNote(store.db, lease('one'))).toBe(false);
    await releaseNote(store.db, lease('one'), written);
    expect(await leaseNote(store.db, lease('three'))).toBeNull();
    await releaseNote(store.db, lease('two'), { ...written, noteId: 6 });
    expect(await leaseNote(store.db, lease('three'))).toMatchObject({ noteId: 6 });
  });

  it('is told why there is none, and its report is stored all the same', async () => {
    open(46, 1, 10);
    gitlab.fail('POST', 403);
    expect(await post(of(46, 10))).toMatchObject({
      status: 201,
      body: { note: { state: 'none', reason: expect.stringContaining('403') } },
    });
    gitlab.fail('POST', 429);
    expect((await post(of(46, 10))).body.note.state).toBe('written');
    gitlab.fail('PUT', 500);
    expect(await post(of(46, 10))).toMatchObject({
      status: 201,
      body: { note: { state: 'none', reason: 'GitLab answered 500' } },
    });
    expect(notesOf('46!1')).toHaveLength(1);
  });
});

describe('nobody gets a note elsewhere', () => {
  it.each<readonly [string, Claims, () => void, string]>([
    ['another project by its body', of(50, 10), () => open(51, 1, 99), 'as one of no merge request'],
    [
      'a merge request that the pipeline is not of',
      of(52, 10),
      () => gitlab.pipelines.set('52/10', 'main'),
      'of no merge request',
    ],
    [
      'a ref that looks like one',
      of(53, 10),
      () => gitlab.pipelines.set('53/10', 'refs/merge-requests/1/head/../../2/head'),
      'of no merge request',
    ],
    ['the target of a fork', { ...of(54, 10), job_project_id: '55' }, () => open(54, 1, 10), 'ran for a fork'],
    ['a merge request from a fork', of(56, 10), () => open(56, 1, 10, { source: 57 }), 'comes from a fork'],
    ['a merge request to another project', of(58, 10), () => open(58, 1, 10, { target: 59 }), 'comes from a fork'],
    ['a closed one', of(60, 10), () => open(60, 1, 10, { state: 'merged' }), 'is closed'],
    [
      'a pipeline that is no number',
      { ...of(61, 10), pipeline_id: '../../51/merge_requests/1' },
      () => open(61, 1, 10),
      'no merge request',
    ],
  ])('%s', async (_, claims, prepare, why) => {
    prepare();
    const answer = await post(claims, {}, (report) => ({
      ...report,
      run: { ...report.run, projectId: '51', pipelineId: '99', mergeRequest: '1' },
      source: { ...report.source, project: 'other/project' },
    }));
    expect(answer.body.note).toMatchObject({ state: 'none', reason: expect.stringContaining(why) });
    expect(gitlab.asked.filter((one) => !one.startsWith('GET'))).toEqual([]);
  });

  it('a project of another GitLab, whose numbers are those of projects here', async () => {
    open(65, 1, 10);
    const { status, body } = await post(of(65, 10), {}, (report) => report, otherIssuer);
    expect(status).toBe(201);
    expect(body.note).toMatchObject({ state: 'none', reason: expect.stringContaining('another GitLab') });
    expect(gitlab.asked).toEqual([]);
    expect((await post(of(65, 10))).body.note.state).toBe('written');
  });

  it('a job of a push, a token, and an earlier job that is delivered late', async () => {
    open(62, 1, 10);
    expect((await post({ ...of(62, 10), pipeline_source: 'push' })).body.note).toBeNull();
    expect((await post(of(62, 10), { jobId: '1' })).body.note.reason).toContain('earlier job');
    expect(notesOf('62!1')).toEqual([]);
  });
});

it('holds nothing that acts: no quick action, mention, image, closing tag or marker of its own', async () => {
  open(63, 1, 10);
  const nasty = [
    '/close',
    '/merge',
    '@all',
    '![x](https://evil.example/x.png)',
    '<img src=x>',
    '</details>',
    'Closes #1',
    '<!-- flightcheck:report:1 -->',
    '!1 ~bug %"1" PROJ-12',
    '<script>',
  ].join('\n');
  const { status } = await post(of(63, 10), { title: nasty, owner: nasty }, (report) => ({
    ...report,
    gate: { mode: 'blocking', isPassed: false, reasons: [nasty] },
    waivers: [{ check: nasty, reason: nasty, owner: nasty, expires: nasty, isExpired: false }],
    suites: report.suites.map((suite) => ({
      ...suite,
      sections: suite.sections.map((section) => ({
        ...section,
        title: nasty,
        results: section.results.map((one) => ({
          ...one,
          title: nasty,
          fix: nasty,
          why: nasty,
          findings: [{ message: nasty, place: { path: nasty } }],
        })),
      })),
    })),
  }));
  expect(status).toBe(201);
  const [note] = notesOf('63!1');
  const body = note?.body ?? '';
  expect(body.length).toBeGreaterThan(100);
  expect(body).not.toMatch(/^\s*\/[a-z]/m);
  expect(body).not.toMatch(/@all|!\[|<img|<script|Closes #1|~bug|PROJ\\?-1/);
  expect(body.match(/<!-- flightcheck:report/g)).toHaveLength(1);
  expect(body.match(/<\/details>/g)?.length ?? 0).toBe(body.match(/<details/g)?.length ?? 0);
});

it.each(['\n/merge\n', '\n/close\n', '@all', '![x](y)', '<script>'])('a commit %j is no more than text', async (commit) => {
  open(64, 1, 10);
  expect((await post({ ...of(64, 10), sha: null }, { commit })).body.note.state).toBe('written');
  const [note] = notesOf('64!1');
  expect(note?.body).not.toMatch(/^\/|@all|!\[|<script/m);
});
