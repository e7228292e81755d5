/** Second migration: points that come without a report, and weekly rollups. See `migrate.ts`. */
export const schema2 = `
create table metric_post (
  id bigint generated always as identity primary key,
  model_id bigint not null references model,
  sha256 text not null,
  ref_class text not null check (ref_class in ('authoritative', 'preview')),
  environment text not null,
  written_by text not null,
  received_at timestamptz not null default now(),
  points int not null
);
create index metric_post_by_model on metric_post (model_id, received_at desc);

-- Null: the point came by itself, not in a report.
alter table point alter column report_id drop not null;
alter table latest alter column report_id drop not null;

alter table idempotency alter column report_id drop not null;

create index series_by_metric on series (metric_id, ref_class, model_id);

create table rollup_week (
  metric_id bigint not null,
  week date not null,
  series_id bigint not null references series,
  n bigint not null,
  sum double precision not null,
  min double precision not null,
  max double precision not null,
  last double precision not null,
  last_ts timestamptz not null,
  primary key (metric_id, week, series_id)
);
insert into rollup_week (metric_id, week, series_id, n, sum, min, max, last, last_ts)
select metric_id, date_trunc('week', day)::date, series_id, sum(n), sum(sum), min(min), max(max),
  (array_agg(last order by last_ts desc))[1], max(last_ts)
from rollup_day group by 1, 2, 3;
`;
