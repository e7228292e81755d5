/** What CI says about this run, read from GitLab's predefined variables: https://docs.gitlab.com/ci/variables/predefined_variables/ */

import type { Report } from '../kernel/report.ts';
import { alertVariable } from '../kernel/tower-actions.ts';
import type { Git } from '../kernel/world.ts';
import { clip, oneLine } from '../reports/text.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Set and not an interpolation that was left literal; on one line and no longer than the report's schema allows. */
const given = (text: string | undefined, most = 4000): string | null =>
  text === undefined || text === '' || text.startsWith('$[[') ? null : clip(oneLine(text), most);

/** GitLab's CI_PIPELINE_SOURCE; `local` outside CI. */
export const triggerOf = (env: Env): string => (env.CI === undefined ? 'local' : (given(env.CI_PIPELINE_SOURCE, 60) ?? 'local'));

/** The alert of Control Tower that started the pipeline, or the run of a DAG; what is not one of its ids is none. */
export function alertOf(env: Env): string | null {
  const id = given(env[alertVariable], 100);
  return id !== null && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id) ? id.toLowerCase() : null;
}

/** What started the run. */
export function runOf(env: Env): Report['run'] {
  const alert = alertOf(env);
  return {
    trigger: triggerOf(env),
    projectId: given(env.CI_PROJECT_ID),
    pipelineId: given(env.CI_PIPELINE_ID),
    jobId: given(env.CI_JOB_ID),
    jobUrl: given(env.CI_JOB_URL),
    mergeRequest: given(env.CI_MERGE_REQUEST_IID),
    ...(alert !== null && { alert }),
  };
}

/** An image holds no .git: tasks of DAGs find here what theirs was made of. */
const commitOf = ({ CI_COMMIT_SHA, GIT_COMMIT = '' }: Env): string | null =>
  given(CI_COMMIT_SHA) ?? (/^[\da-f]{40}([\da-f]{24})?$/.test(GIT_COMMIT) ? GIT_COMMIT : null);

/** What is judged. */
export function sourceOf(env: Env, git: Pick<Git, 'head' | 'branch' | 'isShallow'>): Report['source'] {
  return {
    commit: git.head ?? commitOf(env),
    ref: given(env.CI_MERGE_REQUEST_SOURCE_BRANCH_NAME) ?? given(env.CI_COMMIT_REF_NAME) ?? git.branch,
    project: given(env.CI_PROJECT_PATH),
    isShallow: git.isShallow,
  };
}

/** The component whose job this is, as GitLab resolved it. */
export function componentOf(env: Env): Report['component'] {
  const name = given(env.FLIGHTCHECK_COMPONENT_NAME);
  if (name === null) return undefined;
  const sha = given(env.FLIGHTCHECK_COMPONENT_SHA);
  const reference = given(env.FLIGHTCHECK_COMPONENT_REFERENCE);
  return { name, version: given(env.FLIGHTCHECK_COMPONENT_VERSION), ...(sha && { sha }), ...(reference && { reference }) };
}
