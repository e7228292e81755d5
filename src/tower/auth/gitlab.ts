/** Who a GitLab job is: its id_token, verified against the issuer's keys. https://docs.gitlab.com/ci/secrets/id_token_authentication/ */
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { UsageError } from '../../kernel/failure.ts';
import { HttpProblem } from '../api/problem.ts';
import { qualifierOf } from '../store/scope.ts';
import { issuerKeys, KeysUnavailable } from './issuer-keys.ts';
import { isLoopback } from './loopback.ts';

/** The claims that we rest on. GitLab sends ids and booleans as strings. */
export interface JobClaims {
  readonly issuer: string;
  readonly projectId: string;
  /** As grants name it: see `qualifierOf`. */
  readonly projectPath: string;
  readonly namespaceId: string | null;
  readonly namespacePath: string | null;
  /** The project where the job runs; differs from `projectId` for merge requests from forks. */
  readonly jobProjectId: string;
  readonly jobId: string;
  readonly pipelineId: string | null;
  readonly pipelineSource: string;
  readonly ref: string;
  readonly refType: string;
  readonly refPath: string | null;
  readonly isRefProtected: boolean;
  readonly sha: string | null;
}

export type VerifyIdToken = (token: string) => Promise<JobClaims>;

const digits = /^[1-9][0-9]{0,17}$/;
const refused = (why: string) => new HttpProblem('unauthorized', `The id_token is not accepted: ${why}.`);

/** A claim as text; ids may be numbers in a future GitLab. */
const text = (payload: JWTPayload, name: string): string | null => {
  const value = payload[name];
  // No text of PostgreSQL can hold a NUL.
  const isText = typeof value === 'string' && value.length <= 1000 && !value.includes('\u0000');
  return isText ? value : typeof value === 'number' ? String(value) : null;
};

function needed(payload: JWTPayload, name: string): string {
  const value = text(payload, name);
  if (value === null || value === '') throw refused(`it has no claim ${name}`);
  return value;
}

function claimsOf(issuer: string, payload: JWTPayload, qualifier: string): JobClaims {
  const projectId = needed(payload, 'project_id');
  if (!digits.test(projectId)) throw refused('its project_id is not a number');
  const namespace = text(payload, 'namespace_path');
  return {
    issuer,
    projectId,
    projectPath: `${qualifier}${needed(payload, 'project_path')}`,
    namespaceId: text(payload, 'namespace_id'),
    namespacePath: namespace === null ? null : `${qualifier}${namespace}`,
    jobProjectId: payload.job_project_id === undefined ? projectId : needed(payload, 'job_project_id'),
    jobId: needed(payload, 'job_id'),
    pipelineId: digits.test(text(payload, 'pipeline_id') ?? '') ? text(payload, 'pipeline_id') : null,
    pipelineSource: needed(payload, 'pipeline_source'),
    ref: needed(payload, 'ref'),
    refType: needed(payload, 'ref_type'),
    refPath: text(payload, 'ref_path'),
    isRefProtected: text(payload, 'ref_protected') === 'true',
    sha: text(payload, 'sha'),
  };
}

/** `https`, or plain HTTP on this machine. @throws UsageError */
export function checkIssuer(issuer: string): string {
  const url = URL.canParse(issuer) ? new URL(issuer) : null;
  const isLocal = url?.protocol === 'http:' && isLoopback(url.hostname);
  if (!url || (url.protocol !== 'https:' && !isLocal))
    throw new UsageError('TOWER_ISSUER', `The GitLab issuer ${issuer} is not an https address`, {
      hint: 'Give the address of GitLab as its id_tokens name it, for example --gitlab-issuer https://gitlab.example.com',
    });
  return issuer.replace(/\/+$/, '');
}

/** A verifier for the issuers. Only RS256, a pinned issuer and audience, 30 s of leeway. */
export function idTokenVerifier(issuers: readonly string[], audience: string): VerifyIdToken {
  const trusted = issuers.map(checkIssuer);
  const keys = new Map(trusted.map((issuer) => [issuer, issuerKeys(new URL(`${issuer}/oauth/discovery/keys`))]));
  const home = trusted[0] ?? '';
  return async (token) => {
    const issuer = unverifiedIssuer(token);
    const jwks = keys.get(issuer);
    if (!jwks) throw refused('its issuer is not one that this server trusts');
    try {
      const { payload } = await jwtVerify(token, jwks, {
        issuer,
        audience,
        algorithms: ['RS256'],
        clockTolerance: 30,
        requiredClaims: ['exp', 'iat'],
      });
      return claimsOf(issuer, payload, qualifierOf(home, issuer));
    } catch (error) {
      if (error instanceof HttpProblem) throw error;
      if (error instanceof errors.JWTExpired) throw refused('it has expired');
      if (error instanceof errors.JWTClaimValidationFailed) throw refused(`its claim ${error.claim} is not what is expected`);
      if (error instanceof errors.JOSEError) throw refused('its signature or form is not valid');
      if (error instanceof TypeError || error instanceof DOMException)
        throw new HttpProblem('unavailable', `The key of ${issuer} for this id_token cannot be used: ${error.message}.`);
      if (!(error instanceof KeysUnavailable)) throw error;
      const { message, retryAfterSeconds } = error;
      throw new HttpProblem(
        'unavailable',
        `The key of this id_token is not known here, and the keys of ${issuer} ${message}. Try again in ${retryAfterSeconds} s.`,
        undefined,
        retryAfterSeconds,
      );
    }
  };
}

function unverifiedIssuer(token: string): string {
  try {
    return decodeJwt(token).iss ?? '';
  } catch {
    throw refused('it is not a JWT');
  }
}
