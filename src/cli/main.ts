#!/usr/bin/env node
/** The command `flightcheck`: reads the process's surroundings once, hands them to a command, sets the exit code. */
import { exitCode } from '../kernel/failure.ts';
import type { Context } from './command.ts';
import { version } from './version.ts';

const interruption = new AbortController();
let signals = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    signals += 1;
    interruption.abort();
    // The first signal ends the run in order; who insists gets out at once.
    if (signals > 1) process.exit(exitCode.interrupted);
  });
// `flightcheck ... | head` closes the pipe early; that is no error, and the gate still decides about the exit code.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(
    `error standard output cannot be written: ${error.code}\n  -> Check free space where it is redirected to.\n`,
  );
  process.exit(exitCode.environment);
});
process.stderr.on('error', () => {});

async function contextFor(): Promise<(flags: { json?: boolean; debug?: boolean; color?: boolean }) => Context> {
  const { createLog } = await import('./log.ts');
  return ({ json = false, debug = false, color = true }) => {
    const { env } = process;
    const isGitLab = env.GITLAB_CI === 'true';
    const noColor = !color || (env.NO_COLOR ?? '') !== '';
    const isColor = !noColor && (process.stdout.isTTY === true || (env.FORCE_COLOR ?? '') !== '');
    const isTty = process.stderr.isTTY === true && !isGitLab && env.CI === undefined && !noColor;
    return {
      cwd: process.cwd(),
      env,
      print: (text) => void process.stdout.write(text),
      log: createLog({ stream: process.stderr, isTty, isGitLab, isQuiet: json, isDebug: debug }),
      isJson: json,
      isDebug: debug,
      isColor,
      // A terminal that does not know its width says 0.
      width: process.stdout.columns || 100,
      signal: interruption.signal,
      version,
    };
  };
}

const argv = process.argv.slice(2);
if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  // Asked at the start of every job: answered without loading anything.
  process.stdout.write(`${version}\n`);
} else {
  const [{ runProgram }, { commands }, contextOf] = await Promise.all([
    import('./program.ts'),
    import('./commands.generated.ts'),
    contextFor(),
  ]);
  // Loaded only where there is one.
  if (Object.entries(process.env).some(([name, value]) => /^https?_proxy$/i.test(name) && value !== '')) {
    const { useProxies } = await import('../adapters/proxy.ts');
    for (const name of useProxies(process.env))
      process.stderr.write(`warning: ${name} is not an address like http://proxy.example:3128, so it is not used\n`);
  }
  process.exitCode = await runProgram(commands, argv, version, contextOf);
}
