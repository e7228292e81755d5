/** What `DESCRIPTION` and `renv.lock` say about an R project. */

/** Fields of a DESCRIPTION (Debian control format); continuation lines are joined. */
export function readDescription(text: string): ReadonlyMap<string, { readonly value: string; readonly line: number }> {
  const fields = new Map<string, { value: string; line: number }>();
  let current: { value: string; line: number } | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const start = /^([A-Za-z][\w/@.-]*):\s*(.*)$/.exec(line);
    if (start) {
      current = { value: start[2] ?? '', line: index + 1 };
      fields.set(start[1] ?? '', current);
    } else if (current && /^\s/.test(line)) current.value += ` ${line.trim()}`;
  }
  return fields;
}

export interface RDependency {
  readonly name: string;
  /** `>= 1.2`, or empty. */
  readonly version: string;
  readonly line: number;
}

/** Packages that come with R: nothing has to pin them. */
const basePackages: ReadonlySet<string> = new Set(
  'R base compiler datasets grDevices graphics grid methods parallel splines stats stats4 tcltk tools utils translations'.split(
    ' ',
  ),
);

/** Packages that the code needs to run: Depends, Imports and LinkingTo. */
export function rDependencies(description: string): readonly RDependency[] {
  const fields = readDescription(description);
  return ['Depends', 'Imports', 'LinkingTo'].flatMap((field) => {
    const { value = '', line = 1 } = fields.get(field) ?? {};
    return value.split(',').flatMap((part) => {
      const match = /^\s*([A-Za-z][\w.]*)\s*(?:\(([^)]*)\))?/.exec(part);
      const name = match?.[1];
      return name === undefined || basePackages.has(name) ? [] : [{ name, version: match?.[2]?.trim() ?? '', line }];
    });
  });
}

export interface RenvLock {
  readonly rVersion: string | null;
  /** Version by package. */
  readonly packages: ReadonlyMap<string, string>;
}

/** Null when it is not the JSON that renv writes. */
export function readRenvLock(text: string): RenvLock | null {
  try {
    const lock = JSON.parse(text) as { R?: { Version?: unknown }; Packages?: Record<string, { Version?: unknown }> } | null;
    if (lock === null || typeof lock !== 'object' || typeof lock.Packages !== 'object' || lock.Packages === null) return null;
    const packages = Object.entries(lock.Packages).map(([name, entry]) => [name, String(entry?.Version ?? '')] as const);
    return { rVersion: typeof lock.R?.Version === 'string' ? lock.R.Version : null, packages: new Map(packages) };
  } catch {
    return null;
  }
}
