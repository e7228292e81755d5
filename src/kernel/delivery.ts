/** Ports of a deployment: the Airflow that schedules, the place where it reads DAG files, the registry of models. Adapters implement them. */
import type { MlflowRun } from './world.ts';

/** A task as Airflow has it in its database: the serialised form, which is what it schedules. */
export interface ScheduledTask {
  readonly id: string;
  readonly docMd: string;
  /** Sorted. */
  readonly downstream: readonly string[];
}

export interface ScheduledDag {
  readonly id: string;
  readonly docMd: string;
  readonly isPaused: boolean;
  /** False once its file is gone: Airflow keeps such a DAG with its runs, and schedules nothing of it. */
  readonly isActive: boolean;
  readonly hasImportErrors: boolean;
  /** Token that asks Airflow to parse the file at once; null where it has none. */
  readonly fileToken: string | null;
}

export interface ImportError {
  /** Path as Airflow knows it. */
  readonly file: string;
  /** RFC 3339. */
  readonly at: string;
  readonly trace: string;
}

/** Airflow's REST API. Every call rejects with an EnvironmentError `AIRFLOW_*` when Airflow does not answer as documented. */
export interface Airflow {
  readonly url: string;
  /** `3.3.2`. */
  version(): Promise<string>;
  /** Last sign of life of the part that reads DAG files, RFC 3339; null when it never was alive. */
  dagProcessorHeartbeat(): Promise<string | null>;
  dag(id: string): Promise<ScheduledDag | null>;
  tasks(id: string): Promise<readonly ScheduledTask[]>;
  /** Import errors of files of this name; null when our account may not see any. */
  importErrors(fileName: string): Promise<readonly ImportError[] | null>;
  setPaused(id: string, isPaused: boolean): Promise<void>;
  /** Asks for the file to be parsed at once; does nothing where Airflow cannot. */
  hurry(fileToken: string): Promise<void>;
  /** Starts a run and returns when it was accepted; the same id twice is one run. */
  startRun(id: string, runId: string): Promise<void>;
  /** `queued`, `running`, `success`, `failed`; null when there is no such run. */
  runState(id: string, runId: string): Promise<string | null>;
  /** Its latest runs whose ids begin so. */
  runs(id: string, prefix: string): Promise<readonly { readonly id: string; readonly state: string }[]>;
  /** Forgets a DAG whose file is gone. */
  forget(id: string): Promise<void>;
}

/** What a delivery remembers, so that a later process can go back. */
export interface DeliveryRecord {
  readonly hash: string;
  /** Hash of what it replaced; null when there was nothing. */
  readonly previousHash: string | null;
  readonly commit: string;
  readonly imageDigest: string | null;
  /** Version of the registered model that was chosen, and the one before it; absent where no registry was asked. */
  readonly model?: { readonly version: string; readonly previousVersion: string | null };
}

/** What a way back found: the text that is there now (null: no file, as before), no delivery to undo, or a newer one. */
export type Reverted = { readonly text: string | null; readonly change: string } | 'nothing' | 'superseded';

/** Where Airflow reads DAG files: a Git repository, a folder or a bucket. */
export interface DagTarget {
  /** For messages: `repository ..., branch main, dags/`, a folder, a bucket. */
  readonly words: string;
  /** The file as it is now; null when there is none. */
  read(name: string): Promise<string | null>;
  /** Writes the file, whole or not at all. Rejects with DELIVERY_* when it cannot. Returns what identifies the change. */
  write(name: string, text: string, record: DeliveryRecord): Promise<string>;
  /**
   * Undoes the last change of the file that `write` made, once. With `delivered` only while the file is still that text:
   * what somebody delivered since is not ours to undo.
   */
  revert(name: string, reason: string, delivered?: string): Promise<Reverted>;
  /** What is remembered of the delivery that `revert` would undo; null when there is none. */
  last(name: string): Promise<DeliveryRecord | null>;
  /** Removes a file, and with it what `revert` could undo; nothing when it does not exist. */
  remove(name: string, reason: string): Promise<void>;
}

/** A version of a registered model, and how the run that made it went. */
export interface RegisteredVersion {
  readonly version: string;
  /** `READY`, or why it cannot be used. */
  readonly status: string;
  /** Null: it was registered without a run, or the run is gone. */
  readonly run: Pick<MlflowRun, 'id' | 'status' | 'metrics' | 'tags'> | null;
}

/** A registered model of MLflow and one alias of it. Every call rejects with an EnvironmentError `MLFLOW_*` when MLflow does not answer as documented. */
export interface ModelRegistry {
  readonly model: string;
  readonly alias: string;
  /** For messages: `late in MLflow at https://...` */
  readonly words: string;
  /** A version by its number or an alias, or the newest of a commit; null when there is none. */
  find(wanted: { readonly version: string } | { readonly commit: string }): Promise<RegisteredVersion | null>;
  /** The version that the alias points to, null when there is no such alias; `unsupported` where aliases are not known at all (GitLab). */
  aliased(): Promise<{ readonly version: string | null } | 'unsupported'>;
  /** Lets the alias point to that version; null takes the alias away. */
  moveAlias(version: string | null): Promise<void>;
}
