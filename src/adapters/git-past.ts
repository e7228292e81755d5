/** What the history holds and HEAD's tree no longer does, read once through one `git cat-file --batch`. */
import type { Git, HistoryBlob } from '../kernel/world.ts';
import type { GitCommand } from './git-command.ts';

type Options = Parameters<Git['pastTexts']>[0];
type Visit = Parameters<Git['pastTexts']>[1];

/** A bound on what is kept in memory while the history is walked. */
const mostObjects = 2_000_000;

/** Objects by hash with the path that each was last seen under; commits have none. */
async function pastPaths(git: GitCommand, wanted: Options['wanted']): Promise<ReadonlyMap<string, string>> {
  const listed = await git.run(['rev-list', '--objects', 'HEAD', '--not', 'HEAD^{tree}', '--']);
  const paths = new Map<string, string>();
  for (const line of listed.toString('utf8').split('\n')) {
    const cut = line.indexOf(' ');
    const path = cut < 0 ? '' : line.slice(cut + 1);
    if (path === '' || !wanted(path)) continue;
    paths.set(line.slice(0, cut), path);
    if (paths.size >= mostObjects) break;
  }
  return paths;
}

/** The texts among them, in their order; trees have paths too and fall out here. */
async function blobsOf(git: GitCommand, paths: ReadonlyMap<string, string>): Promise<readonly HistoryBlob[]> {
  if (paths.size === 0) return [];
  const chunks: Buffer[] = [];
  const format = '--batch-check=%(objecttype) %(objectsize) %(objectname)';
  for await (const chunk of git.feed(['cat-file', '--buffer', format], [...paths.keys()])) chunks.push(chunk);
  return Buffer.concat(chunks)
    .toString('latin1')
    .split('\n')
    .flatMap((line) => {
      const [type, size, sha = ''] = line.split(' ');
      const path = paths.get(sha);
      return type === 'blob' && path !== undefined && Number(size) > 0 ? [{ sha, path, bytes: Number(size) }] : [];
    });
}

/** Objects of `cat-file --batch`: a line `<sha> blob <size>`, the bytes, a line feed. */
async function* contents(pieces: AsyncIterable<Buffer>): AsyncGenerator<{ readonly sha: string; readonly bytes: Buffer }> {
  let kept: Buffer[] = [];
  let length = 0;
  let head: { readonly sha: string; readonly from: number; readonly to: number } | undefined;
  for await (const piece of pieces) {
    kept.push(piece);
    length += piece.length;
    while (true) {
      if (!head) {
        const all = kept.length === 1 && kept[0] ? kept[0] : Buffer.concat(kept);
        kept = [all];
        const end = all.indexOf(0x0a);
        if (end < 0) break;
        const [sha = '', , size] = all.toString('latin1', 0, end).split(' ');
        if (!/^\d+$/.test(size ?? '')) {
          // `<sha> missing`: a damaged repository; git has said so by its exit code elsewhere.
          kept = [all.subarray(end + 1)];
          length -= end + 1;
          continue;
        }
        head = { sha, from: end + 1, to: end + 1 + Number(size) };
      }
      if (length < head.to + 1) break;
      const all = kept.length === 1 && kept[0] ? kept[0] : Buffer.concat(kept);
      yield { sha: head.sha, bytes: all.subarray(head.from, head.to) };
      kept = [all.subarray(head.to + 1)];
      length -= head.to + 1;
      head = undefined;
    }
  }
}

/** See `Git.pastTexts`. */
export async function readPastTexts(
  git: GitCommand,
  options: Options,
  visit: Visit,
): Promise<{ readonly read: number; readonly left: number }> {
  const all = await blobsOf(git, await pastPaths(git, options.wanted));
  const chosen = new Map<string, HistoryBlob>();
  let total = 0;
  for (const blob of all) {
    if (blob.bytes > options.limitBytes || total + blob.bytes > options.totalBytes) continue;
    total += blob.bytes;
    chosen.set(blob.sha, blob);
  }
  if (chosen.size > 0)
    for await (const { sha, bytes } of contents(git.feed(['cat-file', '--batch', '--buffer'], [...chosen.keys()]))) {
      const blob = chosen.get(sha);
      // As for files: a NUL among the first bytes is no text.
      if (blob && !bytes.subarray(0, 8000).includes(0)) visit(bytes.toString('utf8'), blob);
    }
  return { read: chosen.size, left: all.length - chosen.size };
}
