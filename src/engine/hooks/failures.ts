/** What went wrong with a hook, in words: which one, its command, how it ended, the last it said, what to do. */
import type { HookCommand } from '../../facts/command.ts';
import { withoutSecrets } from '../../facts/secrets.ts';
import { EnvironmentError, exitCode, FlightcheckError, type Place, UsageError } from '../../kernel/failure.ts';
import type { CommandLimits, CommandResult, ServeFault } from '../../kernel/hook-machine.ts';
import { withLog } from '../../kernel/said.ts';
import type { HookName } from './commands.ts';

export interface FailedHook {
  readonly hook: HookName;
  readonly command: HookCommand;
  readonly place: Place | undefined;
}

const shownLines = 15;

const seconds = (value: number): string => (value < 10 ? `${value.toFixed(1)} s` : `${Math.round(value)} s`);

const size = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${Number((bytes / 2 ** 30).toFixed(1))} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;

function explain({ hook, command, place }: FailedHook, code: string, what: string, hint: string, tail: readonly string[] = []) {
  // A report is read by more people than may know what a program prints; the job's own secrets are masked before this.
  const said = withLog(withoutSecrets(tail.slice(-shownLines)));
  return new UsageError(code, `the ${hook} hook ${what}\n  command: ${command.source}${said}`, { hint, place });
}

/** The error of a command that did not end well; null when it did. */
export function failureOf(failed: FailedHook, result: CommandResult, limits: CommandLimits, isBudget: boolean): Error | null {
  const { tail } = result;
  const { hook } = failed;
  if (result.isAborted) return interrupted(hook);
  if (result.isTimedOut && isBudget) return budgetSpent(`while the ${hook} hook ran`);
  if (result.isTimedOut) {
    const hint = 'Train on fewer rows, make the hook faster, or raise budget.hook_minutes.';
    return explain(failed, 'HOOK_TIMEOUT', `was stopped at its limit of ${seconds(limits.seconds)}`, hint, tail);
  }
  if (result.isOutOfMemory) {
    const hint = 'Use fewer rows or a smaller model, or raise budget.memory.';
    return explain(failed, 'HOOK_MEMORY', `was stopped at its limit of ${size(limits.memoryBytes)} of memory`, hint, tail);
  }
  if (result.isOutputExceeded) {
    const hint = 'Log less: results belong into the file that the hook is given, not on standard output.';
    return explain(failed, 'HOOK_OUTPUT', `was stopped because it printed more than ${size(limits.outputBytes)}`, hint, tail);
  }
  if (result.exitCode === 0) return null;
  const ended = result.signal ? `was ended by ${result.signal}` : `failed with exit code ${result.exitCode}`;
  return explain(failed, 'HOOK_FAILED', `${ended} after ${seconds(result.seconds)}`, hintOf(result), tail);
}

/** Ctrl-C, SIGTERM. */
export function interrupted(hook: HookName): FlightcheckError {
  return new FlightcheckError('INTERRUPTED', `the ${hook} hook was stopped`, { hint: 'Run again.' }, exitCode.interrupted);
}

function hintOf({ exitCode: code, signal, tail }: CommandResult): string {
  const log = tail.join('\n');
  if (code === 127) return 'A program was not found: install it in the image of the job, or mend the command.';
  if (code === 126) return 'The program may not be executed: `git update-index --chmod=+x FILE`, or name its interpreter.';
  if (signal === 'SIGKILL') return 'Something else killed it, mostly the memory limit of the container: use less or get more.';
  if (/ModuleNotFoundError|No module named|there is no package called/.test(log))
    return 'A package is missing: install it in the image of the job, or with hooks.setup.';
  if (/No such file or directory|FileNotFoundError|cannot open file/.test(log))
    return 'Hooks run in a fresh copy of the repo without ignored files and without the tables under `data`: those arrive through {data} and {in}.';
  return 'Run the command yourself in a fresh clone; the log says where it stopped.';
}

/** The command ended well but left nothing usable behind. */
export function wroteNothing(failed: FailedHook, placeholder: string, tail: readonly string[]): Error {
  const hint = `Write to the path that arrives as {${placeholder}}, not to a path of your own.`;
  return explain(failed, 'HOOK_WROTE_NOTHING', `ended well but wrote nothing to {${placeholder}}`, hint, tail);
}

const serverHints: Readonly<Record<ServeFault, string>> = {
  HOOK_SERVE_START:
    'Listen on 127.0.0.1 at the port that arrives as {port}, and answer GET /health with 200 once the model is loaded.',
  HOOK_SERVE_ADDRESS: 'Bind 127.0.0.1, not 0.0.0.0, when the hook runs; let an argument decide it for production.',
  HOOK_SERVE_ANSWER:
    'Answer each POST /predict with 200 and, as text/csv or application/json, the id and score of every row sent.',
  HOOK_SERVE_DIED: 'Run the command yourself, and ask it for the row where it stopped.',
  HOOK_SERVE_STOP: 'Let SIGTERM end the server: finish the request at hand, then exit.',
};

/** A server that is not what the contract says. */
export const badServer = (failed: FailedHook, code: ServeFault, what: string, tail: readonly string[]): Error =>
  explain(failed, code, what, serverHints[code], tail);

export function outputUnreadable(failed: FailedHook, placeholder: string, cause: unknown): Error {
  const hint = 'Write plain files and folders that the user who runs the hook may read.';
  const why = cause instanceof Error ? cause.message : String(cause);
  return explain(failed, 'HOOK_OUTPUT_UNREADABLE', `wrote something to {${placeholder}} that cannot be read: ${why}`, hint);
}

export function programMissing({ hook, place }: FailedHook, program: string): Error {
  return new EnvironmentError('HOOK_PROGRAM_MISSING', `the ${hook} hook needs the program ${program}, which is not on the PATH`, {
    hint: `Use an image that has ${program}, or mend the command.`,
    place,
  });
}

/** Over budget: a check that meets this is skipped with this reason. */
export function budgetSpent(when: string): UsageError {
  return new UsageError('BUDGET_SPENT', `the budget of this run was spent ${when}`, {
    hint: 'Raise budget.minutes or budget.trains, or run fewer tests with --only.',
  });
}
