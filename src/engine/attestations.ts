/** Which attestations count: the repo says what was attested, GitLab says who looked at it. */
import { type AttestationFile, readAttestations } from '../facts/attestations.ts';
import {
  type Attestation,
  type AttestationEntry,
  type JudgedAttestation,
  lastDayOf,
  latestDay,
  userName,
} from '../kernel/attestation.ts';
import type { Finding } from '../kernel/check.ts';
import { FlightcheckError } from '../kernel/failure.ts';
import { manifestFile } from '../kernel/manifest.ts';
import { type Report, resultsOf } from '../kernel/report.ts';
import { reviewedBy } from '../kernel/review.ts';
import type { Files, Git, GitLab } from '../kernel/world.ts';

export interface AttestationWorld {
  readonly files: Files;
  readonly git: Git;
  /** Null where nobody may be asked: what is valid is then unproven. */
  readonly gitlab: GitLab | null;
  readonly now: Date;
}

type Proof =
  | { readonly state: 'counted'; readonly approvedBy: readonly string[]; readonly mergeRequest: string }
  | { readonly state: 'unproven' | 'unused' | 'refused'; readonly why: string; readonly fix: string };

const unproven = (why: string, fix: string): Proof => ({ state: 'unproven', why, fix });
const refused = (why: string, fix: string): Proof => ({ state: 'refused', why, fix });

const everSince = '1970-01-02T00:00:00Z';
const anotherApproves = 'Let a person who neither executed the test nor wrote the merge request approve it, then merge it.';

/** The commit whose content the file has: what came with it is what was reviewed. */
async function commitOf({ path, text }: AttestationFile, git: Git): Promise<string | Proof> {
  if (!git.isRepository)
    return unproven('there is no Git history to tell where it came from', 'Keep the model in a Git repository.');
  if (git.isShallow)
    return unproven('the clone is shallow, so that it is not known where it came from', 'Set GIT_DEPTH: "0" for this job.');
  const [commit] = await git.commitsOn([path], everSince, 1);
  if (!commit) return refused('it is not committed', 'Open a merge request with it.');
  if ((await git.textAt(commit.sha, path)) !== text)
    return refused(
      `it is not what the commit ${commit.sha.slice(0, 12)} brought: it was changed without a commit, or by a merge`,
      'Bring it in as it is through a merge request.',
    );
  return commit.sha;
}

async function proofOf(file: AttestationFile, attestation: Attestation, { git, gitlab }: AttestationWorld): Promise<Proof> {
  if (gitlab === null)
    return unproven(
      'who approved it is for the report job to ask GitLab',
      'It is judged by flightcheck report in a pipeline, with FLIGHTCHECK_GITLAB_TOKEN.',
    );
  const token = 'Give the report job a project token: FLIGHTCHECK_GITLAB_TOKEN, scope read_api.';
  const project = await gitlab.project();
  if (!project.ok) return unproven(project.reason, token);
  const commit = await commitOf(file, git);
  if (typeof commit !== 'string') return commit;
  const reviews = await gitlab.reviewsOf(commit);
  if (!reviews.ok && !reviews.isAbsent) return unproven(reviews.reason, token);
  const reviewed = reviewedBy(reviews.ok ? reviews.value : [], project.value.defaultBranch, [attestation.by]);
  if (!reviewed.ok) return refused(`it ${reviewed.why}`, anotherApproves);
  const { iid, mergedAt } = reviewed.review;
  if (mergedAt === null) return unproven(`when !${iid} was merged is not known`, 'Ask for it again later.');
  if (attestation.date > latestDay(new Date(mergedAt)))
    return refused(`it is dated ${attestation.date}, after !${iid} brought it`, 'Attest what was executed, not what will be.');
  return { state: 'counted', approvedBy: reviewed.approvers.map(userName), mergeRequest: `!${iid}` };
}

/** Why an executed test needs no attestation; null when it is skipped, and so can be lifted. */
function useOf(test: string, report: Report): Proof | null {
  for (const { suite, result } of resultsOf(report)) {
    if (suite.method !== 'ml-test-score' || result.check !== test || result.outcome === 'skipped') continue;
    const said = {
      pass: 'was executed and passed',
      fail: 'was executed and failed, which no attestation heals',
      error: 'could not be judged, which no attestation heals',
      manual: 'is attested already',
      'not-applicable': 'does not apply',
    }[result.outcome];
    return { state: 'unused', why: `${test} ${said}`, fix: result.outcome === 'pass' ? 'Remove the attestation.' : result.fix };
  }
  return null;
}

async function judge(file: AttestationFile, report: Report, world: AttestationWorld): Promise<JudgedAttestation> {
  const { path, attestation, problems } = file;
  if (attestation === null) return { entry: { path, state: 'refused', problems }, covers: {} };
  const { test, by, date, method, link, covers } = attestation;
  const attested = { by: userName(by), date, until: lastDayOf(attestation), method, link, path };
  const entryOf = (state: AttestationEntry['state'], why: readonly Finding[], more = {}): JudgedAttestation => ({
    entry: { path, test, state, problems: why, attested: { ...attested, ...more } },
    covers,
  });
  if (problems.length > 0) return entryOf('refused', problems);
  if (attestation.result === 'failed')
    return entryOf('refused', [
      {
        message: `${test} failed when it was executed by hand`,
        fix: 'Mend what failed, then execute it again.',
        place: file.place(['result']),
      },
    ]);
  const proof = useOf(test, report) ?? (await proofOf(file, attestation, world));
  if (proof.state === 'counted') {
    const { approvedBy, mergeRequest } = proof;
    return entryOf('counted', [], { approvedBy, mergeRequest });
  }
  return entryOf(proof.state, [{ message: proof.why, fix: proof.fix, place: file.place(['test']) }]);
}

/** Judges every attestation file of the repo against the results of a report. Never throws on what a file holds. */
export async function judgeAttestations(
  report: Report,
  pattern: string,
  world: AttestationWorld,
): Promise<readonly JudgedAttestation[]> {
  if (!report.suites.some(({ method }) => method === 'ml-test-score')) return [];
  const judged: JudgedAttestation[] = [];
  try {
    for (const file of await readAttestations(world.files, pattern, world.now)) judged.push(await judge(file, report, world));
  } catch (error) {
    // What cannot be judged must not cost the report.
    if (!(error instanceof FlightcheckError)) throw error;
    const { message, hint, place = { path: manifestFile } } = error;
    judged.push({ entry: { path: place.path, state: 'refused', problems: [{ message, fix: hint, place }] }, covers: {} });
  }
  return judged;
}
