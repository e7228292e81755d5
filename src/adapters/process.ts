/**
 * Runs one command of a model repo under limits and ends everything that it started. The command's parent is a small
 * shell with the same clean environment, itself orphaned, so that walking up from the command meets no environment of
 * ours. A process of the same user can still read ours by its id: jobs that run repo code must hold no token at all.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { EnvironmentError } from '../kernel/failure.ts';
import type { CommandRequest, CommandResult, HeldCommand } from '../kernel/hook-machine.ts';
import { collectOutput } from './process-output.ts';
import { type ProcessTree, processTree, proportionalBytes, send } from './process-tree.ts';

/**
 * fd 3 tells us the ids and the exit code; fd 4 is the lifeline: a line on it lets the command begin, and when it ends,
 * because we say so or are gone, the group is killed. `exec` keeps the shell's own commands from being run as hooks. The
 * processes that a shell puts into the background ignore SIGINT, so hooks are stopped with SIGTERM.
 */
const supervisor = `
ulimit -c 0
read -r _ <&4 || exit 0
{ read -r _; kill -KILL 0; } <&4 3>&- &
echo "lifeline $!" >&3
{ exec 4<&- 5>&2 2>/dev/null; trap : TERM; ( exec 2>&5 3>&- 5>&-; exec "$@" ) </dev/null; echo "exit $?" >&3; } &
`;

/** After SIGTERM, before SIGKILL. */
const graceSeconds = 2;
const [shortestPollMs, longestPollMs] = [10, 200];
/** Of what a command has lasted so far, within the bounds: what happens after the last look is never seen. */
const pollShare = 0.1;

type StopReason = 'timeout' | 'memory' | 'output' | 'abort' | 'end';

const signalName = (code: number): string | null =>
  Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0] ?? null;

/** Runs a command to its end or its limit. Rejects only when nothing could be started (EnvironmentError). */
export async function runCommand(request: CommandRequest): Promise<CommandResult> {
  if (request.signal?.aborted) return notRun;
  return (await holdCommand(request)).begin(request.limits);
}

/** See `HookMachine.hold`. */
export async function holdCommand(request: Omit<CommandRequest, 'limits'>): Promise<HeldCommand> {
  const supervised = await start(request);
  const line = supervised.child.stdio[4] as Writable;
  // Who is gone cannot be told; its end is read elsewhere.
  line.on('error', () => {});
  let isBegun = false;
  const release = (): void => {
    if (isBegun) return;
    for (const stream of supervised.child.stdio) stream?.destroy();
  };
  return {
    release,
    async begin(limits, onDone) {
      if (request.signal?.aborted) {
        release();
        return notRun;
      }
      isBegun = true;
      line.write('begin\n');
      return runToEnd({ ...request, limits }, supervised, onDone);
    },
  };
}

type Supervised = Awaited<ReturnType<typeof start>>;

async function runToEnd(
  request: CommandRequest,
  { child, session, tree, status }: Supervised,
  onDone?: () => void,
): Promise<CommandResult> {
  const started = performance.now();
  const stopping = stopper(tree, session);
  const output = collectOutput({
    limitBytes: request.limits.outputBytes,
    secrets: request.secrets ?? [],
    onExceeded: () => stopping.stop('output'),
    ...(request.onLine && { onLine: request.onLine }),
  });
  for (const name of ['stdout', 'stderr'] as const) child[name]?.on('data', (chunk: Buffer) => output.write(name, chunk));
  const onAbort = (): void => stopping.stop('abort');
  request.signal?.addEventListener('abort', onAbort, { once: true });
  const { end } = request;
  const onEnd = (): void => stopping.stop('end', end?.graceSeconds);
  end?.signal.addEventListener('abort', onEnd, { once: true });
  const timer = setTimeout(() => stopping.stop('timeout'), request.limits.seconds * 1000);
  const watching = watchMemory(tree, request.limits.memoryBytes, () => stopping.stop('memory'));

  const isEnded = await Promise.race([status.ended.then(() => true), stopping.done.then(() => false)]);
  clearTimeout(timer);
  request.signal?.removeEventListener('abort', onAbort);
  end?.signal.removeEventListener('abort', onEnd);
  const seconds = (performance.now() - started) / 1000;
  const maxRssBytes = watching.end();
  const { reason, seconds: endSeconds } = stopping.end();

  await sweep(tree, status.lifeline(), child.stdio[4] as Writable, session, () => onDone?.());
  await drain([child.stdout, child.stderr]);
  for (const stream of child.stdio) stream?.destroy();
  const code = reason ? null : status.code();
  const endedBy = code !== null && code > 128 ? signalName(code) : null;
  return {
    exitCode: endedBy ? null : code,
    signal: endedBy ?? (code === null ? 'SIGKILL' : null),
    seconds,
    maxRssBytes,
    isTimedOut: reason === 'timeout',
    isOutOfMemory: reason === 'memory',
    isOutputExceeded: reason === 'output',
    isAborted: reason === 'abort',
    endSeconds: isEnded && reason === 'end' ? endSeconds : null,
    tail: output.end(),
  };
}

/** Starts the supervisor with the command. */
async function start(request: Omit<CommandRequest, 'limits'>) {
  const id = randomUUID();
  const child = spawn('/bin/sh', ['-c', supervisor, 'flightcheck-hook', ...request.argv], {
    cwd: request.cwd,
    env: { ...request.env, FLIGHTCHECK_HOOK_ID: id },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  const failure = new Promise<never>((_resolve, reject) => child.once('error', reject));
  if (child.pid === undefined) return failure.catch(cannotStart);
  failure.catch(() => {});
  const session = child.pid;
  const tree = processTree({ tag: `FLIGHTCHECK_HOOK_ID=${id}`, session, folder: request.folder });
  return { child, session, tree, status: readStatus(child.stdio[3] as Readable) };
}

/** Stops a command once: with SIGTERM and some time to end where it did nothing wrong but last, at once where it does harm. */
function stopper(tree: ProcessTree, session: number) {
  let reason: StopReason | null = null;
  let since = 0;
  let grace: NodeJS.Timeout | undefined;
  let resolveDone = (): void => {};
  const done = new Promise<void>((resolve) => {
    resolveDone = resolve;
  });
  return {
    /** Resolves when waiting for the command's own end is over. */
    done,
    stop(why: StopReason, seconds = graceSeconds): void {
      if (reason) return;
      reason = why;
      since = performance.now();
      const signal = why === 'memory' || why === 'output' ? 'SIGKILL' : 'SIGTERM';
      tree.signal(signal);
      send(-session, signal);
      grace = setTimeout(resolveDone, signal === 'SIGTERM' ? seconds * 1000 : 0);
    },
    /** Why it was stopped, and how long ago. */
    end(): { readonly reason: StopReason | null; readonly seconds: number } {
      clearTimeout(grace);
      return { reason, seconds: (performance.now() - since) / 1000 };
    },
  };
}

/** Looks at the tree's memory and at what the kernel says of each process's peak, often at first, and calls `onExceeded` above the limit. `end` returns the largest seen. */
function watchMemory(tree: ProcessTree, limitBytes: number, onExceeded: () => void) {
  let largest: number | null = null;
  const started = performance.now();
  const look = (): void => {
    const usage = tree.usage();
    if (usage) {
      largest = Math.max(largest ?? 0, usage.residentBytes, usage.peakBytes);
      const isOver = usage.residentBytes > limitBytes && proportionalBytes(tree.find()) > limitBytes;
      if (isOver || usage.peakBytes > limitBytes) onExceeded();
    }
    timer = setTimeout(look, Math.min(Math.max(pollShare * (performance.now() - started), shortestPollMs), longestPollMs));
  };
  let timer = setTimeout(look, shortestPollMs);
  return {
    end(): number | null {
      clearTimeout(timer);
      return largest;
    },
  };
}

const notRun: CommandResult = {
  exitCode: null,
  signal: null,
  seconds: 0,
  maxRssBytes: null,
  isTimedOut: false,
  isOutOfMemory: false,
  isOutputExceeded: false,
  isAborted: true,
  endSeconds: null,
  tail: [],
};

function cannotStart(error: unknown): never {
  throw new EnvironmentError(
    'COMMAND_NOT_STARTED',
    `no command can be started: ${error instanceof Error ? error.message : String(error)}`,
    { hint: 'A POSIX shell at /bin/sh and a writable temporary folder are needed.', cause: error },
  );
}

/** What the supervisor says; the exit code is null when the supervisor itself was killed. */
function readStatus(stream: Readable) {
  let text = '';
  stream.setEncoding('latin1');
  stream.on('data', (chunk: string) => {
    if (text.length < 1000) text += chunk;
  });
  stream.on('error', () => {});
  const number = (word: string): number | null => {
    const found = new RegExp(`^${word} (\\d+)$`, 'm').exec(text)?.[1];
    return found === undefined ? null : Number(found);
  };
  const ended = new Promise<void>((resolve) => stream.once('close', resolve));
  return { ended, code: () => number('exit'), lifeline: () => number('lifeline') };
}

/** Ends whoever works in a folder, also who has left the session, the environment and the pipes of its command. */
export const endAllIn = (folder: string): Promise<void> => killAll(processTree({ folder }), () => {});

/** Kills until we look three times and find nothing: a fork or an exec may be on its way. */
async function killAll(tree: ProcessTree, onNothing: () => void): Promise<void> {
  for (let round = 0, empty = 0; round < 1000; round += 1) {
    empty = tree.signal('SIGKILL') > 0 ? 0 : empty + 1;
    if (empty > 0) onNothing();
    // Who was seen was killed and forks no more; who was missed was just being forked or run, so we look twice again.
    if (empty === 3) break;
    await sleep(empty === 1 ? 1 : 5);
  }
}

/** Kills what is left, the lifeline too. */
async function sweep(
  tree: ProcessTree,
  lifeline: number | null,
  line: Writable,
  session: number,
  onNothing: () => void,
): Promise<void> {
  // Nearly always it left nothing, which needs no second look to be told.
  let isTold = false;
  const tell = (): void => {
    if (!isTold) onNothing();
    isTold = true;
  };
  if (tree.find().every((id) => id === lifeline)) tell();
  if (lifeline !== null) tree.follow(lifeline);
  line.destroy();
  await killAll(tree, tell);
  // Where there is no /proc the group is all that can be reached.
  send(-session, 'SIGKILL');
}

/** Reads what is still in the pipes; a process that cannot be killed must not hold us. */
async function drain(streams: readonly (Readable | null)[]): Promise<void> {
  const closed = streams.map((stream) => (!stream || stream.closed ? null : once(stream, 'close')));
  await Promise.race([Promise.allSettled(closed), sleep(1000, undefined, { ref: false })]);
}
