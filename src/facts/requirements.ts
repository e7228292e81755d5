/** pip requirements files: https://pip.pypa.io/en/stable/reference/requirements-file-format/ */
export interface Requirement {
  /** Normalised name: lower case, `-` between words. */
  readonly name: string;
  /** Version part as written: `==1.2.3`, `>=1`, empty. */
  readonly version: string;
  readonly hasHash: boolean;
  /** Fixed by `==` without a wildcard, by a commit, or by a file with a hash. */
  readonly isPinned: boolean;
  readonly line: number;
}

/** PEP 503. */
export const normalName = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, '-');

const requirement = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(@\s*\S+|[^;#]*)/;

/** One declared dependency, as in a requirements file or in `project.dependencies`; null when it is none. */
export function parseRequirement(text: string, line = 1): Requirement | null {
  const match = requirement.exec(text.trim());
  if (!match) return null;
  const [, name = '', rest = ''] = match;
  const version = rest.replace(/--hash=\S+/g, '').replace(/\s+|\\$/g, '');
  const isCommit = /@(git\+\S+@[0-9a-f]{40}|\S+#sha256=[0-9a-f]{64})/.test(version);
  return {
    name: normalName(name),
    version,
    hasHash: /--hash=sha\d+:/.test(text),
    isPinned: isCommit || /^={2,3}[^*,]+$/.test(version.replace(/^\((.*)\)$/, '$1')),
    line,
  };
}

/** What a requirements file asks for; options, includes and comments are left out. */
export function parseRequirements(text: string): readonly Requirement[] {
  const found: Requirement[] = [];
  let logical = '';
  let start = 1;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    if (logical === '') start = index + 1;
    logical += `${raw.replace(/(^|\s)#.*$/, '')} `;
    if (raw.trimEnd().endsWith('\\')) continue;
    const line = logical.replaceAll('\\ ', ' ').trim();
    logical = '';
    const editable = /^(?:-e|--editable)[ =]/.test(line);
    if (line === '' || (line.startsWith('-') && !editable)) continue;
    if (editable || /^(\.|\/|git\+|https?:|file:)/.test(line)) {
      const source = line.replace(/^\S+ /, editable ? '' : '$&').trim();
      // The repo's own package is fixed by the commit that is checked out.
      if (/^(\.|file:\.)/.test(source)) continue;
      const name = /#egg=([\w.-]+)/.exec(source)?.[1] ?? source;
      found.push({
        name: normalName(name),
        version: source,
        hasHash: false,
        isPinned: /@[0-9a-f]{40}\b|#sha256=/.test(source),
        line: start,
      });
      continue;
    }
    const parsed = parseRequirement(line, start);
    if (parsed) found.push(parsed);
  }
  return found;
}
