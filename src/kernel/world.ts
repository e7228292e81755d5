/** The ports: everything that a check can learn about the outside. Adapters implement them, tests fake them. */

import type { Failure, Place } from './failure.ts';
import type { Hooks, TableRef } from './hooks.ts';
import type { LocalRun } from './local-dag.ts';
import type { ResolvedManifest } from './manifest.ts';
import type { UnitTestRun } from './unit-tests.ts';

/** One file of the working tree, as found by a walk that follows no symlink out of the root. */
export interface RepoFile {
  /** POSIX path relative to the root; bytes that are not UTF-8 are shown as U+FFFD. */
  readonly path: string;
  readonly bytes: number;
  /** A symlink is listed, never followed; `target` is its text. */
  readonly symlinkTarget?: string;
  readonly isExecutable: boolean;
}

/** The working tree: tracked files and, outside a clean CI checkout, untracked files that Git does not ignore. */
export interface Files {
  readonly all: readonly RepoFile[];
  has(path: string): boolean;
  get(path: string): RepoFile | undefined;
  /** Paths that match any of the globs (picomatch, dotfiles included, case-insensitive when `nocase`). */
  glob(patterns: string | readonly string[], options?: { readonly nocase?: boolean }): readonly string[];
  /**
   * Text of a file, read at most once per run, without BOM, at most `limitBytes` (default 1 MiB) of it.
   * Null when it does not exist, is a symlink that leaves the root, or is binary.
   */
  text(path: string, limitBytes?: number): Promise<string | null>;
  /** The first `limitBytes` bytes; null as for `text`, but binary files are returned. */
  bytes(path: string, limitBytes: number): Promise<Uint8Array | null>;
  /** SHA-256 of the whole content, hexadecimal, whatever its size; null as for `bytes`. */
  sha256(path: string): Promise<string | null>;
}

export interface Commit {
  readonly sha: string;
  readonly authorName: string;
  readonly authorEmail: string;
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly subject: string;
}

/** A blob somewhere in history. */
export interface HistoryBlob {
  readonly sha: string;
  readonly path: string;
  readonly bytes: number;
}

/** Git history, read with a hardened configuration: nothing that the repo configures is executed. */
export interface Git {
  /** False outside a repository: the other members are then empty. */
  readonly isRepository: boolean;
  /** A shallow clone: history rules are not judged. */
  readonly isShallow: boolean;
  /** Null before the first commit. */
  readonly head: string | null;
  readonly branch: string | null;
  /** Newest first. */
  commits(limit: number): Promise<readonly Commit[]>;
  tags(): Promise<readonly string[]>;
  /** Commits, merges left out, that touched any of the paths since a time (RFC 3339); newest first. */
  commitsOn(paths: readonly string[], since: string, limit: number): Promise<readonly Commit[]>;
  /** The first commit that brought the word into any of the paths; null when none did. */
  firstWith(word: string, paths: readonly string[]): Promise<Commit | null>;
  /** True when the second commit descends from the first, or is it. */
  contains(ancestor: string, descendant: string): Promise<boolean>;
  /** Paths that Git tracks. */
  tracked(): Promise<ReadonlySet<string>>;
  /** Every blob of at least `minBytes` reachable from HEAD. */
  largeBlobs(minBytes: number): Promise<readonly HistoryBlob[]>;
  /**
   * Shows every text that a commit before HEAD held and HEAD's tree does not, newest first, each once: those under a path
   * that is `wanted`, of at most `limitBytes`, until `totalBytes` are read. What was left out by these two bounds is counted.
   */
  pastTexts(
    options: { wanted(path: string): boolean; readonly limitBytes: number; readonly totalBytes: number },
    visit: (text: string, blob: HistoryBlob) => void,
  ): Promise<{ readonly read: number; readonly left: number }>;
  /** The newest tag that HEAD descends from, else HEAD's first parent; null when it has none here (the first commit, a shallow clone). */
  previousRelease(): Promise<{ readonly name: string; readonly sha: string } | null>;
  /** Paths of the files of a commit. */
  pathsAt(sha: string): Promise<readonly string[]>;
  /** Text of a file of a commit, without BOM; null when it is not there, is no file, is larger than 16 MiB or no UTF-8. */
  textAt(sha: string, path: string): Promise<string | null>;
}

/** What a GitLab project's settings say; members are null where the token may not read them. */
export interface GitLabProject {
  readonly defaultBranch: string;
  readonly isDefaultBranchProtected: boolean | null;
  readonly onlyAllowMergeIfPipelineSucceeds: boolean | null;
  readonly approvalsRequired: number | null;
  readonly visibility: string;
}

/** A merged merge request, and who answers for it. Names are GitLab's user names. */
export interface Review {
  readonly iid: number;
  readonly author: string;
  readonly approvedBy: readonly string[];
  readonly mergedBy: string | null;
  /** RFC 3339. */
  readonly mergedAt: string | null;
  readonly targetBranch: string;
}

export interface Deployment {
  readonly sha: string;
  /** RFC 3339: when it was finished. */
  readonly at: string;
  readonly environment: string;
}

/** GitLab's API. Without access every call says why, and the check is skipped, never passed. */
export interface GitLab {
  project(): Promise<Answer<GitLabProject>>;
  /** The merged merge requests through which a commit came. */
  reviewsOf(sha: string): Promise<Answer<readonly Review[]>>;
  /** Successful deployments, oldest first, at most 1,000; of one environment, or of all that are called production. */
  deployments(environment: string | null): Promise<Answer<readonly Deployment[]>>;
}

/** What a service says, or why it says nothing; the reason is a clause that fits behind "skipped: ". */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  /** `isAbsent`: the service answered, and what was asked for does not exist there. */
  | { readonly ok: false; readonly reason: string; readonly isAbsent: boolean };

/** A version of the registered model that the manifest names. */
export interface MlflowVersion {
  readonly name: string;
  /** Counted from 1 by MLflow. */
  readonly version: string;
  readonly aliases: readonly string[];
  /** `Production`, `Staging`, `Archived`; null where stages are not used. */
  readonly stage: string | null;
  /** `READY`, or why it cannot be used. */
  readonly status: string;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  readonly runId: string | null;
  /** Where its artifacts come from, as MLflow writes it. */
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface MlflowRun {
  readonly id: string;
  readonly name: string | null;
  /** `FINISHED`, `RUNNING`, `FAILED`... */
  readonly status: string;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** The last value of each; NaN and infinite ones too. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** MLflow's tracking server and registry, read only. Without them every call says why, and the check is skipped, never passed. */
export interface Mlflow {
  /** The version in production: the one that `mlflow.alias` points to. */
  production(): Promise<Answer<MlflowVersion>>;
  /** All versions of `mlflow.registeredModel`, newest first. */
  versions(): Promise<Answer<readonly MlflowVersion[]>>;
  /** Runs of `mlflow.experiment`, newest first, at most `limit` (default 1000); `filter` in MLflow's own words. */
  runs(options?: { readonly filter?: string; readonly limit?: number }): Promise<Answer<readonly MlflowRun[]>>;
}

/** A number that an earlier run of this model measured. */
export interface PastValue {
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly value: number;
}

/** What Control Tower has of earlier runs of this model on its protected branches. Without it every call says why. */
export interface History {
  /** Values of a metric of the reports (`train.seconds`) with all these labels, oldest first; the newest `limit` (default 200). */
  values(
    metric: string,
    options?: { readonly labels?: Readonly<Record<string, string>>; readonly limit?: number },
  ): Promise<Answer<readonly PastValue[]>>;
}

export interface Column {
  readonly name: string;
  /** DuckDB type name, upper case. */
  readonly type: string;
}

/** An opened table: a view that can be queried by its `name`; its `__row`, not listed, is the position of a row from 0. */
export interface Table {
  /** SQL identifier, already quoted where it must be. */
  readonly name: string;
  readonly columns: readonly Column[];
  readonly rows: number;
  /** Paths inside the repo that it was read from, with their SHA-256; empty for derived tables. */
  readonly sources: readonly { readonly path: string; readonly sha256: string }[];
  /** CSV dialect as sniffed, recorded as evidence. */
  readonly dialect?: { readonly delimiter: string; readonly quote: string; readonly hasBom: boolean };
}

/** Tables and SQL over them (DuckDB with external access off). */
export interface Tables {
  /** Null when the manifest does not name the table. A named table that cannot be read is a UsageError with its place. */
  open(ref: TableRef): Promise<Table | null>;
  /** Runs a query and returns its rows; BIGINT comes as number where it is exact. Values only through `params`. */
  query<Row extends object>(sql: string, params?: readonly (string | number | boolean | null)[]): Promise<readonly Row[]>;
}

/** The last run of the unit tests over exactly this state of the repo, as `flightcheck test` left it: data of a job that ran the repo's code. */
export interface UnitTests {
  /** Without one, says why: none was made, it is of another commit or tree, or it cannot be read. */
  latest(): Promise<Answer<UnitTestRun>>;
}

/** The tasks of the model's DAG on this machine, without Airflow. */
export interface LocalDag {
  /** What a run rests on beside the files, as text; null: that cannot be told, or there is nothing to run. */
  basis(): Promise<string | null>;
  /** Runs the tasks once, in a copy of the repo. Where none are declared, or they cannot run here, says why. Rejects with BUDGET_SPENT. */
  run(): Promise<Answer<LocalRun>>;
}

/** The manifest as a check sees it. */
export interface ManifestPort {
  /** Null when there is no manifest or it is invalid; `problems` then says why. */
  readonly value: ResolvedManifest | null;
  /** `flightcheck.yml`, even when it does not exist. */
  readonly path: string;
  readonly exists: boolean;
  readonly problems: readonly Failure[];
  /** Where a dotted key (`columns.label`) stands in the file; undefined when it comes from a default. */
  place(key: string): Place | undefined;
}

export interface World {
  readonly manifest: ManifestPort;
  readonly files: Files;
  readonly git: Git;
  readonly gitlab: GitLab;
  readonly mlflow: Mlflow;
  readonly history: History;
  readonly tables: Tables;
  readonly hooks: Hooks;
  readonly unitTests: UnitTests;
  readonly dag: LocalDag;
}

export type Need = keyof World;
