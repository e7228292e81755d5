/** Twenty-first migration: weekly rollups are read from their index alone. See `migrate.ts`. */
export const schema21 = `
-- Minutes, where there are many models and years.
set local statement_timeout = 0;
-- The weeks of one metric lie side by side in it; in the table they lie between those of all others, a page for each few.
alter table rollup_week drop constraint rollup_week_pkey,
  add primary key (metric_id, week, series_id) include (n, sum, min, max, last, last_ts);
-- Only of pages that a vacuum has seen is the index enough: the newest weeks are not to wait until a fifth of all has changed.
alter table rollup_week set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
`;
