/** Loaded when it is needed, through a module of ours: a bundler hands a CommonJS package on without its names. */
export { DuckDBInstance } from '@duckdb/node-api';
