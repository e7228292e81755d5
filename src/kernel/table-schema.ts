/** Expectations of the features, as `table-schema.schema.json` describes them, with every default filled in. */
export interface ColumnExpectation {
  readonly type: 'number' | 'integer' | 'category' | 'text' | 'time';
  /** Shares, 0 to 1. */
  readonly max_nulls: number;
  readonly max_outside: number;
  readonly max_unseen: number;
  readonly min?: number;
  readonly max?: number;
  readonly median?: readonly number[];
  readonly values?: readonly string[];
  readonly description?: string;
}

export interface TableSchema {
  readonly version: 1;
  readonly columns: Readonly<Record<string, ColumnExpectation>>;
}
