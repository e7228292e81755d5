/** Model repos made for a test: a map of files in a folder of their own, committed to git unless told otherwise. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

export type FileMap = Readonly<Record<string, string | Uint8Array>>;

/** A folder that is removed when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function writeFiles(folder: string, files: FileMap): void {
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
  }
}

/** git as the author of a test repo: no configuration of the machine. */
export function git(folder: string, ...args: string[]): string {
  return execFileSync(
    'git',
    ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', '-c', 'protocol.file.allow=always', ...args],
    {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
    },
  );
}

export function commitAll(folder: string, message = 'Change'): void {
  git(folder, 'add', '--all', '--force');
  git(folder, 'commit', '--quiet', '--allow-empty', '--message', message);
}

/** A committed repo on branch `main`; `git: false` leaves a plain folder. */
export function makeRepo(files: FileMap, options: { readonly git?: boolean } = {}): string {
  const folder = temporaryFolder();
  writeFiles(folder, files);
  if (options.git !== false) {
    git(folder, 'init', '--quiet', '--initial-branch=main');
    commitAll(folder);
  }
  return folder;
}
