/** Runs commands of DAG tasks on this machine: one working copy of the repo, limits as declared. */
import { quantityBytes } from '../../delivery/dag/quantity.ts';
import type { Try } from '../../delivery/dag/run.ts';
import type { TaskSpec } from '../../delivery/dag/spec.ts';
import type { CommandLimits, CommandResult, HookMachine } from '../../kernel/hook-machine.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';

/** What a timer can hold, in seconds. */
const longestSeconds = 2_147_483;

export interface ExecutorOptions {
  readonly machine: HookMachine;
  readonly manifest: ResolvedManifest;
  /** Where `setup` installed to; null: nowhere. */
  readonly dependencies: string | null;
  /** Adds to the working copy, before the first task, what its tasks are to find there. */
  fill(repo: string): Promise<void>;
  /** Of a task that declares none; more memory than this no task gets. */
  readonly limits: CommandLimits;
  /** Secrets of a task by variable; what is not there is not set. */
  secretsOf(task: TaskSpec): readonly (readonly [name: string, value: string])[];
  onLine(task: TaskSpec, line: string): void;
}

/** All tasks share one working copy, so that they can hand each other files and the repo stays as it is. */
export async function taskExecutor(options: ExecutorOptions): Promise<(task: TaskSpec, signal: AbortSignal) => Promise<Try>> {
  const { machine, manifest, limits } = options;
  const { repo, home, temporary } = await machine.workspace();
  await options.fill(repo);
  const base = { ...machine.environment({ home, temporary, env: options.dependencies }), ...manifest.hooks.env };
  return async (task, signal) => {
    const secrets = options.secretsOf(task);
    const memory = task.limits.memory === undefined ? null : quantityBytes(task.limits.memory);
    const result = await machine.run({
      argv: [...task.command, ...task.args],
      cwd: repo,
      env: { ...base, ...task.env, ...Object.fromEntries(secrets) },
      limits: {
        ...limits,
        seconds: Math.min(task.timeoutSeconds ?? limits.seconds, longestSeconds),
        memoryBytes: Math.min(memory ?? limits.memoryBytes, limits.memoryBytes),
      },
      signal,
      secrets: [...machine.secrets, ...secrets.map(([, value]) => value)],
      onLine: (line) => options.onLine(task, line),
    });
    return { exitCode: result.exitCode, tail: result.tail, words: wordsOf(task, result, limits) };
  };
}

function memoryWords({ limits: { memory } }: TaskSpec, { memoryBytes }: CommandLimits): string {
  return memory !== undefined && (quantityBytes(memory) ?? Number.POSITIVE_INFINITY) <= memoryBytes
    ? `its limit of ${memory} of memory`
    : `${Math.round(memoryBytes / 2 ** 20)} MiB of memory, which is budget.memory`;
}

function wordsOf(task: TaskSpec, result: CommandResult, limits: CommandLimits): string {
  if (result.isTimedOut) return `stopped after its timeout of ${task.timeoutSeconds ?? limits.seconds} s`;
  if (result.isOutOfMemory) return `stopped at ${memoryWords(task, limits)}`;
  if (result.isOutputExceeded) return 'stopped after 1 GiB of output';
  if (result.exitCode === 127) return `exit code 127: is ${task.command[0]} on the PATH?`;
  return result.exitCode === null ? `ended by ${result.signal}` : `ended with exit code ${result.exitCode}`;
}
