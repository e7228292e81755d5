/** What a `.gitlab-ci.yml` says, read leniently: GitLab's own tags are kept as plain values, unknown keys do not matter. */

import type { Place } from '../../kernel/failure.ts';
import { isMap } from '../is-map.ts';
import { parseYaml, type YamlDocument } from '../yaml.ts';

export interface Include {
  readonly kind: 'component' | 'project' | 'local' | 'remote' | 'template' | 'file';
  /** Address of a component without its version, path of a file, ... */
  readonly target: string;
  /** After `@` of a component, or `ref` of a project. */
  readonly version: string | null;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly place: Place | undefined;
}

export interface CiConfiguration {
  readonly includes: readonly Include[];
  /** Jobs and hidden jobs by name. */
  readonly jobs: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** Names of jobs and the top level (empty name) with the variables they set. */
  readonly variables: readonly {
    readonly job: string;
    readonly name: string;
    readonly value: string;
    readonly place: Place | undefined;
  }[];
  place(path: readonly (string | number)[]): Place | undefined;
}

type Plain = Readonly<Record<string, unknown>>;

const globalKeys: ReadonlySet<string> = new Set(
  'include stages variables default workflow image services before_script after_script cache spec pages:deploy'.split(' '),
);

function includeOf(entry: unknown, place: Place | undefined): readonly Include[] {
  if (typeof entry === 'string')
    return [{ kind: /^https?:/.test(entry) ? 'remote' : 'local', target: entry, version: null, inputs: {}, place }];
  if (!isMap(entry)) return [];
  const { component, project, ref, file, local, remote, template } = entry;
  if (typeof component === 'string') {
    const at = component.lastIndexOf('@');
    return [
      {
        kind: 'component',
        target: at < 0 ? component : component.slice(0, at),
        version: at < 0 ? null : component.slice(at + 1),
        inputs: isMap(entry.inputs) ? entry.inputs : {},
        place,
      },
    ];
  }
  if (typeof project === 'string')
    return [
      {
        kind: 'project',
        target: `${project}:${String(file ?? '')}`,
        version: ref === undefined ? null : String(ref),
        inputs: {},
        place,
      },
    ];
  for (const [kind, target] of [
    ['local', local],
    ['remote', remote],
    ['template', template],
    ['file', file],
  ] as const)
    if (typeof target === 'string') return [{ kind, target, version: null, inputs: {}, place }];
  return [];
}

function includesOf(document: YamlDocument, root: Plain): readonly Include[] {
  const list = Array.isArray(root.include) ? root.include : root.include === undefined ? [] : [root.include];
  return list.flatMap((entry: unknown, index) =>
    includeOf(entry, document.place(Array.isArray(root.include) ? ['include', index] : ['include'])),
  );
}

function variablesOf(document: YamlDocument, job: string, holder: Plain): CiConfiguration['variables'] {
  if (!isMap(holder.variables)) return [];
  return Object.entries(holder.variables).flatMap(([name, given]) => {
    const value = isMap(given) ? given.value : given;
    if (typeof value !== 'string' && typeof value !== 'number') return [];
    const path = job === '' ? ['variables', name] : [job, 'variables', name];
    return [{ job, name, value: String(value), place: document.place(path) }];
  });
}

/** Reads the configuration. Throws a UsageError (YAML_*) with its place when it is no YAML; a component's header is skipped. */
export function readCiConfiguration(text: string, path: string): CiConfiguration {
  const document = parseYaml(text, path, { maxLength: 2 ** 20, allowTags: true });
  const root = isMap(document.value) ? document.value : {};
  const jobs = Object.entries(root).flatMap(([name, job]) => (isMap(job) && !globalKeys.has(name) ? [[name, job] as const] : []));
  return {
    includes: includesOf(document, root),
    jobs: new Map(jobs),
    variables: [...variablesOf(document, '', root), ...jobs.flatMap(([name, job]) => variablesOf(document, name, job))],
    place: (keys) => document.place(keys),
  };
}
