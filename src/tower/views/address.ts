/** Address of a page: what is not said stays out of it. */
export function addressOf(path: string, fields: Readonly<Record<string, string | number | undefined | null>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined && value !== null && value !== '') parameters.set(name, String(value));
  const query = parameters.toString();
  return query ? `${path}?${query}` : path;
}
