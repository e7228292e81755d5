import { headingsOf } from '../../src/facts/headings.ts';
import { fail, judge, notApplicable } from '../../src/kernel/check.ts';
import { defineKind } from '../../src/kernel/rule-kind.ts';
import { anyOf } from './lib/findings.ts';

const words = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

export default defineKind({
  summary: 'A document has sections of these names.',
  inputs: {
    files: { type: 'array', description: 'Globs; the first match is judged.' },
    headings: {
      type: 'array',
      description: 'Required headings; alternatives with | between them. A longer heading that holds the words counts.',
    },
    'missing-file': {
      type: 'string',
      description: 'What a missing file is.',
      options: ['fail', 'not-applicable'],
      default: 'fail',
    },
  },
  needs: ['files'],
  problems: ({ files, headings }) => (files.length && headings.length ? [] : ['files and headings must not be empty']),
  async run({ files }, { files: globs, headings, 'missing-file': missing }) {
    const [path] = files.glob(globs, { nocase: true });
    if (path === undefined) {
      if (missing === 'not-applicable') return notApplicable(`the repo has no ${anyOf(globs)}`);
      return fail([{ message: `There is no ${anyOf(globs)}`, place: { path: globs[0] ?? '' } }]);
    }
    const present = headingsOf((await files.text(path)) ?? '').map((heading) => ` ${words(heading.text)} `);
    const absent = headings.filter(
      (wanted) => !wanted.split('|').some((each) => present.some((text) => text.includes(` ${words(each)} `))),
    );
    return judge(
      absent.map((wanted) => ({
        message: `${path} has no section ${anyOf(wanted.split('|'))}`,
        fix: `Add the heading "## ${wanted.split('|')[0]}" and what belongs under it.`,
        place: { path, line: 1 },
      })),
    );
  },
});
