/** Twenty-fifth migration: which rule came in the place of which. See `migrate.ts`. */
export const schema25 = `
alter table rule add column replaces bigint references rule;
create unique index rule_replaces on rule (replaces) where replaces is not null;
`;
