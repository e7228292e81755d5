/** Sixth migration: saved dashboards. See `migrate.ts`. */
export const schema6 = `
create table dashboard (
  id bigint generated always as identity primary key,
  name text not null unique,
  panels jsonb not null,
  saved_by text not null,
  saved_at timestamptz not null default now()
);
`;
