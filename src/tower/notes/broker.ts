/**
 * The one note of a merge request for a model. Jobs hold no token that may write notes; the Tower does, and writes for a job
 * that its id_token proves: project and pipeline come from the token, the merge request from GitLab's word on that pipeline.
 * The text is rendered here, from the validated report, so that nothing in it acts.
 */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Report } from '../../kernel/report.ts';
import { ActionFault, type GitLabActions } from '../../kernel/tower-actions.ts';
import { noteMarker, renderMarkdown } from '../../reports/markdown.ts';
import type { JobClaims } from '../auth/gitlab.ts';
import type { Database } from '../store/database.ts';
import { type Lease, leaseNote, type NoteKey, releaseNote, renewNote } from '../store/notes.ts';

export interface NoteWanted {
  readonly claims: JobClaims;
  readonly report: Report;
  readonly modelId: number;
}

export interface NoteResult {
  readonly state: 'written' | 'unchanged' | 'none';
  /** `!12` */
  readonly mergeRequest: string | null;
  /** Why there is none. */
  readonly reason: string | null;
}

export type NoteBroker = (wanted: NoteWanted) => Promise<NoteResult>;

const none = (reason: string): NoteResult => ({ state: 'none', mergeRequest: null, reason });

export interface BrokerOptions {
  readonly db: Database;
  readonly gitlab: GitLabActions;
  /** Of this server, as people reach it. */
  readonly url: string;
  readonly onError: (error: unknown) => void;
  /** Milliseconds between two looks at whether another writer is done, and how often. */
  readonly pause?: number;
  /** Milliseconds after which another server may take over from one that was killed; renewed while the writing goes on. */
  readonly leaseMs?: number;
}

const mostLooks = 40;

/** The merge request of the job's own pipeline, or why there is none. */
async function mergeRequestOf(gitlab: GitLabActions, claims: JobClaims): Promise<number | string> {
  const { projectId, jobProjectId, pipelineId, pipelineSource } = claims;
  if (pipelineSource !== 'merge_request_event' || pipelineId === null) return 'the job belongs to no merge request';
  if (jobProjectId !== projectId) return 'the job ran for a fork';
  const ref = await gitlab.pipelineRef(projectId, pipelineId);
  const iid = Number(/^refs\/merge-requests\/([1-9]\d{0,14})\/(?:head|merge|train)$/.exec(ref ?? '')?.[1] ?? 0);
  if (iid === 0) return 'GitLab knows the pipeline of the job as one of no merge request';
  const found = await gitlab.mergeRequest(projectId, iid);
  if (!found) return `GitLab shows no merge request !${iid} of the project`;
  if (found.sourceProject !== projectId || found.targetProject !== projectId) return 'the merge request comes from a fork';
  if (!found.isOpen) return `the merge request !${iid} is closed`;
  return iid;
}

/** Our line at the top names the model: two models of one project have two notes. */
const bodyOf = ({ report, modelId }: NoteWanted, url: string): { readonly marker: string; readonly body: string } => {
  const marker = noteMarker.replace(' -->', `:${modelId} -->`);
  return { marker, body: renderMarkdown(report, { towerUrl: `${url}/models/${modelId}` }).replace(noteMarker, marker) };
};

/** Keeps the lease: GitLab may take longer for all the pages of a long discussion than a killed server may hold others up. */
function keep(lease: Lease, { db, onError }: BrokerOptions): { stop(): void } {
  const timer = setInterval(() => void renewNote(db, lease).catch(onError), lease.milliseconds / 3);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

class LeaseLost extends Error {}

async function upsert(options: BrokerOptions, wanted: NoteWanted, key: NoteKey): Promise<NoteResult> {
  const { db, gitlab, url, pause = 500, leaseMs = 60_000 } = options;
  const { projectId, pipelineId } = wanted.claims;
  const lease = { ...key, owner: randomUUID(), milliseconds: leaseMs };
  let known = await leaseNote(db, lease);
  for (let looks = 0; !known && looks < mostLooks; looks++) {
    await wait(pause);
    known = await leaseNote(db, lease);
  }
  if (!known) return none('another job writes the note');
  const kept = keep(lease, options);
  /** Right before GitLab is written to: a database that was away may have given the note to another. */
  const check = async (): Promise<void> => {
    if (!(await renewNote(db, lease))) throw new LeaseLost();
  };
  let result: Parameters<typeof releaseNote>[2] = null;
  try {
    const own = Number(pipelineId);
    if (own < known.pipelineId) return none('a newer pipeline has written the note');
    const { marker, body } = bodyOf(wanted, url);
    const bodySha256 = createHash('sha256').update(body).digest('hex');
    const update = async (id: number | null) => {
      if (id === null) return null;
      await check();
      return gitlab.updateNote(projectId, key.mergeRequest, id, body);
    };
    const create = async () => {
      await check();
      return gitlab.createNote(projectId, key.mergeRequest, body);
    };
    // A note that a person deleted is written anew; one that an attempt without an answer left is found.
    const noteId =
      (await update(known.noteId)) ??
      (await update(await gitlab.findNote(projectId, key.mergeRequest, marker))) ??
      (await create());
    result = { noteId, pipelineId: own, bodySha256 };
    const isSame = noteId === known.noteId && bodySha256 === known.bodySha256;
    return { state: isSame ? 'unchanged' : 'written', mergeRequest: `!${key.mergeRequest}`, reason: null };
  } catch (error) {
    if (error instanceof LeaseLost) return none('another job took the note over');
    throw error;
  } finally {
    kept.stop();
    await releaseNote(db, lease, result);
  }
}

/** Never fails: what a note comes to is told beside what the report came to. */
export const noteBroker =
  (options: BrokerOptions): NoteBroker =>
  async (wanted) => {
    const { claims, report } = wanted;
    if (report.runner !== 'report') return none('only the merged report of a pipeline makes a note');
    if (report.run.jobId !== claims.jobId) return none('the report is of an earlier job');
    if (claims.issuer !== options.gitlab.issuer) return none('the job belongs to another GitLab than that of --actions');
    try {
      const mergeRequest = await mergeRequestOf(options.gitlab, claims);
      if (typeof mergeRequest === 'string') return none(mergeRequest);
      return await upsert(options, wanted, { modelId: wanted.modelId, mergeRequest });
    } catch (error) {
      if (!(error instanceof ActionFault)) options.onError(error);
      return none(error instanceof ActionFault ? error.message : 'something went wrong in Control Tower; its log says what');
    }
  };
