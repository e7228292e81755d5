/** Fifteenth migration: which pipeline an alert started, and which alert its version raised again. See `migrate.ts`. */
export const schema15 = `
alter table report add column alert_id bigint references alert;
create index report_by_alert on report (alert_id) where alert_id is not null;
-- Of the same rule: the alert for which the version was made that raised this one.
alter table alert add column cause_id bigint;
create index alert_by_cause on alert (cause_id) where cause_id is not null;
`;
