import { readCiConfiguration } from '../../src/facts/ci/configuration.ts';
import { type Finding, fail, judge, notApplicable, pass, skipped, type Verdict } from '../../src/kernel/check.ts';
import { FlightcheckError } from '../../src/kernel/failure.ts';
import { defineKind } from '../../src/kernel/rule-kind.ts';
import { compile, patternProblems } from './lib/pattern.ts';

const path = '.gitlab-ci.yml';

/** A version that cannot change under the consumer's feet: a full or partial release number, or a commit. */
const isFixed = (version: string | null): boolean =>
  version !== null &&
  (/^\d+(\.\d+){0,2}$/.test(version) || /^[0-9a-f]{40}$/.test(version) || /^v?\d+\.\d+\.\d+([-+][\w.-]+)?$/.test(version));

const matches = (pattern: string, text: string): boolean => compile(pattern).matcher(text).find();

export default defineKind({
  summary: 'The pipeline includes something, at a pinned version, or has a job that runs something.',
  inputs: {
    judge: { type: 'string', description: 'What is judged.', options: ['includes', 'includes-pinned', 'has-job'] },
    pattern: { type: 'string', description: 'RE2: address of the include; for has-job, the job with its name and keys as JSON.' },
    name: { type: 'string', description: 'What the pattern means, in words, for the finding.', default: '' },
    fix: { type: 'string', description: 'What to add, for the finding.', default: '' },
  },
  needs: ['files'],
  problems: ({ pattern }) => patternProblems('pattern', pattern),
  async run({ files }, { judge: subject, pattern, name, fix }): Promise<Verdict> {
    const text = await files.text(path);
    const add = fix === '' ? {} : { fix };
    const what = name || pattern;
    if (text === null && subject === 'includes-pinned') return notApplicable(`there is no ${path}`);
    if (text === null) return fail([{ message: `There is no ${path}`, place: { path }, ...add }]);
    let ci: ReturnType<typeof readCiConfiguration>;
    try {
      ci = readCiConfiguration(text, path);
    } catch (error) {
      if (!(error instanceof FlightcheckError)) throw error;
      return fail([{ message: `${path} cannot be read: ${error.message}`, place: error.place ?? { path } }]);
    }
    if (subject === 'has-job') {
      const isThere = [...ci.jobs].some(([name, job]) => matches(pattern, JSON.stringify({ [name]: job })));
      if (isThere) return pass();
      if (ci.includes.length > 0) return skipped('the pipeline includes files that are not in this repo, which may hold the job');
      return fail([{ message: `No job of ${path} is ${what}`, place: { path, line: 1 }, ...add }]);
    }
    const found = ci.includes.filter((include) => include.kind !== 'local' && matches(pattern, include.target));
    if (found.length === 0 && subject === 'includes-pinned') return notApplicable(`${path} does not include ${what}`);
    if (found.length === 0) return fail([{ message: `${path} does not include ${what}`, place: { path, line: 1 }, ...add }]);
    if (subject === 'includes') return pass();
    return judge(
      found
        .filter((include) => !isFixed(include.version))
        .map(
          (include): Finding => ({
            message: `${include.target} is included at ${include.version ?? 'no version'}, which changes without a commit in this repo`,
            fix: 'Name a release (@1, @1.2.3) or a full commit SHA after the @.',
            place: include.place ?? { path },
          }),
        ),
    );
  },
});
