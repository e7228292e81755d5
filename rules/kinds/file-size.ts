import { judge } from '../../src/kernel/check.ts';
import { defineKind } from '../../src/kernel/rule-kind.ts';
import { capped, megabytes } from './lib/findings.ts';

export default defineKind({
  summary: 'No file is larger than a limit.',
  inputs: {
    files: { type: 'array', description: 'Globs of the files that are measured.', default: ['**'] },
    except: { type: 'array', description: 'Globs of files that may be larger.', default: [] },
    'max-megabytes': { type: 'number', description: 'Largest file, in megabytes of 1,000,000 bytes.' },
  },
  needs: ['files'],
  problems: (parameters) => (parameters['max-megabytes'] > 0 ? [] : ['max-megabytes is not above 0']),
  run({ files }, { files: globs, except, 'max-megabytes': limit }) {
    const allowed = new Set(files.glob(except));
    const large = files.glob(globs).filter((path) => (files.get(path)?.bytes ?? 0) > limit * 1e6 && !allowed.has(path));
    return judge(
      capped(
        large.map((path) => ({
          message: `${path} has ${megabytes(files.get(path)?.bytes ?? 0)}, at most ${limit} MB belong into git`,
          place: { path },
        })),
        'files',
      ),
    );
  },
});
