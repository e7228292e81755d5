/** Fourth migration: months whose points are sealed into arrays, and from when on points are kept. See `migrate.ts`. */
export const schema4 = `
-- A month of a series. Times count from the start of the month (UTC): in whole seconds where all are, else in microseconds.
create table chunk (
  metric_id bigint not null,
  series_id bigint not null,
  month date not null,
  n int not null,
  sum double precision not null,
  min double precision not null,
  max double precision not null,
  seconds int[],
  micros bigint[],
  "values" double precision[] not null,
  primary key (metric_id, series_id, month),
  check ((seconds is null) <> (micros is null))
);
create index chunk_by_month on chunk (month);

do $$
begin
  alter table chunk alter column seconds set compression lz4, alter column micros set compression lz4,
    alter column "values" set compression lz4;
exception when feature_not_supported then
  null;
end $$;

-- At most one row: points before this moment were removed, and are not taken any more: a replay of them could not be known.
create table kept_from (
  is_only boolean primary key default true check (is_only),
  points_from timestamptz not null
);
`;
