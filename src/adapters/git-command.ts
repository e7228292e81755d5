/** Runs git so that nothing a repository configures is executed: the one place where git is started. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { EnvironmentError, FlightcheckError, UsageError } from '../kernel/failure.ts';

/** Outranks the repo's own configuration. What git has no switch for is blocked through the environment below. */
const config = [
  'core.fsmonitor=',
  'core.hooksPath=/dev/null',
  'core.pager=cat',
  'core.quotePath=false',
  'credential.helper=',
  'diff.external=',
  'i18n.logOutputEncoding=UTF-8',
  'log.showSignature=false',
  'protocol.ext.allow=never',
  // Containers own a checkout as another user; git's guard protects from configured commands, which cannot run here.
  'safe.directory=*',
];

const guarded = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
  // A partial clone would fetch what it lacks through the repo's own ssh command or remote helper.
  GIT_NO_LAZY_FETCH: '1',
  GIT_ALLOW_PROTOCOL: 'none',
  GIT_ATTR_NOSYSTEM: '1',
};

/** Git waits for nobody: silence for this long ends it. */
const silenceSeconds = 120;
/** Characters of what git complains of that are kept. */
const mostComplaint = 2 ** 16;

const environment = (): Record<string, string> => ({
  ...Object.fromEntries(
    ['PATH', 'SystemRoot', 'TMPDIR'].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  ),
  HOME: '/nonexistent',
  LC_ALL: 'C',
  ...guarded,
});

export interface GitCommand {
  /** What git prints, as bytes: file names need not be UTF-8. */
  run(args: readonly string[]): Promise<Buffer>;
  /** The same, trimmed; null when git says no with an exit code. */
  ask(args: readonly string[]): Promise<string | null>;
  /** What git prints when it is handed these lines, in pieces as they come. */
  feed(args: readonly string[], lines: readonly string[]): AsyncIterable<Buffer>;
}

/** Of git's complaint the line that ended it; warnings may stand before. */
function reasonOf(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).trim().split('\n');
  return (lines.find((line) => line.startsWith('fatal: ')) ?? lines[0] ?? '').replace(/^fatal: /, '');
}

function explain(error: unknown, args: readonly string[]): FlightcheckError {
  if (error instanceof FlightcheckError) return error;
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
    return new EnvironmentError('GIT_MISSING', 'git was not found on the PATH', {
      hint: 'Install git (Debian: apt-get install git) and run again.',
    });
  return new UsageError('GIT_FAILED', `git ${args[0]} failed: ${reasonOf(error)}`, {
    hint: 'Run `git fsck` in the repository; a broken configuration or index is the usual cause.',
    cause: error,
  });
}

/** Git in a folder that exists. Failures are `GIT_MISSING` (EnvironmentError) or `GIT_FAILED` (UsageError). */
export function gitCommand(folder: string, signal?: AbortSignal): GitCommand {
  async function* feed(args: readonly string[], lines: readonly string[]): AsyncGenerator<Buffer> {
    // Not by simple-git, which has no standard input and waits 50 ms for the words of a command that says nothing.
    const all = [...config.flatMap((setting) => ['-c', setting]), ...args];
    const git = spawn('git', all, { cwd: folder, env: environment(), stdio: 'pipe', ...(signal && { signal }) });
    const ended = once(git, 'close');
    // Nobody listens before the output is read to its end; the failure is thrown there.
    ended.catch(() => undefined);
    let complaint = '';
    git.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (complaint.length < mostComplaint) complaint += text;
    });
    let isSilent = false;
    const silence = setTimeout(() => {
      isSilent = true;
      git.kill('SIGKILL');
    }, silenceSeconds * 1000);
    git.stdin.on('error', () => undefined);
    git.stdin.end(lines.map((line) => `${line}\n`).join(''));
    try {
      for await (const chunk of git.stdout) {
        silence.refresh();
        yield chunk as Buffer;
      }
      const [code] = (await ended) as [number | null];
      if (isSilent) throw new Error(`it said nothing for ${silenceSeconds} s`);
      if (code !== 0) throw new Error(complaint.trim() || `exit code ${code}`);
    } catch (error) {
      signal?.throwIfAborted();
      throw explain(error, args);
    } finally {
      clearTimeout(silence);
      git.kill();
    }
  }
  const run = async (args: readonly string[]): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    for await (const chunk of feed(args, [])) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  return {
    run,
    feed,
    ask: async (args) => {
      try {
        return (await run(args)).toString('utf8').trim() || null;
      } catch (error) {
        if (error instanceof UsageError) return null;
        throw error;
      }
    },
  };
}
