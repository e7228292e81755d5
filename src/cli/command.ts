/** What a command is. Each file of `commands/` exports one; its `run` loads what it needs when it is called. */
import type { Input } from '../kernel/input.ts';
import type { OptionName } from '../kernel/options/index.ts';

/** Progress on a TTY, GitLab's collapsible sections in CI, silent with `--json`; always on stderr. */
export interface Log {
  /** One line of news. */
  info(text: string): void;
  warn(text: string): void;
  /** Runs a step with a spinner (TTY), a collapsible section (GitLab CI) or one line. */
  step<T>(title: string, work: (update: (text: string) => void) => Promise<T>): Promise<T>;
  /** Only with `--debug`. */
  debug(text: string): void;
}

export interface Context {
  /** Absolute path that relative paths are resolved against. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What a program reads: results. Ends without newline added. */
  print(text: string): void;
  readonly log: Log;
  readonly isJson: boolean;
  readonly isDebug: boolean;
  readonly isColor: boolean;
  /** Columns of the terminal; 100 when it is not one. */
  readonly width: number;
  /** Aborted on Ctrl-C or SIGTERM: stop hooks, keep what is there, return exitCode.interrupted. */
  readonly signal: AbortSignal;
  /** Version of Flightcheck. */
  readonly version: string;
}

/** Raw values by option name: from the flag, else from the variable; absent = unset. Validated against the option. */
export type RawOptions = Readonly<Partial<Record<string, string | number | boolean | readonly string[]>>>;

export interface Invocation {
  readonly args: readonly string[];
  readonly options: RawOptions;
  /** Where each set option came from: `flag` or the name of the variable. */
  readonly origins: Readonly<Record<string, string>>;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly argument?: { readonly name: string; readonly description: string; readonly isVariadic?: boolean };
  /** A second one: `attest ID [DIR]`. */
  readonly secondArgument?: { readonly name: string; readonly description: string };
  /** Options shared with components, declared in `src/kernel/options`. */
  readonly options: readonly OptionName[];
  /** Flags that only the command line has (`--plan`, `--port`). */
  readonly flags?: Readonly<Record<string, Input>>;
  /** Shown under help: at least one. */
  readonly examples: readonly { readonly command: string; readonly meaning: string }[];
  readonly commands?: readonly Command[];
  /** Returns the exit code. Absent when the command only groups others. */
  run?(context: Context, invocation: Invocation): Promise<number>;
}

export const defineCommand = (command: Command): Command => command;
