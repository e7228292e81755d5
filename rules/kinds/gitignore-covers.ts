import { ignores } from '../../src/facts/gitignore.ts';
import { fail, judge, skipped } from '../../src/kernel/check.ts';
import { defineKind } from '../../src/kernel/rule-kind.ts';

export default defineKind({
  summary: '.gitignore names what must never be committed.',
  inputs: {
    paths: {
      type: 'array',
      description: 'Example paths that must be ignored; a folder ends in /; alternatives with | between them.',
    },
  },
  needs: ['files', 'git'],
  problems: ({ paths }) => (paths.length === 0 ? ['paths is empty, name at least one'] : []),
  async run({ files, git }, { paths }) {
    if (!git.isRepository) return skipped('not a Git repository');
    const text = await files.text('.gitignore');
    const place = { path: '.gitignore' };
    if (text === null) return fail([{ message: 'There is no .gitignore', place }]);
    const open = paths.filter((path) => !path.split('|').some((each) => ignores(text, each)));
    return judge(
      open.map((path) => {
        const [first = ''] = path.split('|');
        return {
          message: `.gitignore does not cover ${first}`,
          fix: `Add the line ${first.endsWith('/') ? first : (first.split('/').at(-1) ?? first)} to .gitignore.`,
          place,
        };
      }),
    );
  },
});
