/** SQL text from names that others chose: the only two ways in which a name or a text may enter a statement. */

/** A quoted identifier: `a "b"` -> `"a ""b"""`. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A string literal, for statements that take no parameters (views, COPY). */
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;
