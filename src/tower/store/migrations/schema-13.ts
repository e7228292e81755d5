/** Thirteenth migration: a login under way is kept by its browser. See `migrate.ts`. */
export const schema13 = `
drop table login;
`;
