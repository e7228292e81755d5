/** What a report may claim: whose project it is, which trigger counts, and whether it writes the record or a preview. */
import type { Report } from '../../kernel/report.ts';
import { executionOf } from '../../kernel/score.ts';
import { HttpProblem } from '../api/problem.ts';
import type { Grant, Scope } from '../store/scope.ts';
import type { Writer } from '../store/write-report.ts';
import type { JobClaims } from './gitlab.ts';
import { mayDo, writableBy } from './roles.ts';

/** Who sends, after authentication. */
export type Principal =
  | { readonly kind: 'job'; readonly claims: JobClaims }
  | { readonly kind: 'token'; readonly name: string; readonly grants: readonly Grant[] };

/** For the record. */
export const actorOf = (principal: Principal): string =>
  principal.kind === 'job' ? `job ${principal.claims.jobId}` : `${principal.kind} ${principal.name}`;

export interface Standing {
  readonly writer: Writer;
  /** Scores are computed with this trigger. */
  readonly trigger: string;
  /** Null: the report is authoritative. Otherwise why it is a preview. */
  readonly previewBecause: string | null;
}

const isAutomatic = (trigger: string): boolean =>
  executionOf('pass', 'monitor', trigger) === 'automatic' || executionOf('pass', 'data', trigger) === 'automatic';

/**
 * Why what a job writes is a preview; null: it writes the record. GitLab's token has no claim that names the default
 * branch: protection of a branch of that name stands for it.
 */
function whyJobIsPreview(claims: JobClaims, defaultBranches: readonly string[]): string | null {
  if (claims.jobProjectId !== claims.projectId) return 'the job ran for a fork';
  if (claims.pipelineSource.includes('merge_request') || claims.pipelineSource.includes('pull_request'))
    return 'it belongs to a merge request';
  if (claims.refType !== 'branch' || (claims.refPath !== null && claims.refPath !== `refs/heads/${claims.ref}`))
    return 'the job did not run on a branch';
  if (!claims.isRefProtected) return `the branch ${claims.ref} is not protected`;
  if (!defaultBranches.includes(claims.ref)) return `the branch ${claims.ref} is not the default branch`;
  return null;
}

function whyPreview(claims: JobClaims, report: Report, defaultBranches: readonly string[]): string | null {
  const why = whyJobIsPreview(claims, defaultBranches);
  if (why !== null || !report.run.mergeRequest)
    return why ?? (report.source.ref === claims.ref ? null : 'the report is of another branch than its job');
  return 'it belongs to a merge request';
}

/**
 * The trigger of a report that a later job delivers: what both jobs can claim. The token proves only its own pipeline, and a
 * schedule that delivers the report of a push did not execute it.
 */
function triggerOfResent(reported: string, own: string): string {
  if (!isAutomatic(reported)) return reported;
  return own === 'schedule' ? (reported === 'schedule' ? own : reported) : own;
}

/** A job's evidence. A report that a later job of the project delivers keeps its own job, and gains no trigger by it. */
function ofJob(claims: JobClaims, report: Report, defaultBranches: readonly string[]): Standing {
  const isResent = report.run.jobId !== claims.jobId;
  if (!isResent && claims.sha !== null && report.source.commit !== null && claims.sha !== report.source.commit)
    throw new HttpProblem('invalid-report', 'The report is not of the commit of its job.', [
      { pointer: '/source/commit', detail: `the id_token says ${claims.sha}` },
    ]);
  const { issuer, projectId, projectPath, namespaceId, namespacePath } = claims;
  return {
    writer: { issuer, projectId, projectPath, namespaceId, namespacePath, name: `job ${claims.jobId}` },
    trigger: isResent ? triggerOfResent(report.run.trigger, claims.pipelineSource) : claims.pipelineSource,
    previewBecause: whyPreview(claims, report, defaultBranches),
  };
}

/** With a token the report is believed about its project and trigger: the token's holder answers for it. */
function ofToken({ name, grants }: Extract<Principal, { kind: 'token' }>, report: Report): Standing {
  if (!mayDo(grants, 'write', { project: report.source.project ?? '', model: report.model.name }))
    throw new HttpProblem('forbidden', 'This token may not write for this model of this project.', [
      { pointer: '/source/project', detail: 'lies outside of what the token is for, or the token may only read' },
    ]);
  const project = report.source.project ?? report.run.projectId ?? `model:${report.model.name}`;
  return {
    writer: {
      issuer: 'local',
      projectId: project,
      projectPath: report.source.project ?? '',
      namespaceId: null,
      namespacePath: null,
      name: `token ${name}`,
    },
    trigger: report.run.trigger,
    previewBecause:
      report.run.mergeRequest || report.run.trigger === 'merge_request_event' ? 'it belongs to a merge request' : null,
  };
}

export const evidenceOf = (principal: Principal, report: Report, defaultBranches: readonly string[]): Standing =>
  principal.kind === 'job' ? ofJob(principal.claims, report, defaultBranches) : ofToken(principal, report);

/** For metrics that come without a report: what the writer is confined to, and whether it writes the record. */
export const metricsEvidenceOf = (
  principal: Principal,
  defaultBranches: readonly string[],
): { scope: Scope; writtenBy: string; previewBecause: string | null } =>
  principal.kind === 'job'
    ? {
        scope: { issuer: principal.claims.issuer, externalId: principal.claims.projectId },
        writtenBy: actorOf(principal),
        previewBecause: whyJobIsPreview(principal.claims, defaultBranches),
      }
    : { scope: writableBy(principal.grants), writtenBy: actorOf(principal), previewBecause: null };
