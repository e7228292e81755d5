/** Fourteenth migration: whose the lease of a note is. See `migrate.ts`. */
export const schema14 = `
alter table mr_note add column lease_owner text;
`;
