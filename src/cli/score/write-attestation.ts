/** `flightcheck attest`: hashes what was tested and writes the attestation; asks nothing and never overwrites unasked. */
import { basename, dirname, join, posix } from 'node:path';
import picomatch from 'picomatch';
import { suite } from '../../../rules/ml-test-score/index.generated.ts';
import { openOutputFolder, writeAtomically } from '../../adapters/output-folder.ts';
import { requireManifest } from '../../engine/manifest/load.ts';
import { formatAttestation, parseAttestation } from '../../facts/attestations.ts';
import { didYouMean } from '../../facts/did-you-mean.ts';
import { type Attestation, dayOf, lastDayOf, latestDay, userName } from '../../kernel/attestation.ts';
import { exitCode, UsageError } from '../../kernel/failure.ts';
import { plural } from '../../reports/words.ts';
import type { Context, Invocation } from '../command.ts';
import { openRepo, type Repo } from '../repo.ts';

const mostFiles = 1000;

function testOf(given: string | undefined): string {
  const known = suite.sections.flatMap(({ checks }) => checks.map(({ check }) => check as string));
  if (given !== undefined && known.includes(given)) return given;
  if (given === undefined)
    throw new UsageError('ATTEST_WHAT', 'which test was executed is not said', {
      hint: 'Name it: flightcheck attest data-5 ... The 28 tests: flightcheck explain.',
    });
  const guess = didYouMean(given, known);
  throw new UsageError('UNKNOWN_TEST', `${given} is no test of the ML Test Score, and only those can be attested`, {
    hint: guess ? `Did you mean ${guess}?` : `Known: ${known.join(', ')}.`,
  });
}

const examples = {
  by: '@your-name',
  result: 'passed',
  method: "'What you did, so that another can repeat it'",
  link: 'https://gitlab.example.com/team/model/-/issues/1',
  covers: "'src/features.py,flightcheck.yml'",
} as const;

/** What must be said, all of it; what is missing is told at once. */
function needed({ options }: Invocation): Readonly<Record<keyof typeof examples, string>> {
  const textOf = (name: string): string => {
    const value = options[name];
    return Array.isArray(value) ? value.join(',').trim() : typeof value === 'string' ? value.trim() : '';
  };
  const missing = Object.entries(examples).filter(([name]) => textOf(name) === '');
  if (missing.length > 0)
    throw new UsageError(
      'ATTEST_NEEDS',
      `${missing.map(([name]) => `--${name}`).join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
      { hint: `Add: ${missing.map(([name, example]) => `--${name} ${example}`).join(' ')}` },
    );
  return {
    ...{ by: textOf('by'), result: textOf('result'), method: textOf('method') },
    ...{ link: textOf('link'), covers: textOf('covers') },
  };
}

/** Where it belongs: the file of the test that the manifest's glob finds. */
function pathOf(test: string, pattern: string, repo: Repo): string {
  const { base } = picomatch.scan(pattern.replace(/^\.\//, ''));
  const matches = picomatch(pattern.replace(/^\.\//, ''), { dot: true });
  const path = ['yml', 'yaml'].map((ending) => posix.join(base, `${test}.${ending}`)).find((each) => matches(each));
  if (path !== undefined) return path;
  throw new UsageError('ATTESTATIONS_GLOB', `attestations is ${pattern}, where no file ${test}.yml would be found`, {
    hint: 'Write `attestations: flightcheck/attestations/*.yml`.',
    place: repo.manifest.place('attestations') ?? { path: repo.manifest.path },
  });
}

/** Paths that the globs find, with their hashes. */
async function coversOf(patterns: readonly string[], repo: Repo, own: string): Promise<Attestation['covers']> {
  const tracked = repo.git.isRepository ? await repo.git.tracked() : null;
  const paths = new Set<string>();
  for (const pattern of patterns) {
    const found = repo.files.glob(pattern.replace(/^\.\//, '')).filter((path) => path !== own);
    if (found.length === 0)
      throw new UsageError('COVERS_NOTHING', `--covers ${pattern} finds no file in the repository`, {
        hint: 'Globs begin at the folder of flightcheck.yml; files that Git ignores are not found: cover their pointers (.dvc).',
      });
    for (const path of found) paths.add(path);
  }
  if (paths.size > mostFiles)
    throw new UsageError('COVERS_TOO_MUCH', `--covers finds ${paths.size} files, at most ${mostFiles} are covered`, {
      hint: 'Cover what was tested: an attestation ends with the first change of any of its files.',
    });
  const covers: Record<string, string> = {};
  for (const path of [...paths].sort()) {
    const file = repo.files.get(path);
    if (file?.symlinkTarget !== undefined)
      throw new UsageError('COVERS_LINK', `${path} is a symbolic link`, {
        hint: 'Cover the file that it leads to.',
        place: { path },
      });
    if (tracked && !tracked.has(path))
      throw new UsageError('COVERS_UNTRACKED', `${path} is not committed, so the report job would not find it`, {
        hint: 'Commit it first (git add), or leave it out of --covers.',
        place: { path },
      });
    covers[path] = (await repo.files.sha256(path)) ?? '';
  }
  return covers;
}

async function attestationOf(invocation: Invocation, repo: Repo, test: string, own: string): Promise<Attestation> {
  const { method, link, ...given } = needed(invocation);
  const by = userName(given.by);
  const result = given.result as Attestation['result'];
  const date = invocation.options.date || dayOf(repo.startedAt);
  const validFor = invocation.options['valid-for'];
  return {
    ...{ version: 1, test, by, date: String(date), method, result, link },
    ...(validFor ? { valid_for: String(validFor) } : {}),
    covers: await coversOf(invocation.options.covers as readonly string[], repo, own),
  };
}

export async function writeAttestation(context: Context, invocation: Invocation): Promise<number> {
  const test = testOf(invocation.args[0]);
  const repo = await context.log.step('Reading the repo', () =>
    openRepo(context, { ...invocation, args: invocation.args.slice(1) }),
  );
  const path = pathOf(test, requireManifest(repo.manifest).attestations, repo);
  if (repo.files.has(path) && invocation.options.replace !== true)
    throw new UsageError('ATTESTATION_EXISTS', `${path} exists`, {
      hint: 'Executed again? --replace writes over it; Git keeps the old one.',
      place: { path },
    });
  const attestation = await attestationOf(invocation, repo, test, path);
  const text = formatAttestation(attestation);
  // The judge reads it in the same words.
  const [problem] = parseAttestation(text, path).problems;
  if (problem) throw new UsageError('ATTESTATION_INVALID', problem.message, { hint: problem.fix ?? 'Mend the option.' });
  if (attestation.date > latestDay(repo.startedAt))
    throw new UsageError('ATTESTATION_FUTURE', `--date ${attestation.date} is in the future`, {
      hint: 'Give the day on which the test was executed.',
    });
  const until = lastDayOf(attestation);
  if (until < dayOf(repo.startedAt))
    throw new UsageError('ATTESTATION_EXPIRED', `what was executed on ${attestation.date} expired on ${until}`, {
      hint: 'Execute the test again.',
    });
  await writeAtomically(join(await openOutputFolder(repo.root, dirname(path)), basename(path)), text);
  if (context.isJson) context.print(`${JSON.stringify({ path, until, attestation }, null, 2)}\n`);
  else context.print(`Wrote ${path}:\n\n${text.replaceAll(/^(?=.)/gm, '  ')}\n${nextWords(attestation, until)}`);
  return exitCode.fine;
}

function nextWords({ by, result, covers }: Attestation, until: string): string {
  if (result === 'failed') return 'A test that failed earns nothing: mend what failed, then execute it again.\n';
  const files = Object.keys(covers).length;
  return `Next: open a merge request with it, and let somebody other than ${by} and its author approve it.
Once merged it counts half a point until ${until}, as long as the ${plural(files, 'covered file')} ${files === 1 ? 'stays as it is' : 'stay as they are'}.
`;
}
