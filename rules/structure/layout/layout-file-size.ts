import { defineCheck, judge } from '../../../src/kernel/check.ts';
import { capped, megabytes } from '../../kinds/lib/findings.ts';
import { storedInLfs } from '../lib/large-files.ts';
import { committed } from '../lib/texts.ts';

const units: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** `5MiB` -> bytes. */
function bytesOf(size: string): number {
  const [, amount = '', unit = ''] = /^(\d+)(KiB|MiB|GiB)$/.exec(size) ?? [];
  return Number(amount) * (units[unit] ?? 1);
}

export default defineCheck({
  title: 'No file is larger than the limit',
  why: 'Every job of every pipeline clones every file; large ones make all of them slow.',
  fix: 'Move it to Git LFS, DVC or a bucket, or raise structure.max-file-size in flightcheck.yml with a reason in the commit.',
  inputs: {},
  needs: ['files', 'git', 'manifest'],
  async run({ files, git, manifest }) {
    const size = manifest.value?.structure['max-file-size'] ?? '5MiB';
    const limit = bytesOf(size);
    const isCommitted = await committed(git);
    const isInLfs = await storedInLfs(files);
    const large = files.all.filter(
      (file) => file.bytes > limit && file.symlinkTarget === undefined && isCommitted(file.path) && !isInLfs(file.path),
    );
    return judge(
      capped(
        large.map(({ path, bytes }) => ({ message: `${path} has ${megabytes(bytes)}, the limit is ${size}`, place: { path } })),
        'files',
      ),
    );
  },
});
