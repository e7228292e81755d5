/** Nineteenth migration: rules of a namespace, and dashboards whose names are those of their namespace alone. See `migrate.ts`. */
export const schema19 = `
-- Empty: made for all projects.
alter table rule add column namespace text not null default '';
drop index rule_name;
create unique index rule_name on rule (coalesce(model_id, 0), namespace, name) where retired_at is null;
create index rule_of_namespace on rule (namespace) where namespace <> '' and retired_at is null;
alter table dashboard drop constraint dashboard_name_key;
create unique index dashboard_name on dashboard (namespace, name);
`;
