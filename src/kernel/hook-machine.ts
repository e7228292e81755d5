/** What executing hooks needs from the machine: commands under limits, working copies, a cache. Adapters implement it. */

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
  /** Values that must not appear in the log. */
  readonly secrets?: readonly string[];
  /** A line of the log as it comes, without control characters and secrets. */
  onLine?(line: string): void;
}

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
  /** Is there an entry that this ref may read? Does not verify its checksums. */
  has(key: string): Promise<boolean>;
  /** Copies the folder into the cache, atomically. A cache that cannot be written is no cache: never throws. */
  write(key: string, folder: string, record: CacheRecord): Promise<void>;
  /** Keeps the cache within its size; never throws. */
  prune(): Promise<void>;
}

export interface HookMachine {
  run(request: CommandRequest): Promise<CommandResult>;
  workspace(): Promise<Workspace>;
  /** SHA-256 over path, mode and content of every file that a working copy holds. */
  treeHash(): Promise<string>;
  /** The same over dependency lists, lock files and the paths given: what `setup` depends on. */
  lockHash(paths: readonly string[]): Promise<string>;
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
