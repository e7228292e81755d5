/** Twenty-second migration: rollups are written without looking up each row's series. See `migrate.ts`. */
export const schema22 = `
-- As for points: the ids come from series that are never removed, and to look up each took a fifth of adding posts up.
alter table rollup_day drop constraint rollup_day_series_id_fkey;
alter table rollup_week drop constraint rollup_week_series_id_fkey;
`;
