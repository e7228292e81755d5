/** Values and calls as Python text. */

/**
 * A value as a Python literal. JSON text is the same literal in Python once true, false and null are spelt out and no
 * lone surrogate, which Python cannot encode, is left.
 */
export function python(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : `float("${value}")`;
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed()).replaceAll('\u007f', '\\u007f');
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([key, inner]) => `${python(key)}: ${python(inner)}`)
    .join(', ')}}`;
}

/** Keyword arguments, one a line; undefined ones are left out. */
export const call = (name: string, given: Readonly<Record<string, string | undefined>>): string =>
  `${name}(\n${Object.entries(given)
    .flatMap(([key, value]) => (value === undefined ? [] : [`        ${key}=${value},\n`]))
    .join('')}    )`;
