/** Third migration: rules over metrics, the alerts that they raise, and what is delivered for them. See `migrate.ts`. */
export const schema3 = `
create table rule (
  id bigint generated always as identity primary key,
  name text not null,
  definition jsonb not null,
  metric_name text not null,
  is_enabled boolean not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  -- Points after this moment are judged.
  judges_from timestamptz not null,
  retired_at timestamptz
);
create unique index rule_name on rule (name) where retired_at is null;
create index rule_by_metric on rule (metric_name) where is_enabled and retired_at is null;

create table rule_state (
  rule_id bigint not null references rule,
  series_id bigint not null references series,
  state jsonb not null,
  primary key (rule_id, series_id)
);

-- uid is what others see: ids of two servers that act on one GitLab would meet.
create table alert (
  id bigint generated always as identity primary key,
  uid uuid not null default gen_random_uuid(),
  rule_id bigint not null references rule,
  series_id bigint not null references series,
  model_id bigint not null references model,
  value double precision not null,
  opened_at timestamptz not null,
  closed_at timestamptz,
  recorded_at timestamptz not null default now()
);
create unique index alert_open on alert (rule_id, series_id) where closed_at is null;
create index alert_by_time on alert (opened_at desc, id desc);
create index alert_by_model on alert (model_id, opened_at desc);

-- The outbox: written with the alert, taken by whichever server is free.
create table delivery (
  id bigint generated always as identity primary key,
  alert_id bigint not null references alert,
  event text not null check (event in ('opened', 'closed')),
  action int not null,
  state text not null default 'waiting' check (state in ('waiting', 'done', 'refused')),
  attempts int not null default 0,
  next_at timestamptz not null default now(),
  done_at timestamptz,
  result text,
  unique (alert_id, event, action)
);
create index delivery_waiting on delivery (next_at) where state = 'waiting';

-- Series with points that no rule has seen, written with the points.
create table touched (
  series_id bigint primary key references series
);
`;
