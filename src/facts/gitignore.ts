/** What a `.gitignore` at the root covers. */

/** A pattern of gitignore as a regex over POSIX paths; stars are bounded by the path's segments. */
function regexOf(pattern: string): RegExp {
  const isAnchored = pattern.replace(/\/$/, '').includes('/');
  const body = pattern.replace(/^\//, '').replace(/\/$/, '');
  const source = body
    .split(/(\*\*\/|\/\*\*|\*+|\?|\[[^\]]*\])/)
    .map((part) => {
      if (part === '**/') return '(?:[^/]+/)*';
      if (part === '/**') return '/.*';
      if (part.startsWith('*')) return '[^/]*';
      if (part === '?') return '[^/]';
      if (part.startsWith('[') && part.endsWith(']')) return `[${part.slice(1, -1).replace(/^!/, '^').replaceAll('\\', '')}]`;
      return part.replace(/[.+^${}()|[\]\\]/g, '\\$&');
    })
    .join('');
  return new RegExp(`${isAnchored ? '^' : '(?:^|/)'}${source}(?:/|$)`);
}

/** Tells whether the patterns ignore a path; a path that ends in `/` is a folder. Later lines outrank earlier ones. */
export function ignores(gitignore: string, path: string): boolean {
  let isIgnored = false;
  for (const raw of gitignore.split(/\r?\n/)) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.length > 500) continue;
    const isNegated = line.startsWith('!');
    const pattern = isNegated ? line.slice(1) : line;
    if ((pattern.match(/\*/g) ?? []).length > 5) continue;
    try {
      if (regexOf(pattern).test(path)) isIgnored = !isNegated;
    } catch {
      // An unbalanced class matches nothing in git either.
    }
  }
  return isIgnored;
}
