/** The GitLab port over @gitbeaker/rest: project settings, or the reason why they cannot be read. Never throws, never shows the token. */
import type { Answer, Deployment, GitLab, GitLabProject, Review } from '../kernel/world.ts';
import { gitLabRequester, HttpProblem } from './gitlab-requester.ts';

type Environment = Readonly<Record<string, string | undefined>>;

interface Access {
  /** Address of the instance, sub-path included, without a slash at the end. */
  readonly host: string;
  readonly projectId: string;
  readonly token: string;
}

export interface GitLabOptions {
  /** For one request; default 15. */
  readonly timeoutSeconds?: number;
  /** Longest wait that a Retry-After may ask for; default 10. */
  readonly maxWaitSeconds?: number;
  readonly signal?: AbortSignal;
}

/** Where and as whom to ask, from GitLab's predefined variables; or what is missing. */
function accessOf(env: Environment): Access | string {
  const api = env.CI_API_V4_URL || (env.CI_SERVER_URL && `${env.CI_SERVER_URL.replace(/\/+$/, '')}/api/v4`);
  if (!api) return 'no API access: not in a GitLab pipeline (CI_API_V4_URL and CI_SERVER_URL are not set)';
  const url = URL.canParse(api) ? new URL(api) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || !/\/api\/v4\/?$/.test(url.pathname))
    return 'no API access: CI_API_V4_URL is not an address like https://gitlab.example.com/api/v4';
  if (!/^\d+$/.test(env.CI_PROJECT_ID ?? '')) return 'no API access: CI_PROJECT_ID is not set to a number';
  const token = env.FLIGHTCHECK_GITLAB_TOKEN?.trim();
  if (!token) return 'no API access: FLIGHTCHECK_GITLAB_TOKEN is not set';
  if (!/^[\x21-\x7e]+$/.test(token)) return 'no API access: FLIGHTCHECK_GITLAB_TOKEN holds characters that no token has';
  return { host: `${url.origin}${url.pathname.replace(/\/api\/v4\/?$/, '')}`, projectId: env.CI_PROJECT_ID ?? '', token };
}

const reasonsByStatus: Readonly<Record<number, string>> = {
  401: 'GitLab refused the token (401): it is wrong, revoked or expired',
  403: 'the token may not read the project (403): it needs the scope read_api',
  404: 'GitLab shows no such project to this token (404)',
  429: 'GitLab limits the rate of requests (429)',
};

function reasonOf(error: unknown, host: string): string {
  if (!(error instanceof HttpProblem)) return `no API access: the answer of ${host} could not be read`;
  if (error.status === null) return `no API access: ${host} ${error.message}`;
  return `no API access: ${reasonsByStatus[error.status] ?? `GitLab answered with status ${error.status}`}`;
}

/** Null where this token may not see the value; other problems are the caller's. */
async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof HttpProblem && (error.status === 401 || error.status === 403 || error.status === 404)) return null;
    throw error;
  }
}

const asBoolean = (value: unknown): boolean | null => (typeof value === 'boolean' ? value : null);
const asText = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

const clientOf = ({ host, token }: Access, options: GitLabOptions) => ({
  host,
  token,
  requesterFn: gitLabRequester(options),
  queryTimeout: null,
});

async function readProject(access: Access, options: GitLabOptions): Promise<GitLabProject> {
  // Loaded here: most runs have no token, and the client is large.
  const { Branches, MergeRequestApprovals, Projects } = await import('@gitbeaker/rest');
  const client = clientOf(access, options);
  const project: Record<string, unknown> = await new Projects(client).show(access.projectId);
  const defaultBranch = asText(project.default_branch);
  const [branch, rules] = await Promise.all([
    // The branch itself says whether any rule, wildcards included, protects it.
    defaultBranch === null ? null : orNull(new Branches(client).show(access.projectId, defaultBranch)),
    orNull(new MergeRequestApprovals(client).allApprovalRules(access.projectId)),
  ]);
  const required = Array.isArray(rules)
    ? rules.map((rule: Record<string, unknown>) => Number(rule.approvals_required)).filter(Number.isFinite)
    : null;
  return {
    defaultBranch: defaultBranch ?? '',
    isDefaultBranchProtected: asBoolean(branch?.protected),
    onlyAllowMergeIfPipelineSucceeds: asBoolean(project.only_allow_merge_if_pipeline_succeeds),
    approvalsRequired: required && Math.max(0, ...required),
    visibility: asText(project.visibility) ?? 'unknown',
  };
}

type Json = Readonly<Record<string, unknown>>;
const usernameOf = (value: unknown): string | null => asText((value as Json | null)?.username);

/** Merge requests that brought the commit to a branch, with their approvals. */
async function readReviews(access: Access, options: GitLabOptions, sha: string): Promise<readonly Review[]> {
  const { Commits, MergeRequestApprovals } = await import('@gitbeaker/rest');
  const client = clientOf(access, options);
  const found: readonly Json[] = await new Commits(client).allMergeRequests(access.projectId, sha);
  const merged = found.filter((request) => request.state === 'merged');
  return Promise.all(
    merged.map(async (request): Promise<Review> => {
      const iid = Number(request.iid);
      const approvals: Json = await new MergeRequestApprovals(client).showConfiguration(access.projectId, {
        mergerequestIId: iid,
      });
      const by = Array.isArray(approvals.approved_by) ? approvals.approved_by : [];
      return {
        iid,
        author: usernameOf(request.author) ?? '',
        approvedBy: by.flatMap((each: Json) => usernameOf(each.user) ?? []),
        mergedBy: usernameOf(request.merge_user) ?? usernameOf(request.merged_by),
        mergedAt: asText(request.merged_at),
        targetBranch: asText(request.target_branch) ?? '',
      };
    }),
  );
}

const mostDeployments = 1000;

async function readDeployments(
  access: Access,
  options: GitLabOptions,
  environment: string | null,
): Promise<readonly Deployment[]> {
  const { Deployments } = await import('@gitbeaker/rest');
  const query = {
    status: 'success' as const,
    orderBy: 'updated_at' as const,
    sort: 'asc' as const,
    perPage: 100,
    maxPages: mostDeployments / 100,
  };
  const found: readonly Json[] = await new Deployments(clientOf(access, options)).all(access.projectId, {
    ...query,
    ...(environment !== null && { environment }),
  });
  return found.flatMap((each): Deployment[] => {
    const name = asText((each.environment as Json | null)?.name) ?? '';
    const [sha, at] = [asText(each.sha), asText(each.updated_at) ?? asText(each.created_at)];
    // GitLab calls every environment whose name begins so a production one.
    const isWanted = environment !== null ? name === environment : /^(prod|live)/i.test(name);
    return sha !== null && at !== null && isWanted ? [{ sha, at, environment: name }] : [];
  });
}

/** Nothing is asked before a check asks; every check gets the same answer. */
export function openGitLab(env: Environment, options: GitLabOptions = {}): GitLab {
  const answers = new Map<string, Promise<Answer<unknown>>>();
  const ask = <T>(what: string, read: (access: Access) => Promise<T>): Promise<Answer<T>> => {
    const asked = async (): Promise<Answer<T>> => {
      const access = accessOf(env);
      if (typeof access === 'string') return { ok: false, reason: access, isAbsent: false };
      try {
        return { ok: true, value: await read(access) };
      } catch (error) {
        return {
          ok: false,
          reason: reasonOf(error, access.host),
          isAbsent: error instanceof HttpProblem && error.status === 404,
        };
      }
    };
    const answer = (answers.get(what) as Promise<Answer<T>> | undefined) ?? asked();
    answers.set(what, answer);
    return answer;
  };
  return {
    project: () => ask('project', (access) => readProject(access, options)),
    reviewsOf: (sha) => ask(`reviews ${sha}`, (access) => readReviews(access, options, sha)),
    deployments: (environment) =>
      ask(`deployments ${environment ?? ''}`, (access) => readDeployments(access, options, environment)),
  };
}
