/**
 * Interpolation of `$[[ inputs.x ]]` and `$[[ component.x ]]` as GitLab documents it (https://docs.gitlab.com/ci/inputs/):
 * a value that is nothing but one block keeps its type, inside a longer string it becomes text; every input is validated.
 * Functions (`expand_vars`, `truncate`, ...) are refused, as our components use none.
 */
import { RE2JS } from 're2js';
import { parseAllDocuments } from 'yaml';

/** What GitLab knows of the include; `version` is null for a branch or a SHA. */
export interface ComponentFacts {
  readonly name: string;
  readonly version: string | null;
  readonly sha: string;
  readonly reference: string;
}

interface InputSpec {
  readonly type?: 'string' | 'number' | 'boolean' | 'array';
  readonly default?: unknown;
  readonly options?: readonly unknown[];
  readonly regex?: string;
}

interface Header {
  readonly spec?: {
    readonly inputs?: Readonly<Record<string, InputSpec | null>> | null;
    readonly component?: readonly string[];
  } | null;
}

export type Interpolated =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>>; readonly inputs: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly problems: readonly string[] };

/** The two documents of a template; a file without a header is only a body. */
export function splitTemplate(text: string): { readonly header: unknown; readonly body: unknown } {
  const documents = [...parseAllDocuments(text, { logLevel: 'error' })];
  const problem = documents.flatMap((document) => document.errors)[0];
  if (problem) throw problem;
  const [first, second] = documents.map((document): unknown => document.toJS({ maxAliasCount: 100 }));
  return documents.length > 1 ? { header: first, body: second } : { header: null, body: first };
}

const typeOf = (value: unknown): string => (Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value);

/** What is wrong with one value; empty when nothing is. */
function problemsOf(name: string, spec: InputSpec, given: unknown): readonly string[] {
  if (given === undefined && spec.default === undefined) return [`input \`${name}\`: a value is required and none was given`];
  const value = given === undefined ? spec.default : given;
  const wanted = spec.type ?? 'string';
  if (value === null && given === undefined) return [];
  if (typeOf(value) !== wanted) return [`input \`${name}\`: ${typeOf(value)} given, ${wanted} wanted`];
  if (spec.options && !spec.options.includes(value))
    return [
      `input \`${name}\`: ${JSON.stringify(value)} is not one of ${spec.options.map((option) => JSON.stringify(option)).join(', ')}`,
    ];
  if (spec.regex !== undefined && !RE2JS.compile(spec.regex).matcher(String(value)).find())
    return [`input \`${name}\`: ${JSON.stringify(value)} does not match ${spec.regex}`];
  return [];
}

const block = /\$\[\[\s*(\S.*?)\s*\]\]/g;

/** Replaces blocks everywhere in a value, keys included; a block that names nothing known is a problem. */
function replace(node: unknown, known: Readonly<Record<string, unknown>>, problems: string[]): unknown {
  const lookUp = (access: string): unknown => {
    if (access in known) return known[access];
    const isFunction = access.includes('|');
    problems.push(isFunction ? `the functions of $[[ ${access} ]] are not supported` : `unknown name in $[[ ${access} ]]`);
    return '';
  };
  const inText = (text: string): unknown => {
    const whole = /^\$\[\[\s*(\S.*?)\s*\]\]$/.exec(text)?.[1];
    if (whole !== undefined && !whole.includes(']]')) return lookUp(whole);
    return text.replace(block, (_, access: string) => {
      const value = lookUp(access);
      return typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);
    });
  };
  if (typeof node === 'string') return inText(node);
  if (Array.isArray(node)) return node.map((item) => replace(item, known, problems));
  if (node === null || typeof node !== 'object') return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [String(inText(key)), replace(value, known, problems)]));
}

/** The body of a template with its values in place, or everything that GitLab would refuse. */
export function interpolate(text: string, given: Readonly<Record<string, unknown>>, component?: ComponentFacts): Interpolated {
  const { header, body } = splitTemplate(text);
  const spec = (header as Header | null)?.spec ?? {};
  const inputs = spec.inputs ?? {};
  const problems = Object.keys(given)
    .filter((name) => !Object.hasOwn(inputs, name))
    .map((name) => `unknown input \`${name}\``);
  for (const [name, input] of Object.entries(inputs))
    problems.push(...problemsOf(name, input ?? {}, Object.hasOwn(given, name) ? given[name] : undefined));
  if (problems.length > 0) return { ok: false, problems };
  const values = Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [name, Object.hasOwn(given, name) ? given[name] : input?.default]),
  );
  const known: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of Object.entries(values)) known[`inputs.${name}`] = value;
  for (const fact of spec.component ?? []) known[`component.${fact}`] = component?.[fact as keyof ComponentFacts] ?? null;
  const value = replace(body, known, problems);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: value as Record<string, unknown>, inputs: values };
}
