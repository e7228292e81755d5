/**
 * Hook executions as data. A probe never runs a command: it names what it wants (train on this table with
 * this seed; predict these rows with that model), the engine runs each distinct request once and shares it.
 */

/** The tables that a manifest names under `data`. */
export const sourceNames = ['train', 'eval', 'requests', 'serving', 'outcomes', 'experiments'] as const;
export type SourceName = (typeof sourceNames)[number];

/**
 * A table: one of the manifest's, or derived from one by a seeded, deterministic transformation.
 * A sample keeps its ids. Permuted rows get new ids; their `__original` is the position (`__row`) of the row each came from.
 */
export type TableRef =
  | { readonly table: SourceName }
  /** `rows` rows drawn without replacement, in the order of the source; below 1, that share of them. */
  | { readonly derive: 'sample'; readonly from: TableRef; readonly rows: number; readonly seed: number }
  /**
   * Permutation batch: the rows of `from`, then for each column and each repeat a copy of them in which that
   * column's values are shuffled. Columns `__column` (null for the original rows), `__repeat`
   * and `__original` are not shown to hooks.
   */
  | {
      readonly derive: 'permuted';
      readonly from: TableRef;
      readonly columns: readonly string[];
      readonly repeats: number;
      readonly seed: number;
      /** Columns that the table does not have are left out; otherwise they are an error. */
      readonly ifPresent?: true;
    }
  /** Without the named columns (leave-one-out retraining). */
  | { readonly derive: 'without'; readonly from: TableRef; readonly columns: readonly string[] }
  /** The rows that a sample of the same `rows` and `seed` does not draw. */
  | { readonly derive: 'rest'; readonly from: TableRef; readonly rows: number; readonly seed: number }
  /**
   * The rows of a part of the time that `from` covers: `start` and `end` are shares of the range between its first and
   * last time, 0 to 1; a row belongs to the window when start <= share < end (or = 1). Rows without a readable time are in none.
   */
  | { readonly derive: 'window'; readonly from: TableRef; readonly column: string; readonly start: number; readonly end: number }
  /** Every column shuffled by itself: rows that obey the schema and say nothing about the label. Ids stay. */
  | { readonly derive: 'shuffled'; readonly from: TableRef; readonly seed: number }
  /**
   * `rows` rows drawn in turn from the groups of equal values of `column`, so that each class is there; in the order of the
   * source. Ids stay.
   */
  | {
      readonly derive: 'balanced';
      readonly from: TableRef;
      readonly column: string;
      readonly rows: number;
      readonly seed: number;
    }
  /**
   * `rows` rows that nobody wrote: numbers uniform between the smallest and the largest, whole where they are whole; one of
   * the values where there are few or they are text; nulls as often as in `from`. New ids.
   */
  | { readonly derive: 'random'; readonly from: TableRef; readonly rows: number; readonly seed: number }
  /**
   * A sample of `rows` rows, then for each case and each column that it fits a copy of them in which that column holds
   * the case's value. New ids; columns `__column`, `__case` (null for the rows as they were) and `__original` are not
   * shown to hooks. All values are text.
   */
  | {
      readonly derive: 'altered';
      readonly from: TableRef;
      readonly rows: number;
      readonly seed: number;
      readonly columns: readonly string[];
      readonly cases: readonly AlteredCase[];
    };

/** The table of the manifest that a table comes from. */
export const sourceOf = (ref: TableRef): SourceName => ('table' in ref ? ref.table : sourceOf(ref.from));

/** True when its rows are copies or made up, so that no column of theirs identifies them but the new id. */
export const hasNewIds = (ref: TableRef): boolean =>
  !('table' in ref) && (['permuted', 'shuffled', 'altered', 'random'].includes(ref.derive) || hasNewIds(ref.from));

/**
 * What an altered cell holds: nothing; 0; +-1e300; the smallest positive number (numbers); a category that no row has;
 * an empty text; a text of 10,000 characters (categories); the median or the most frequent category of `from`.
 */
export type AlteredCase = 'null' | 'zero' | 'huge' | 'minus-huge' | 'tiny' | 'unseen' | 'empty' | 'long' | 'typical';

export interface TrainRequest {
  readonly hook: 'train';
  readonly data: TableRef;
  readonly seed: number;
  /** Training twice with the same seed means two replicates: 0 and 1. */
  readonly replicate: number;
  /** Hyperparameters that replace those of `hooks.params`, by name. */
  readonly params?: Readonly<Record<string, string | number | boolean>>;
  /**
   * `previous`: with the files and hooks of the release before this commit, the newest tag that it descends from or else its
   * first parent; whatever uses the model runs there too.
   */
  readonly release?: 'previous';
  /**
   * Killed half-way, as when a machine is lost, then trained again in the same working copy and into the same place; what the
   * killed training left is kept.
   */
  readonly interrupted?: true;
}

/** The training of the model that all checks share. */
export const sharedTraining: TrainRequest = { hook: 'train', data: { table: 'train' }, seed: 1, replicate: 0 };

/** A model that this run does not train. */
export interface GivenModel {
  readonly hook: 'given';
  /**
   * `named`: the one that `hooks.predict: mlflow:...` names. `production`: the path quality.production, or the version of
   * mlflow.registeredModel that mlflow.alias points to. `previous`: the registered version before that one.
   */
  readonly which: 'named' | 'production' | 'previous';
}

export type ModelRequest = TrainRequest | GivenModel;

export interface PredictRequest {
  readonly hook: 'predict';
  readonly model: ModelRequest;
  /** The hook sees these rows without the label. */
  readonly input: TableRef;
  /** With what an interrupted training left when it was killed, in place of its model. */
  readonly leftover?: true;
  /** Asks for the steps in between: the hook finds a folder for them in FLIGHTCHECK_TRACE_DIR. */
  readonly trace?: true;
}

/** Runs the optional `features` hook over the rows. */
export interface FeaturesRequest {
  readonly hook: 'features';
  readonly input: TableRef;
}

/** Starts the `serve` hook with the model, asks it for the rows, one request each, and stops it. */
export interface ServeRequest {
  readonly hook: 'serve';
  readonly model: ModelRequest;
  /** The server sees these rows without the label. */
  readonly input: TableRef;
}

export type HookRequest = TrainRequest | PredictRequest | FeaturesRequest | ServeRequest;

/** A request that a check announces; `sometimes` says that it depends on what the others show. */
export interface PlannedExecution {
  readonly request: HookRequest;
  readonly sometimes?: string;
}

/** What an execution left behind. */
export interface Execution {
  readonly request: HookRequest;
  /** Content-addressed key of the execution. */
  readonly key: string;
  readonly isCached: boolean;
  /** When the command really ran, RFC 3339; evidence from the cache keeps its own date. */
  readonly ranAt: string;
  /** Wall time of the command. */
  readonly seconds: number;
  /** Largest resident set of the command's process tree; null where the platform cannot say. */
  readonly maxRssBytes: number | null;
  /** Absolute path of what the hook wrote: the model file or folder, or the predictions. */
  readonly output: string;
  /** `metrics.jsonl` beside the model, when the hook wrote one. */
  readonly trainingMetrics?: string;
  /** The steps of `metrics.jsonl` that have a loss, in their order; NaN and infinite ones too. */
  readonly losses?: readonly TrainingLoss[];
  /** Of an interrupted training only. */
  readonly interruption?: Interruption;
}

export interface TrainingLoss {
  readonly step: number;
  readonly loss: number;
}

export interface Interruption {
  /** Seconds after which it was killed; null when it ended before that could be done, however early it was tried. */
  readonly killedAfter: number | null;
  /** True when the killed training had left something at `{model}`. */
  readonly hasLeftover: boolean;
}

/** Predictions of one predict request, read and validated: one row per row of the request's input. */
export interface Predictions extends Execution {
  /**
   * SQL name of a table with columns `id` (VARCHAR) and `score` (DOUBLE, null where the hook refused the row) or,
   * multiclass, `p_<class>` (DOUBLE) and `prediction` (VARCHAR), joined to nothing: same ids as the input.
   */
  readonly table: string;
  readonly rows: number;
  /** Name of the column that holds the main value: `score` or `prediction`. */
  readonly column: 'score' | 'prediction';
  /** Rows whose value is NaN or infinite; a null is a refusal and is counted in `refused`. */
  readonly notFinite: number;
  readonly refused: number;
  /** Of a request with `trace`: the files NN_stage.csv that the hook wrote, in their order. */
  readonly trace?: readonly TraceStage[];
}

/** One step of a prediction, as the hook wrote it down. */
export interface TraceStage {
  /** `02_margin.csv`. */
  readonly file: string;
  /** SQL name of a table with the file's columns; ids are text. */
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: number;
}

/** What the features hook made of a request's rows. */
export interface FeatureTable extends Execution {
  /** SQL name of a table with the hook's columns; ids are text. */
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: number;
}

/** What a server answered, and how long it took. */
export interface Served extends Predictions {
  /** From the start of the command to its first good answer to `GET /health`. */
  readonly startSeconds: number;
  /** From SIGTERM to the end of the command. */
  readonly stopSeconds: number;
  /** Seconds of one request. */
  readonly latency: { readonly p50: number; readonly p95: number; readonly n: number };
  /** How long it took to get the model: to train it, or to download it. */
  readonly modelSeconds: number;
}

/** Texts that were looked for in files. */
export interface TextSearch {
  /** Those that are there, in their order. */
  readonly found: readonly string[];
  /** Files that are packed in a way that cannot be looked into. */
  readonly closed: readonly string[];
}

/** The port that probes use. Same request, same promise: nothing runs twice. */
export interface Hooks {
  /** Trains, or returns the shared or cached training. */
  train(request: TrainRequest): Promise<Execution>;
  /** Predicts, training the model first when needed. */
  predict(request: PredictRequest): Promise<Predictions>;
  features(request: FeaturesRequest): Promise<FeatureTable>;
  /** Serves, training the model first when needed. */
  serve(request: ServeRequest): Promise<Served>;
  /** Looks for the texts in what an execution wrote, whatever its format. */
  textsIn(execution: Execution, texts: readonly string[]): Promise<TextSearch>;
  /** True when the manifest (or its MLproject) has the hook. */
  has(hook: 'setup' | 'train' | 'predict' | 'features' | 'serve'): boolean;
}
