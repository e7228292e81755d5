import { defineCheck, type Finding, judge, skipped } from '../../../src/kernel/check.ts';
import type { FileCoverage } from '../../../src/kernel/unit-tests.ts';
import type { Files } from '../../../src/kernel/world.ts';
import { asks, lines, sources } from '../lib/asks.ts';
import { isVerdict, lacks, manifestOr, rounded, rubric } from '../lib/manifest.ts';
import { brokenFindings, markedTests, noEvidence, passedWords } from '../lib/marked-tests.ts';

/** Least share of the lines of feature code that the tests run; no published source gives one. */
const threshold = 0.8;

interface Measured {
  readonly path: string;
  readonly lines: number;
  readonly missed: readonly number[];
  /** False when no test even loads the file. */
  readonly isLoaded: boolean;
}

/** Lines that hold more than blanks and a comment: what a file that nothing loads would have had to run. */
const codeLines = (text: string): number => text.split('\n').filter((line) => /^\s*[^\s#]/.test(line)).length;

async function measure(path: string, coverage: readonly FileCoverage[], files: Files): Promise<Measured> {
  const found = coverage.find((file) => file.path === path);
  if (!found) return { path, lines: codeLines((await files.text(path)) ?? ''), missed: [], isLoaded: false };
  return {
    path,
    lines: found.lines.length,
    missed: found.lines.flatMap(({ line, hits }) => (hits > 0 ? [] : [line])),
    isLoaded: true,
  };
}

const missedOf = ({ lines, missed, isLoaded }: Measured): number => (isLoaded ? missed.length : lines);

/** `3, 7-9`. */
function ranges(lines: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const line of lines) {
    const last = parts.at(-1);
    if (last && line === last[1] + 1) last[1] = line;
    else parts.push([line, line]);
  }
  const words = parts.slice(0, 20).map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
  return `${words.join(', ')}${parts.length > 20 ? '...' : ''}`;
}

function findingOf(file: Measured): Finding {
  const [first] = file.missed;
  return file.isLoaded
    ? {
        message: `${file.path}: ${file.missed.length} of ${file.lines} lines are run by no test (${ranges(file.missed)})`,
        place: { path: file.path, ...(first !== undefined && { line: first }) },
      }
    : { message: `${file.path} is loaded by no test`, place: { path: file.path } };
}

export default defineCheck({
  title: 'All input feature code is tested',
  why: 'A bug in feature code reaches training and serving alike, so no comparison of the two ever shows it.',
  fix: 'Test the feature code on ordinary rows, edge rows and refused rows, and mark these tests data-7.',
  about: {
    does: 'Takes the unit tests that are marked data-7: they pass, and the lines of the feature code are run by tests.',
    asks: asks('featurePaths', 'tests'),
    thresholds: [{ what: 'lines of feature code run by tests, share', value: threshold, source: sources.ours }],
    languages: {
      python: 'Mark with @pytest.mark.ml_test("data-7"); coverage comes from pytest-cov.',
      r: 'Begin the name of test_that with [data-7]; coverage comes from covr.',
    },
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'files', 'unitTests'],
  async run({ files, unitTests, ...world }) {
    const manifest = manifestOr(world);
    if (isVerdict(manifest)) return manifest;
    const globs = manifest.policy.feature_paths;
    if (globs.length === 0) return lacks('which files compute features', lines.featurePaths);
    const paths = files.glob(globs);
    if (paths.length === 0)
      return skipped(`policy.feature_paths (${globs.join(', ')}) names no file of the repo`, {
        nextStep: 'Name the files that compute features.',
        manifestLine: lines.featurePaths,
      });
    const tests = await markedTests(unitTests, 'data-7', 'the feature code');
    if (isVerdict(tests)) return tests;
    const { coverage, notes } = tests.run;
    const measured = coverage === null ? [] : await Promise.all(paths.map((path) => measure(path, coverage, files)));
    const total = measured.reduce((sum, file) => sum + file.lines, 0);
    const share = total === 0 ? null : 1 - measured.reduce((sum, file) => sum + missedOf(file), 0) / total;
    const evidence = {
      explanation: `${passedWords('data-7', tests)}${share === null ? '' : `, and the tests run ${(100 * share).toFixed(1)} % of the lines of the feature code`}.`,
      ...(share !== null && { value: rounded(share) }),
      threshold,
      unit: '1',
      n: total,
      items: measured
        .map((file) => ({
          path: file.path,
          lines: file.lines,
          covered: file.lines - missedOf(file),
          not_run: ranges(file.missed),
        }))
        .slice(0, 300),
      nextStep: 'Add edge rows as they are met in production.',
    };
    const broken = brokenFindings(tests);
    if (broken.length > 0) return judge(broken, evidence);
    const none = noEvidence('data-7', tests);
    if (none) return skipped(none.reason, { nextStep: none.nextStep, evidence });
    if (share === null)
      return skipped(`coverage of the feature code was not measured${notes[0] ? `: ${notes[0]}` : ''}`, {
        nextStep: 'Install pytest-cov (Python) or covr (R) where the tests run.',
        evidence,
      });
    const uncovered = measured.filter((file) => missedOf(file) > 0).sort((a, b) => missedOf(b) - missedOf(a));
    return judge(share >= threshold ? [] : uncovered.slice(0, 50).map(findingOf), evidence);
  },
});
