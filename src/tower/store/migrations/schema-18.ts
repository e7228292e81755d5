/** Eighteenth migration: what was posted by that which an alert started. See `migrate.ts`. */
export const schema18 = `
alter table metric_post add column alert_id bigint references alert;
create index metric_post_by_alert on metric_post (alert_id) where alert_id is not null;
`;
