/** Seventh migration: people who log in. See `migrate.ts`. */
export const schema7 = `
-- A login under way. key: SHA-256 of the cookie of the browser that began it.
create table login (
  key text primary key,
  verifier text not null,
  state text not null,
  nonce text not null,
  return_to text not null,
  created_at timestamptz not null default now()
);
-- key: SHA-256 of the cookie. grants: roles as they were at the login.
create table session (
  key text primary key,
  subject text not null,
  name text not null,
  grants jsonb not null,
  csrf text not null,
  created_at timestamptz not null default now(),
  seen_at timestamptz not null default now()
);
create index session_by_time on session (created_at);
`;
