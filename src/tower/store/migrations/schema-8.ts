/** Eighth migration: the waivers that reports name. See `migrate.ts`. */
export const schema8 = `
-- Those of the newest report of the record that names waivers. ends: null where the report names no day.
create table waiver (
  id bigint generated always as identity primary key,
  model_id bigint not null references model,
  check_key text not null,
  reason text not null,
  owner text not null,
  expires text not null,
  ends date,
  path text not null,
  since timestamptz not null,
  unique (model_id, check_key, owner, expires, path)
);
create index waiver_by_end on waiver (ends, id);
`;
