/** Ninth migration: reports of all models in the order of time. See `migrate.ts`. */
export const schema9 = `
create index report_by_time on report (reported_at desc, id desc);
create index report_by_version on report (version_id, reported_at desc);
`;
