/** What executing hooks needs from the machine: commands under limits, working copies, a cache. Adapters implement it. */
import type { GivenModel, TextSearch } from './hooks.ts';

export interface CommandLimits {
  readonly seconds: number;
  /** Resident bytes of the whole process tree. */
  readonly memoryBytes: number;
  /** Bytes on stdout and stderr together. */
  readonly outputBytes: number;
}

export interface CommandRequest {
  /** Program and arguments; no shell reads them. */
  readonly argv: readonly string[];
  /** Working directory, absolute. */
  readonly cwd: string;
  /** Scratch folder of this command alone: a process that works in it belongs to the command. */
  readonly folder?: string;
  /** The whole environment of the command. */
  readonly env: Readonly<Record<string, string>>;
  readonly limits: CommandLimits;
  /** Stops the command and everything it started. */
  readonly signal?: AbortSignal;
  /** Ends a command that would run for ever: SIGTERM, and SIGKILL after these seconds. That is no fault of the command. */
  readonly end?: { readonly signal: AbortSignal; readonly graceSeconds: number };
  /** Values that must not appear in the log. */
  readonly secrets?: readonly string[];
  /** A line of the log as it comes, without control characters and secrets. */
  onLine?(line: string): void;
}

/** A command whose process is there and waits for the word: to start one takes as long as dozens of words. */
export interface HeldCommand {
  /**
   * Runs it, once, to its end or its limit.
   * @param onDone - it ended, and nothing of it is seen any more; what follows makes sure of that. Called once, before the
   * result is there
   */
  begin(limits: CommandLimits, onDone?: () => void): Promise<CommandResult>;
  /** Ends a process that was not told to begin; nothing where it was. */
  release(): void;
}

/** A server to start, ask and stop. */
export interface ServeCommand {
  /** `argv` of the command for the port that it must listen on, at 127.0.0.1. */
  readonly command: (port: number) => CommandRequest;
  /** The rows to ask for, one request each, as text; null is an empty field. */
  readonly rows: ServeRows;
  /** File for the answers, CSV. */
  readonly answers: string;
  /** Until `GET /health` must have answered 200. */
  readonly startSeconds: number;
  /** For one answer. */
  readonly requestSeconds: number;
  /** From SIGTERM to the end. */
  readonly stopSeconds: number;
}

export interface ServeRows {
  readonly columns: readonly { readonly name: string; readonly kind: 'number' | 'boolean' | 'text' }[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export interface ServeResult {
  readonly result: CommandResult;
  /** What was wrong with it, as a clause behind "the serve hook"; null when it did what it must. */
  readonly fault: { readonly code: ServeFault; readonly what: string } | null;
  readonly startSeconds: number;
  readonly stopSeconds: number;
  /** Of each request. */
  readonly latencies: readonly number[];
}

export type ServeFault = 'HOOK_SERVE_START' | 'HOOK_SERVE_ADDRESS' | 'HOOK_SERVE_ANSWER' | 'HOOK_SERVE_DIED' | 'HOOK_SERVE_STOP';

export interface CommandResult {
  /** Null when it was stopped by us or by a signal. */
  readonly exitCode: number | null;
  /** The signal that ended it, as far as a shell can tell (exit code 128 + n). */
  readonly signal: string | null;
  readonly seconds: number;
  /** Largest resident set of the process tree; null where the platform cannot say or it was too short to see. */
  readonly maxRssBytes: number | null;
  readonly isTimedOut: boolean;
  readonly isOutOfMemory: boolean;
  readonly isOutputExceeded: boolean;
  readonly isAborted: boolean;
  /** Seconds from our SIGTERM to its own end; null when it ended by itself, or did not end and was killed. */
  readonly endSeconds: number | null;
  /** The last lines of the log. */
  readonly tail: readonly string[];
}

/** Folder of one execution: a fresh copy of the repo, a home, room for temporary files, inputs and outputs. */
export interface Workspace {
  readonly repo: string;
  readonly home: string;
  readonly temporary: string;
  readonly inputs: string;
  readonly outputs: string;
  remove(): Promise<void>;
}

/** A model that was not trained in this run. */
export interface FoundModel {
  /** Names its content for good: the same key, the same model. */
  readonly key: string;
  /** `late-risk 3 (champion) in MLflow`, `models/last.json`. */
  readonly words: string;
  /** Puts it into the folder; returns the path of the file or folder that hooks are handed. */
  fetch(folder: string): Promise<string>;
}

/** A version of the repo: what is checked out, or the release before it. */
export type Release = 'previous' | undefined;

/** What the cache keeps beside the output of an execution. */
export interface CacheRecord {
  readonly ranAt: string;
  readonly seconds: number;
  readonly maxRssBytes: number | null;
}

export interface CachedExecution extends CacheRecord {
  /** Absolute path of a folder with what the hook wrote: a copy that belongs to this run. */
  readonly folder: string;
}

export interface HookCache {
  /** The entry, its checksums verified; null when there is none, it is damaged, or this ref may not trust it. */
  read(key: string): Promise<CachedExecution | null>;
  /** What is known of an entry that this ref may read; its checksums are not verified. Counts as use. */
  record(key: string): Promise<CacheRecord | null>;
  /** Copies the folder into the cache, atomically. A cache that cannot be written is no cache: never throws. */
  write(key: string, folder: string, record: CacheRecord): Promise<void>;
  /** Keeps the cache within its size; never throws. */
  prune(): Promise<void>;
}

export interface HookMachine {
  run(request: CommandRequest): Promise<CommandResult>;
  /** Starts what will be the command's parent. Whoever holds a command begins or releases it. */
  hold(request: Omit<CommandRequest, 'limits'>): Promise<HeldCommand>;
  /** Starts a server on a free port of 127.0.0.1, asks it for every row, stops it and ends all that it started. */
  serve(request: ServeCommand): Promise<ServeResult>;
  workspace(release?: Release): Promise<Workspace>;
  /** SHA-256 over path, mode and content of every file that a working copy holds. */
  treeHash(release?: Release): Promise<string>;
  /** The same over dependency lists, lock files and the paths given: what `setup` depends on. */
  lockHash(paths: readonly string[], release?: Release): Promise<string>;
  /** Looks for the texts in the bytes of a file or folder that a hook wrote, packed ones too. */
  textsIn(path: string, texts: readonly string[]): Promise<TextSearch>;
  /** Text of a file of a working copy; null when it is not there. */
  text(path: string, release?: Release): Promise<string | null>;
  /** Finds a model. Rejects with MODEL_MISSING (UsageError) or MODEL_UNREACHABLE (EnvironmentError). */
  model(which: GivenModel['which']): Promise<FoundModel>;
  /**
   * What a program is: its version, or its resolved path and size. Never runs a program of the repo.
   * Null when it is not on the PATH.
   */
  programVersion(program: string): Promise<string | null>;
  /** The allow-listed part of our own environment, with the home, temporary folder and dependency folder given. */
  environment(folders: {
    readonly home: string;
    readonly temporary: string;
    readonly env: string | null;
  }): Record<string, string>;
  /** Values of our own environment that look like secrets. */
  readonly secrets: readonly string[];
  /** Null when the cache is off. */
  readonly cache: HookCache | null;
  /**
   * Calls `fill` with the folder for dependencies of this key unless it was filled before, by whatever process.
   * Returns the folder.
   */
  dependencies(key: string, signal: AbortSignal, fill: (folder: string) => Promise<void>): Promise<string>;
  /** Was the folder for dependencies of this key filled? */
  hasDependencies(key: string): Promise<boolean>;
  /** A folder that lives as long as the run. */
  keep(name: string): Promise<string>;
  /** Copies a file or folder; symlinks that leave it are left out. */
  copy(from: string, to: string): Promise<void>;
  /** Removes everything temporary. */
  close(): Promise<void>;
}
