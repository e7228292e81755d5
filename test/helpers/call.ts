/** A whole command as a user calls it, in this process: what it prints, what it says, its exit code, the report that it leaves. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';
import { commands } from '../../src/cli/commands.generated.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { Report } from '../../src/kernel/report.ts';

interface CallOptions {
  readonly cwd?: string;
  readonly width?: number;
  /** Aborted: as after Ctrl-C. */
  readonly signal?: AbortSignal;
}

export async function call(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { cwd = '/', width = 100, signal = new AbortController().signal }: CallOptions = {},
) {
  const printed: string[] = [];
  const errors: string[] = [];
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => errors.push(String(text)) > 0);
  const say = (text: string): void => void errors.push(text);
  const code = await runProgram(commands, argv, '0.1.0', ({ json = false, debug = false }) => ({
    cwd,
    env,
    print: (text) => void printed.push(text),
    log: { info: say, warn: say, debug() {}, step: (_title, work) => work(() => {}) },
    isJson: json,
    isDebug: debug,
    isColor: false,
    width,
    signal,
    version: '0.1.0',
  }));
  stderr.mockRestore();
  return { code, text: printed.join(''), errors: errors.join('\n') };
}

export const reportOf = (root: string, runner: string): Report =>
  JSON.parse(readFileSync(join(root, `.flightcheck/${runner}.report.json`), 'utf8'));
