/** A plain map (not an array, not null): what YAML and JSON call a mapping. */
export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
