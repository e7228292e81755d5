import { type Finding, fail, judge, notApplicable } from '../../src/kernel/check.ts';
import { defineKind } from '../../src/kernel/rule-kind.ts';
import { anyOf, capped } from './lib/findings.ts';
import { compile, firstMatch, lineAt, patternProblems } from './lib/pattern.ts';

/** Places of a forbidden pattern, one for each line. */
function placesOf(pattern: string, path: string, text: string, message: string): Finding[] {
  const found: Finding[] = [];
  const matcher = compile(pattern).matcher(text);
  let last = 0;
  while (found.length < 20 && matcher.find()) {
    const line = lineAt(text, matcher.start());
    if (line !== last) found.push({ message, place: { path, line } });
    last = line;
  }
  return found;
}

export default defineKind({
  summary: 'A pattern is found in one file, in every file, or in none.',
  inputs: {
    files: { type: 'array', description: 'Globs of the files that are read.' },
    except: { type: 'array', description: 'Globs of files that are not read.', default: [] },
    pattern: { type: 'string', description: 'Regular expression, RE2 syntax; (?m) and (?i) work.' },
    expect: {
      type: 'string',
      description: 'Where it must be found.',
      options: ['in-one', 'in-every', 'in-none'],
      default: 'in-one',
    },
    message: { type: 'string', description: 'What a finding says, without the file name.' },
    nocase: { type: 'boolean', description: 'Ignore case in file names.', default: false },
    where: { type: 'string', description: 'in-one: where it belongs, for the finding; default the first file.', default: '' },
    'missing-file': {
      type: 'string',
      description: 'What it is when no file of these names is there.',
      options: ['fail', 'not-applicable'],
      default: 'not-applicable',
    },
  },
  needs: ['files'],
  problems: ({ pattern, files }) => [
    ...(files.length === 0 ? ['files is empty, name at least one glob'] : []),
    ...patternProblems('pattern', pattern),
  ],
  async run({ files }, options) {
    const { files: globs, except, pattern, expect, message, nocase, where } = options;
    const excluded = new Set(files.glob(except, { nocase }));
    const paths = files.glob(globs, { nocase }).filter((path) => !excluded.has(path));
    if (paths.length === 0) {
      if (options['missing-file'] === 'fail') return fail([{ message, place: { path: where || (globs[0] ?? '') } }]);
      return notApplicable(`the repo has no ${anyOf(globs)}`);
    }
    const findings: Finding[] = [];
    for (const path of paths) {
      const text = await files.text(path);
      if (text === null) continue;
      if (expect === 'in-none') {
        findings.push(...placesOf(pattern, path, text, message));
        continue;
      }
      const isFound = firstMatch(pattern, text) >= 0;
      if (isFound && expect === 'in-one') return judge([]);
      if (!isFound) findings.push({ message, place: { path: expect === 'in-one' && where !== '' ? where : path } });
    }
    return judge(capped(expect === 'in-one' ? findings.slice(0, 1) : findings, 'places'));
  },
});
