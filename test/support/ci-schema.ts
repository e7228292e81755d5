/** GitLab's JSON Schema of `.gitlab-ci.yml`, as the installed gitlab-ci-local carries it (inlined in its bundle). */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { runInNewContext } from 'node:vm';

const start = '{$schema:"http://json-schema.org/draft-07/schema#",$id:"https://gitlab.com/.gitlab-ci.yml"';

/** The end of the object literal that begins at `from`: the brace that closes it, strings skipped. */
function endOfLiteral(text: string, from: number): number {
  let depth = 0;
  let quote = '';
  for (let i = from; i < text.length; i += 1) {
    const char = text.charAt(i);
    if (quote) {
      if (char === '\\') i += 1;
      else if (char === quote) quote = '';
    } else if ('"\'`'.includes(char)) quote = char;
    else if ('{['.includes(char)) depth += 1;
    else if ('}]'.includes(char) && --depth === 0) return i + 1;
  }
  throw new Error('the schema in the bundle has no end');
}

/** The schema as data. */
export function ciSchema(): Record<string, unknown> {
  const bundle = createRequire(import.meta.url).resolve('gitlab-ci-local');
  const text = readFileSync(bundle, 'utf8');
  const from = text.indexOf(start);
  if (from < 0) throw new Error('the installed gitlab-ci-local no longer holds the schema where it was: read it anew');
  const literal = runInNewContext(`JSON.stringify(${text.slice(from, endOfLiteral(text, from))})`) as string;
  return JSON.parse(literal) as Record<string, unknown>;
}
