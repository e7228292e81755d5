/** Twentieth migration: points whose rollups are still to be made. See `migrate.ts`. */
export const schema20 = `
-- One row for each post, written with its points and taken away by whoever adds them up: see rollups.ts.
create table pending_rollup (
  id bigint generated always as identity primary key,
  n int not null,
  metric_ids bigint[] not null,
  series_ids bigint[] not null,
  times timestamptz[] not null,
  "values" double precision[] not null
);

-- A row lives for a second: what packing it costs is never earned back.
alter table pending_rollup alter column metric_ids set storage external, alter column series_ids set storage external,
  alter column times set storage external, alter column "values" set storage external;

-- Nobody asked which report the newest value came in: its point knows.
alter table latest drop column report_id;
`;
