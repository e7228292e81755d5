/** Seventeenth migration: the key that signs addresses of badges. See `migrate.ts`. */
export const schema17 = `
create table badge_key (
  is_only boolean primary key default true check (is_only),
  secret text not null,
  made_at timestamptz not null default now()
);
`;
