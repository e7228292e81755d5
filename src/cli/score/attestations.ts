/** The attestations of a repo, judged against a report: by the report job with GitLab's word, elsewhere without. */
import { openGitLab } from '../../adapters/gitlab.ts';
import { judgeAttestations } from '../../engine/attestations.ts';
import { withAttestations } from '../../kernel/attestation.ts';
import type { Report } from '../../kernel/report.ts';
import type { Context } from '../command.ts';
import type { Repo } from '../repo.ts';

/** The report with its attestations. `isTrusted`: of the report job, which alone may ask who approved them. */
export async function attest(context: Context, repo: Repo, report: Report, isTrusted: boolean): Promise<Report> {
  const pattern = repo.manifest.value?.attestations;
  if (pattern === undefined) return report;
  const { files, git, startedAt: now } = repo;
  const gitlab = isTrusted ? openGitLab(context.env, { signal: context.signal }) : null;
  return withAttestations(report, await judgeAttestations(report, pattern, { files, git, gitlab, now }));
}
