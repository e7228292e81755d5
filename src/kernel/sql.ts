/** SQL text from names that others chose: the only ways in which a name or a text may enter a statement. */

/** A quoted identifier: `a "b"` -> `"a ""b"""`. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A string literal, for statements that take no parameters (views, COPY). */
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * A point in time as seconds: text and dates since 1970 (in UTC unless they name an offset), numbers as they are; null
 * when it cannot be read.
 */
export const secondsOf = (column: string): string => {
  const text = `CAST(${column} AS VARCHAR)`;
  // Months are written 2023-05, weeks 2023W05 or 2023-W05: each is its first day.
  const month = `TRY_CAST(CASE WHEN regexp_full_match(${text}, '\\d{4}[-/](0?[1-9]|1[0-2])') THEN replace(${text}, '/', '-') || '-01' END AS TIMESTAMPTZ)`;
  const week = `TRY_CAST(TRY_STRPTIME(regexp_replace(regexp_extract(${text}, '^\\d{4}-?W\\d{1,2}$'), '-?W', '-') || '-1', '%G-%V-%u') AS TIMESTAMPTZ)`;
  // ISO 8601 lets seconds away before an offset too; DuckDB reads that only without one.
  const minute = `TRY_CAST(regexp_replace(${text}, '([T ]\\d{2}:\\d{2})(Z|[+-]\\d{2}(:?\\d{2})?)$', '\\1:00\\2') AS TIMESTAMPTZ)`;
  return `coalesce(TRY_CAST(${text} AS DOUBLE), epoch(TRY_CAST(${text} AS TIMESTAMPTZ)), epoch(${minute}), epoch(${month}), epoch(${week}))`;
};

/** Sets the parts of a made-up id apart: a character that no table of people's data holds. */
export const keySeparator = '\u001f';

/** SQL of one text for the columns that identify a row together. */
export const keyText = (key: readonly string[]): string =>
  `concat_ws(chr(${keySeparator.charCodeAt(0)}), ${key.map((name) => `coalesce(CAST(${quoteName(name)} AS VARCHAR), '')`).join(', ')})`;
