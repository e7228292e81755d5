/** Tables as the engine needs them: what checks see, plus derivation, hand-over to hooks and reading their answers. */
import type { ServeRows } from './hook-machine.ts';
import type { FeatureTable, Predictions, SourceName, TableRef, TraceStage } from './hooks.ts';
import type { Table, Tables } from './world.ts';

export interface TableStore extends Tables {
  /** Path and SHA-256 of the files of a table, which are not parsed for it; null when the manifest does not name it. */
  sources(table: SourceName): Promise<Table['sources'] | null>;
  /** Content key: SHA-256 of the sources' content and of the derivation; the same rows give the same key. Parses nothing. */
  key(ref: TableRef): Promise<string>;
  /**
   * Writes a table for a hook: CSV, UTF-8, LF, header, RFC 4180 quoting, empty field = null, bookkeeping columns left out.
   * `without` drops columns (the label, for predict). Returns the number of rows written.
   */
  export(ref: TableRef, path: string, options: { readonly without: readonly string[] }): Promise<number>;
  /** The same rows as text, for requests to a server: `null` is null; numbers that are not finite are NaN, Inf, -Inf. */
  rows(ref: TableRef, options: { readonly without: readonly string[] }): Promise<ServeRows>;
  /**
   * Reads and validates what a predict hook wrote against the ids of its input. Throws a UsageError with code
   * PREDICTIONS_INVALID that names what is wrong: no file, no rows, columns missing, other ids, ids twice, rows dropped.
   */
  readPredictions(
    path: string,
    input: TableRef,
    name: string,
  ): Promise<Pick<Predictions, 'table' | 'rows' | 'column' | 'notFinite' | 'refused'>>;
  /** Reads what a features hook wrote into a table called `name`. Throws a UsageError with code FEATURES_INVALID. */
  readFeatures(path: string, name: string): Promise<Pick<FeatureTable, 'table' | 'columns' | 'rows'>>;
  /** Reads one file of a trace likewise. Throws a UsageError with code TRACE_INVALID. */
  readTrace(path: string, name: string): Promise<Pick<TraceStage, 'table' | 'columns' | 'rows'>>;
  close(): Promise<void>;
}
