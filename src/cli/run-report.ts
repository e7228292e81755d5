/** `flightcheck report`: reads what other jobs left, judges what only services can tell, merges, decides, tells. Runs no code of the repo. */
import { suite as delivery } from '../../rules/delivery/index.generated.ts';
import { suite as rubric } from '../../rules/ml-test-score/index.generated.ts';
import { readReports } from '../adapters/reports.ts';
import { selectChecks } from '../engine/select.ts';
import { EnvironmentError, exitCode, UsageError } from '../kernel/failure.ts';
import { mergeReports } from '../kernel/merge.ts';
import type { Suite } from '../kernel/suite.ts';
import { oneLine } from '../reports/text.ts';
import type { Context, Invocation } from './command.ts';
import { finish } from './finish.ts';
import { optionValue } from './options.ts';
import { type PostOptions, post, resendUnsent, tokenVariable, towerUrlOf } from './post-report.ts';
import { openRepo, type Repo, reportOf } from './repo.ts';
import { attest } from './score/attestations.ts';
import { baselineOf, compared } from './score/compare.ts';
import { keepCosts } from './score/hook-costs.ts';
import { repeatedBySchedule } from './score/repetition.ts';
import { judgeTrusted } from './score/trusted-tests.ts';
import { structureRules } from './structure-rules.ts';
import { rulesOf } from './tower/rules.ts';

const runner = 'report';

/** The suites as shipped, with the repo's rule packs; the severities that the manifest sets are those of `flightcheck check`. */
async function knownSuites(repo: Repo): Promise<readonly Suite[]> {
  const severities = repo.manifest.value?.structure.severities ?? {};
  return [selectChecks((await structureRules(repo)).suite, { severities }), rubric, delivery];
}

function postOptions(context: Context, invocation: Invocation, repo: Repo): PostOptions | undefined {
  const url = towerUrlOf(context, invocation, repo);
  if (url === '') return undefined;
  return {
    root: repo.root,
    folder: optionValue<string>(invocation, 'output'),
    tower: {
      url,
      token: context.env[tokenVariable],
      timeoutSeconds: optionValue<number>(invocation, 'tower-timeout'),
      signal: context.signal,
    },
  };
}

async function resend(context: Context, options: PostOptions | undefined): Promise<number> {
  if (!options)
    throw new UsageError('TOWER_URL_MISSING', 'There is no Control Tower to send to: tower.url is empty', {
      hint: 'Set tower.url in flightcheck.yml, or give --tower-url.',
    });
  const { notices, left } = await context.log.step('Telling Control Tower', () => resendUnsent(options));
  if (context.isJson) context.print(`${JSON.stringify({ notices, left }, null, 2)}\n`);
  else context.print(`${(notices.length > 0 ? notices : ['Nothing waits to be sent']).map(oneLine).join('\n')}\n`);
  if (left > 0)
    throw new EnvironmentError('TOWER_UNSENT', `${left} ${left === 1 ? 'report waits' : 'reports wait'} to be sent`, {
      hint: 'The reasons stand above; run it again later.',
    });
  return exitCode.fine;
}

/** Why a manifest that is there but broken is no ground to judge on: a gate that cannot be read may not open. */
function manifestProblems({ manifest }: Repo): readonly string[] {
  if (manifest.value !== null || !manifest.exists) return [];
  const [first] = manifest.problems;
  return [`${manifest.path} cannot be used, so its gate and waivers are not known: ${first?.message ?? 'it is not valid'}`];
}

export async function reportRun(context: Context, invocation: Invocation): Promise<number> {
  const repo = await context.log.step('Reading the repo', () => openRepo(context, invocation));
  const posting = postOptions(context, invocation, repo);
  if (invocation.options.resend === true) return resend(context, posting);
  const baseline = await baselineOf(context, invocation);
  const folder = optionValue<string>(invocation, 'output');
  const found = await readReports(repo.root, folder, { except: [`${runner}.report.json`] });
  if (found.paths.length === 0)
    throw new UsageError('NO_REPORTS', `There is no report to merge: ${folder} holds no *.report.json`, {
      hint: 'Run flightcheck check or flightcheck score first; in a pipeline, let this job get the artifacts of theirs.',
    });
  const problems = [...found.problems, ...manifestProblems(repo)];
  for (const problem of problems) context.log.warn(oneLine(problem));
  const frame = reportOf(context, repo, runner, []);
  const hasRubric = found.reports.some((each) => each.suites.some(({ id }) => id === rubric.id));
  const measured = found.reports.flatMap((each) => each.metrics);
  const own = hasRubric
    ? [await context.log.step('Asking services', () => judgeTrusted(context, repo, posting?.tower, measured))]
    : [];
  await keepCosts(repo.root, folder, optionValue<string>(invocation, 'cache'));
  const merged = mergeReports(found.reports, { frame, suites: await knownSuites(repo), problems, own });
  const repeated = await repeatedBySchedule(context, repo, posting?.tower, { merged, reports: found.reports });
  const attested = await attest(context, repo, repeated, true);
  const report = await compared(context, attested, baseline, posting?.tower ?? { url: '', token: undefined });
  context.log.debug(`Merged ${found.reports.length} of ${found.paths.length} reports`);
  const rules = rulesOf(repo.manifest.value);
  return finish(context, invocation, {
    root: repo.root,
    report: { ...report, ...(rules && { rules }) },
    gate: repo.manifest.value?.gate,
    waivers: repo.manifest.value?.waivers ?? [],
    ...(posting && { post: (decided) => context.log.step('Telling Control Tower', () => post(decided, posting)) }),
  });
}
