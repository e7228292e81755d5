/** Tenth migration: the notes that Control Tower keeps on merge requests. See `migrate.ts`. */
export const schema10 = `
-- leased_until: while one server writes a note no other does. pipeline_id: of the newest pipeline that wrote.
create table mr_note (
  model_id bigint not null references model,
  merge_request bigint not null,
  note_id bigint,
  pipeline_id bigint not null default 0,
  body_sha256 text,
  leased_until timestamptz not null default '-infinity',
  primary key (model_id, merge_request)
);
`;
