/** Twenty-fourth migration: a preview of a report does not stand in the way of its record. See `migrate.ts`. */
export const schema24 = `
-- Minutes, where there are millions of reports.
set local statement_timeout = 0;
alter table report drop constraint report_project_id_job_id_kind_sha256_key,
  add unique (project_id, job_id, kind, sha256, ref_class);
`;
