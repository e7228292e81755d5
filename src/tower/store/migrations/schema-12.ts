/** Twelfth migration: who has taken notice of an alert. See `migrate.ts`. */
export const schema12 = `
alter table alert add column acknowledged_at timestamptz;
alter table alert add column acknowledged_by text;
alter table alert add column acknowledged_why text;
`;
