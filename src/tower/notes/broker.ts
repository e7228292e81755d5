/**
 * The one note of a merge request for a model. Jobs hold no token that may write notes; the Tower does, and writes for a job
 * that its id_token proves: project and pipeline come from the token, the merge request from GitLab's word on that pipeline.
 * The text is rendered here, from the validated report, so that nothing in it acts.
 */
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Report } from '../../kernel/report.ts';
import { ActionFault, type GitLabActions } from '../../kernel/tower-actions.ts';
import { noteMarker, renderMarkdown } from '../../reports/markdown.ts';
import type { JobClaims } from '../auth/gitlab.ts';
import type { Database } from '../store/database.ts';
import { leaseNote, type NoteKey, releaseNote } from '../store/notes.ts';

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

async function upsert(options: BrokerOptions, wanted: NoteWanted, key: NoteKey): Promise<NoteResult> {
  const { db, gitlab, url, pause = 500 } = options;
  const { projectId, pipelineId } = wanted.claims;
  let known = await leaseNote(db, key);
  for (let looks = 0; !known && looks < mostLooks; looks++) {
    await wait(pause);
    known = await leaseNote(db, key);
  }
  if (!known) return none('another job writes the note');
  let result: Parameters<typeof releaseNote>[2] = null;
  try {
    const own = Number(pipelineId);
    if (own < known.pipelineId) return none('a newer pipeline has written the note');
    const { marker, body } = bodyOf(wanted, url);
    const bodySha256 = createHash('sha256').update(body).digest('hex');
    const update = async (id: number | null) => (id === null ? null : gitlab.updateNote(projectId, key.mergeRequest, id, body));
    // A note that a person deleted is written anew; one that an attempt without an answer left is found.
    const noteId =
      (await update(known.noteId)) ??
      (await update(await gitlab.findNote(projectId, key.mergeRequest, marker))) ??
      (await gitlab.createNote(projectId, key.mergeRequest, body));
    result = { noteId, pipelineId: own, bodySha256 };
    const isSame = noteId === known.noteId && bodySha256 === known.bodySha256;
    return { state: isSame ? 'unchanged' : 'written', mergeRequest: `!${key.mergeRequest}`, reason: null };
  } finally {
    await releaseNote(db, key, result);
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
