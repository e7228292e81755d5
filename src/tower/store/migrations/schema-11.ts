/** Eleventh migration: for whom a dashboard is. See `migrate.ts`. */
export const schema11 = `
-- Those that were saved before were for whoever reads everything, and stay so.
alter table dashboard add column namespace text not null default '';
alter table dashboard add column is_shared boolean not null default false;
`;
