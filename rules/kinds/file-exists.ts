import { fail, pass } from '../../src/kernel/check.ts';
import { defineKind } from '../../src/kernel/rule-kind.ts';
import { anyOf } from './lib/findings.ts';

export default defineKind({
  summary: 'At least one file of these names is there and is not empty.',
  inputs: {
    files: { type: 'array', description: 'Globs; one match of any of them is enough.' },
    nocase: { type: 'boolean', description: 'Ignore case.', default: true },
    where: { type: 'string', description: 'Where the file belongs, for the finding; default the first glob.', default: '' },
  },
  needs: ['files'],
  problems: ({ files }) => (files.length === 0 ? ['files is empty, name at least one glob'] : []),
  run({ files }, { files: globs, nocase, where }) {
    const found = files.glob(globs, { nocase });
    if (found.some((path) => (files.get(path)?.bytes ?? 0) > 0)) return pass();
    const [empty] = found;
    if (empty !== undefined) return fail([{ message: `${empty} is empty`, place: { path: empty } }]);
    return fail([{ message: `There is no ${anyOf(globs)}`, place: { path: where || (globs[0] ?? '') } }]);
  },
});
