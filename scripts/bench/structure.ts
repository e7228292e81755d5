/**
 * The structure check of a 50,000-file repo against `git ls-files` piped through a read of the files that it must read.
 * Promise: at most 3 times as long. Run: npx tsx scripts/bench/structure.ts [files]
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const bundle = join(root, 'dist/main.js');

export interface StructureBench {
  readonly files: number;
  readonly megabytes: number;
  /** Wall seconds of `flightcheck check`, the best of the runs. */
  readonly checkSeconds: number;
  /** Wall seconds of listing and reading alone, the best of as many runs. */
  readonly readSeconds: number;
  readonly ratio: number;
}

const python = (i: number): string =>
  `"""Feature ${i}."""\nimport numpy as np\n\n\n${Array.from({ length: 1 + (i % 25) }, (_, k) => `def feature_${i}_${k}(frame, seed: int):\n    rng = np.random.default_rng(seed)\n    return frame["column_${k}"].fillna(0) + rng.normal(size=len(frame))\n\n`).join('\n')}`;

/** One file of the mix that a large model repo has: mostly Python, some R, notebooks, SQL, documents, small tables, images. */
function fileOf(i: number): readonly [path: string, content: string | Uint8Array] {
  const folder = `src/area_${i % 40}/part_${(i >> 6) % 25}`;
  const kind = i % 100;
  if (kind < 55) return [`${folder}/feature_${i}.py`, python(i)];
  if (kind < 65) return [`tests/area_${i % 40}/test_${i}.py`, `def test_feature_${i}():\n    assert ${i} + 1 == ${i + 1}\n`];
  if (kind < 72)
    return [`R/area_${i % 40}_${i}.R`, `feature_${i} <- function(x) {\n  set.seed(${i})\n  x + rnorm(length(x))\n}\n`];
  if (kind < 80)
    return [
      `sql/query_${i}.sql`,
      `select id, sum(amount) as total_${i}\nfrom lodgements\nwhere year = ${2000 + (i % 25)}\ngroup by id;\n`,
    ];
  if (kind < 86) return [`docs/area_${i % 40}/note_${i}.md`, `# Note ${i}\n\n${'Why the feature is what it is. '.repeat(20)}\n`];
  if (kind < 92) return [`config/area_${i % 40}/c_${i}.yml`, `name: c${i}\nvalues: [1, 2, ${i}]\n`];
  if (kind < 95)
    return [`samples/s_${i}.csv`, `id,value\n${Array.from({ length: 40 }, (_, k) => `${k},${(i * k) % 97}`).join('\n')}\n`];
  if (kind < 96)
    return [
      `notebooks/n_${i}.ipynb`,
      JSON.stringify({ cells: [{ cell_type: 'code', outputs: [], source: [`x = ${i}\n`] }] }, null, 1),
    ];
  return [`docs/images/i_${i}.png`, new Uint8Array(4000).fill(i % 251)];
}

const git = (folder: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.com', '-c', 'gc.auto=0', ...args], {
    cwd: folder,
  });

/** A committed repo of `count` files; its size in bytes. */
export function generateRepo(folder: string, count: number): number {
  let bytes = 0;
  const made = new Set<string>();
  for (let i = 0; i < count; i += 1) {
    const [path, content] = fileOf(i);
    const target = join(folder, path);
    if (!made.has(dirname(target))) mkdirSync(dirname(target), { recursive: true });
    made.add(dirname(target));
    writeFileSync(target, content);
    bytes += content.length;
  }
  git(folder, 'init', '--quiet', '--initial-branch=main');
  git(folder, 'add', '--all');
  git(folder, 'commit', '--quiet', '--message', 'A large model repo');
  // As a clone has it: one pack, not a file for each object.
  git(folder, 'repack', '-a', '-d', '--quiet');
  return bytes;
}

function secondsOf(run: () => void): number {
  const started = performance.now();
  run();
  return (performance.now() - started) / 1000;
}

function check(folder: string): void {
  const command = existsSync(bundle) ? [bundle] : ['--import', 'tsx', join(root, 'src/cli/main.ts')];
  const done = spawnSync(process.execPath, [...command, 'check', folder], { cwd: root, encoding: 'utf8' });
  // The generated repo has no manifest: findings are expected, a crash is not.
  if (done.status !== 0 && done.status !== 1) throw new Error(`check ended with ${done.status}: ${done.stderr}`);
}

/** What no rule opens: images. */
const read = (folder: string): void => {
  execFileSync('sh', ['-c', "git ls-files -z -- ':!*.png' | xargs -0 cat > /dev/null"], { cwd: folder });
};

/** Generates, warms the disk cache, and takes the best of `runs` for each side, in turn. */
export function benchStructure(count = 50_000, runs = 3): StructureBench {
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-bench-'));
  try {
    const bytes = generateRepo(folder, count);
    read(folder);
    const checks: number[] = [];
    const reads: number[] = [];
    for (let i = 0; i < runs; i += 1) {
      reads.push(secondsOf(() => read(folder)));
      checks.push(secondsOf(() => check(folder)));
    }
    const checkSeconds = Math.min(...checks);
    const readSeconds = Math.min(...reads);
    return { files: count, megabytes: bytes / 1e6, checkSeconds, readSeconds, ratio: checkSeconds / readSeconds };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function bench(): Promise<void> {
  const result = benchStructure();
  console.log(
    `structure check of ${result.files} files (${result.megabytes.toFixed(0)} MB): ${result.checkSeconds.toFixed(2)} s, ` +
      `listing and reading alone ${result.readSeconds.toFixed(2)} s, ratio ${result.ratio.toFixed(2)} (promise: at most 3)`,
  );
}
