import { judge } from '../../src/kernel/check.ts';
import { defineKind } from '../../src/kernel/rule-kind.ts';
import { capped } from './lib/findings.ts';

export default defineKind({
  summary: 'No file of these names is there.',
  inputs: {
    files: { type: 'array', description: 'Globs of what must not be there.' },
    except: { type: 'array', description: 'Globs of what may stay.', default: [] },
    nocase: { type: 'boolean', description: 'Ignore case.', default: false },
  },
  needs: ['files'],
  problems: ({ files }) => (files.length === 0 ? ['files is empty, name at least one glob'] : []),
  run({ files }, { files: globs, except, nocase }) {
    const allowed = new Set(files.glob(except, { nocase }));
    const found = files.glob(globs, { nocase }).filter((path) => !allowed.has(path));
    return judge(
      capped(
        found.map((path) => ({ message: `${path} does not belong into the repo`, place: { path } })),
        'files',
      ),
    );
  },
});
