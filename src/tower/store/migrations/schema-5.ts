/** Fifth migration: tokens with a role and a place where it holds, and the record of who did what. See `migrate.ts`. */
export const schema5 = `
alter table token drop constraint token_scope_check;
alter table token rename column scope to role;
-- The token that the server printed was the operator's.
update token set role = 'admin';
alter table token add constraint token_role check (role in ('read', 'write', 'admin'));
-- prefix: the part that may be shown, by which a token is found. Null: made before there was one.
alter table token add column prefix text;
alter table token add column namespace text not null default '';
alter table token add column model text not null default '';
alter table token add column created_by text not null default 'server';
alter table token add column last_used_at timestamptz;
create index token_by_prefix on token (prefix) where revoked_at is null;
create unique index token_name on token (name) where revoked_at is null;

-- hash: of the row and of the hash before it, so that a row that is changed or taken away shows.
create table audit (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  subject text not null,
  detail jsonb not null,
  hash text not null
);
create index audit_by_action on audit (action, id desc);
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit is only added to';
end $$;
create trigger audit_append_only before update or delete on audit for each row execute function refuse_change();
`;
