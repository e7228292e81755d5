/** Sixteenth migration: rules that stand in the repository of a model. See `migrate.ts`. */
export const schema16 = `
-- Null: made by an admin, for all models.
alter table rule add column model_id bigint references model;
drop index rule_name;
create unique index rule_name on rule (coalesce(model_id, 0), name) where retired_at is null;
`;
