/** First migration: who reports, what was reported, and the numbers over time. See `migrate.ts`. */
export const schema1 = `
create table namespace (
  id bigint generated always as identity primary key,
  issuer text not null,
  external_id text not null,
  path text not null,
  unique (issuer, external_id)
);

-- external_id is GitLab's numeric project id for a GitLab issuer. Paths are shown, never bound: a path can be reused.
create table project (
  id bigint generated always as identity primary key,
  namespace_id bigint references namespace,
  issuer text not null,
  external_id text not null,
  path text not null,
  unique (issuer, external_id)
);

create table model (
  id bigint generated always as identity primary key,
  project_id bigint not null references project,
  name text not null,
  title text,
  description text,
  owner text,
  tier text not null,
  task text,
  language text,
  lifecycle text not null default 'active',
  labels jsonb not null default '{}',
  created_at timestamptz not null default now(),
  unique (project_id, name)
);
create index model_name on model (name, id);
create index model_labels on model using gin (labels jsonb_path_ops);

create table model_version (
  id bigint generated always as identity primary key,
  model_id bigint not null references model,
  commit_sha text not null,
  artifact_digest text not null default '',
  labels jsonb not null default '{}',
  created_at timestamptz not null default now(),
  unique (model_id, commit_sha, artifact_digest)
);

-- body: the report as received, gzip. Scores are ours, recomputed from its results.
create table report (
  id bigint generated always as identity primary key,
  project_id bigint not null references project,
  model_id bigint not null references model,
  version_id bigint references model_version,
  job_id text not null,
  pipeline_id text,
  kind text not null,
  sha256 text not null,
  ref text,
  ref_class text not null check (ref_class in ('authoritative', 'preview')),
  trigger text not null,
  written_by text not null,
  reported_at timestamptz not null,
  received_at timestamptz not null default now(),
  is_complete boolean not null,
  score double precision,
  paper_score double precision,
  structure_score double precision,
  is_gate_passed boolean,
  summary jsonb not null,
  body bytea not null,
  unique (project_id, job_id, kind, sha256)
);
create index report_by_model on report (model_id, reported_at desc, id desc);

create table check_result (
  report_id bigint not null references report,
  suite text not null,
  section text not null,
  check_key text not null,
  outcome text not null,
  severity text not null,
  weight double precision not null,
  execution text,
  paper_points double precision,
  passing_points double precision,
  seconds double precision not null,
  is_waived boolean not null,
  primary key (report_id, suite, check_key)
);
create index check_result_by_check on check_result (check_key, outcome);

-- What the fleet page shows of a model: the newest authoritative rubric and structure suites, which may come from two reports.
create table standing (
  model_id bigint primary key references model,
  seen_at timestamptz not null,
  commit_sha text,
  score double precision,
  paper_score double precision,
  data_score double precision,
  model_score double precision,
  infra_score double precision,
  monitor_score double precision,
  scored_at timestamptz,
  score_report_id bigint references report,
  structure_score double precision,
  structure_at timestamptz,
  structure_report_id bigint references report,
  is_complete boolean not null,
  is_gate_passed boolean,
  waivers int not null default 0
);
create index standing_by_score on standing ((coalesce(score, -1)), model_id);
create index standing_by_structure on standing ((coalesce(structure_score, -1)), model_id);
create index standing_by_time on standing (seen_at, model_id);

create table metric (
  id bigint generated always as identity primary key,
  name text not null,
  unit text not null default '',
  direction text check (direction in ('higher', 'lower')),
  unique (name, unit)
);

-- label_key is the digest of environment, ref_class and labels: labels themselves may outgrow an index entry.
create table series (
  id bigint generated always as identity primary key,
  model_id bigint not null references model,
  metric_id bigint not null references metric,
  environment text not null default '',
  ref_class text not null,
  labels jsonb not null default '{}',
  label_key text not null,
  unique (model_id, metric_id, label_key)
);

create table point (
  metric_id bigint not null,
  series_id bigint not null,
  ts timestamptz not null,
  value double precision not null,
  report_id bigint not null
) partition by range (ts);
create unique index point_key on point (metric_id, series_id, ts) include (value);
create table point_default partition of point default;

create table latest (
  series_id bigint primary key references series,
  metric_id bigint not null,
  ts timestamptz not null,
  value double precision not null,
  report_id bigint not null
);

create table rollup_day (
  metric_id bigint not null,
  day date not null,
  series_id bigint not null references series,
  n bigint not null,
  sum double precision not null,
  min double precision not null,
  max double precision not null,
  last double precision not null,
  last_ts timestamptz not null,
  primary key (metric_id, day, series_id)
);

create table idempotency (
  project_id bigint not null references project,
  key text not null,
  sha256 text not null,
  report_id bigint not null references report,
  created_at timestamptz not null default now(),
  primary key (project_id, key)
);

create table token (
  id bigint generated always as identity primary key,
  name text not null,
  hash text not null unique,
  scope text not null check (scope in ('write')),
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz
);
`;
