/**
 * Tasks of a DAG as other tools describe them: stages of DVC (https://dvc.org/doc/user-guide/project-structure/dvcyaml-files)
 * and entry points of MLflow (https://mlflow.org/docs/latest/ml/projects/). Both run their commands in a shell, so a task
 * does, too; nothing of them is evaluated here. What only the other tool could resolve is refused, with its place.
 */
import { posix } from 'node:path';
import { type Place, UsageError } from '../kernel/failure.ts';
import { quoteForShell } from './command.ts';
import { isMap } from './is-map.ts';
import { type KeyPath, parseYaml, type YamlDocument } from './yaml.ts';

export interface Stage {
  readonly command: readonly string[];
  readonly dependsOn: readonly string[];
}
export type Stages = Readonly<Record<string, Stage>>;

const mostStages = 1000;
/** Characters: of a command, which Linux takes as one argument, of a path, and of all that one file becomes. */
const most = { command: 128 * 1024, path: 4096, file: 2 ** 20 } as const;
const idPattern = /^[A-Za-z0-9_.-]{1,250}$/;

const own = (map: unknown, key: string): unknown => (isMap(map) && Object.hasOwn(map, key) ? map[key] : undefined);
const isPlain = (value: unknown): value is string | number | boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

const refusal =
  (document: YamlDocument, path: string) =>
  (at: KeyPath, message: string, hint: string): UsageError => {
    const place: Place = document.place(at) ?? { path };
    return new UsageError('DAG_SOURCE', `${path}: ${message}`, { hint, place });
  };
type Refuse = ReturnType<typeof refusal>;

/** Maps of a document by their names; refuses what is none, too many, or cannot be a task. */
function named(map: unknown, at: string, what: string, refuse: Refuse): readonly (readonly [string, unknown])[] {
  if (!isMap(map) || Object.keys(map).length === 0) throw refuse([at], `it has no ${what}s`, `Write them under ${at}.`);
  const entries = Object.entries(map);
  if (entries.length > mostStages)
    throw refuse([at], `it has ${entries.length} ${what}s, at most ${mostStages} are read`, 'Divide it.');
  for (const [id] of entries)
    if (!idPattern.test(id))
      throw refuse([at, id], `the ${what} ${JSON.stringify(id)} cannot be a task`, 'Letters, digits, _, - and . make an id.');
  return entries;
}

type Fill = (text: string, of: 'command' | 'path', at: KeyPath, pattern: RegExp, valueFor: ValueOf) => string;
type ValueOf = (written: string, ...groups: string[]) => string;

/** Fills in what matches. Few characters can ask for many: what grows too long is refused before it is written out. */
function filler(refuse: Refuse): Fill {
  let inAll = 0;
  return (text, of, at, pattern, valueFor) => {
    const check = (length: number, limit: number, what: string): void => {
      if (length <= limit) return;
      throw refuse(at, `${what} has more than ${limit} characters once it is filled in`, 'Use shorter values, or a script.');
    };
    let grown = 0;
    const filled = text.replaceAll(pattern, (written: string, ...groups: string[]) => {
      const value = valueFor(written, ...groups);
      grown += value.length;
      check(grown, most[of], `a ${of}`);
      return value;
    });
    inAll += filled.length;
    check(filled.length, most[of], `a ${of}`);
    check(inAll, most.file, 'the file');
    return filled;
  };
}

const shell = (command: string): readonly string[] => ['sh', '-c', command];

/** Commands in a text, as DVC cuts it. */
const linesOf = (text: string): readonly string[] => text.split(/\r\n?|\n/).filter((line) => line.trim() !== '');

/** Several commands as DVC runs them: each in a shell of its own, until the first that fails. */
const scriptOf = (commands: readonly string[]): string =>
  commands.length === 1 ? (commands[0] ?? '') : commands.map((each) => `sh -c ${quoteForShell(each)}`).join(' && ');

/** `vars` of a dvc.yaml that are written in it, and params.yaml, which DVC reads unless told otherwise. */
function variablesOf(document: YamlDocument, params: unknown, refuse: Refuse): readonly unknown[] {
  const vars = own(document.value, 'vars');
  if (vars === undefined) return [params];
  if (!Array.isArray(vars)) throw refuse(['vars'], 'vars is not a list', 'Write vars: [{name: value}].');
  if (vars.length > mostStages)
    throw refuse(['vars'], `vars has ${vars.length} entries, at most ${mostStages} are read`, 'Put several values into one map.');
  const named = vars.map((each: unknown, i) => {
    if (isMap(each)) return each;
    if (each === 'params.yaml') return params;
    throw refuse(['vars', i], `vars read ${JSON.stringify(each)}`, 'Write the values into dvc.yaml or params.yaml.');
  });
  return [...named, params];
}

const interpolated = /(\\?)\$\{([^}]{0,200})\}/g;

/** What `${a.b}` stands for: a text, a number or a boolean in the files. */
function variableOf(written: string, inner: string, variables: readonly unknown[], at: KeyPath, refuse: Refuse): string {
  const keys = inner.trim().split('.');
  let value: unknown;
  for (const from of variables) {
    value = keys.reduce<unknown>(own, from);
    if (value !== undefined) break;
  }
  if (isPlain(value)) return String(value);
  const why = value === undefined ? 'is in neither vars nor params.yaml' : 'is not a text, a number or a boolean';
  throw refuse(at, `${written} ${why}`, 'Write the value down; nothing is evaluated.');
}

interface DvcStage extends Stage {
  readonly id: string;
  readonly deps: readonly string[];
  readonly outs: readonly string[];
}

/** The folders above a path, and the path. */
const upwards = (path: string): readonly string[] => [
  ...[...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index)),
  path,
];

/** By its id what a stage waits for: the makers of its deps, of what they lie in, and of what lies in them. */
function edgesOf(stages: readonly DvcStage[], makers: ReadonlyMap<string, string>): (stage: DvcStage) => readonly string[] {
  const makersIn = new Map<string, Set<string>>();
  for (const dep of stages.flatMap(({ deps }) => deps)) makersIn.set(dep, new Set());
  for (const [out, maker] of makers) for (const folder of upwards(out)) makersIn.get(folder)?.add(maker);
  return ({ id, deps }) => {
    const before = new Set<string>();
    for (const dep of new Set(deps)) {
      for (const maker of makersIn.get(dep) ?? []) before.add(maker);
      for (const folder of upwards(dep)) before.add(makers.get(folder) ?? id);
    }
    before.delete(id);
    return [...before].sort();
  };
}

function dvcStage(id: string, stage: unknown, variables: readonly unknown[], refuse: Refuse, fillIn: Fill): DvcStage {
  const at = ['stages', id];
  if (!isMap(stage)) throw refuse(at, `the stage ${id} is not a map`, 'Write its cmd, deps and outs.');
  for (const key of ['foreach', 'matrix'])
    if (own(stage, key) !== undefined)
      throw refuse([...at, key], `the stage ${id} is made by ${key}, which only DVC can expand`, 'Write its stages out.');
  const fill = (text: string, key: string): string =>
    fillIn(text, key === 'cmd' ? 'command' : 'path', [...at, key], interpolated, (written, escaped = '', inner = '') =>
      escaped === '' ? variableOf(written, inner, variables, [...at, key], refuse) : written.slice(1),
    );
  const cmd = own(stage, 'cmd');
  const lines = Array.isArray(cmd) ? cmd : [cmd];
  if (lines.length === 0 || !lines.every((each): each is string => typeof each === 'string' && each.trim() !== ''))
    throw refuse([...at, 'cmd'], `the stage ${id} has no cmd`, 'Write its command as text, or a list of them.');
  const wdir = posix.normalize(fill(String(own(stage, 'wdir') ?? '.'), 'wdir')).replace(/\/$/, '');
  if (posix.isAbsolute(wdir) || wdir.split('/').includes('..'))
    throw refuse([...at, 'wdir'], `the stage ${id} works in ${wdir}, outside the repo`, 'Name a folder inside it.');
  const paths = (key: string): readonly string[] => {
    const list = own(stage, key) ?? [];
    if (!Array.isArray(list)) throw refuse([...at, key], `${key} of the stage ${id} is not a list`, 'Write a list of paths.');
    return list
      .flatMap((each: unknown) => (isMap(each) ? Object.keys(each) : [String(each)]))
      .map((path) => posix.normalize(posix.join(wdir, fill(path, key))).replace(/\/$/, ''));
  };
  const filled = lines.map((line) => fill(line, 'cmd'));
  const script = scriptOf(Array.isArray(cmd) ? filled : filled.flatMap(linesOf));
  if (script === '') throw refuse([...at, 'cmd'], `the stage ${id} has no cmd`, 'Its command is empty once it is filled in.');
  if (script.length > most.command)
    throw refuse([...at, 'cmd'], `the cmd of ${id} has more than ${most.command} characters`, 'Put it into a script.');
  return {
    id,
    command: shell(wdir === '.' ? script : `cd -- ${quoteForShell(wdir)} && ${script}`),
    dependsOn: [],
    deps: paths('deps'),
    outs: ['outs', 'metrics', 'plots'].flatMap(paths),
  };
}

/** Stages of a dvc.yaml; a stage waits for those whose outs are among its deps. Throws YAML_* and DAG_SOURCE. */
export function stagesOfDvc(text: string, path: string, params: string | null): Stages {
  const document = parseYaml(text, path);
  const refuse = refusal(document, path);
  const fillIn = filler(refuse);
  const variables = variablesOf(document, params === null ? {} : parseYaml(params, 'params.yaml').value, refuse);
  const stages = named(own(document.value, 'stages'), 'stages', 'stage', refuse).map(([id, stage]) =>
    dvcStage(id, stage, variables, refuse, fillIn),
  );
  const makers = new Map<string, string>();
  for (const { id, outs } of stages)
    for (const out of outs) {
      const other = makers.get(out);
      if (other !== undefined)
        throw refuse(['stages', id], `${out} is an out of both ${other} and ${id}`, 'One stage makes a file.');
      makers.set(out, id);
    }
  const edges = edgesOf(stages, makers);
  return Object.fromEntries(stages.map((stage) => [stage.id, { command: stage.command, dependsOn: edges(stage) }]));
}

/**
 * Entry points of an MLproject: those that `wanted` names; without any `main`, which is what `mlflow run` runs; else all.
 * Parameters get the value given for their name, else their default. Throws YAML_* and DAG_SOURCE.
 */
export function stagesOfMlproject(
  text: string,
  path: string,
  wanted: readonly string[],
  given: Readonly<Record<string, unknown>>,
): Stages {
  const document = parseYaml(text, path, { allowDuplicates: true });
  const refuse = refusal(document, path);
  const fillIn = filler(refuse);
  const all = named(own(document.value, 'entry_points'), 'entry_points', 'entry point', refuse);
  const isNamed = all.some(([id]) => wanted.includes(id));
  const hasMain = all.some(([id]) => id === 'main');
  const chosen = all.filter(([id]) => (isNamed ? wanted.includes(id) : !hasMain || id === 'main'));
  return Object.fromEntries(
    chosen.map(([id, point]) => {
      const at = ['entry_points', id];
      const command = own(point, 'command');
      if (typeof command !== 'string' || command.trim() === '')
        throw refuse(at, `the entry point ${id} has no command`, 'Write its command as text.');
      const parameters = own(point, 'parameters');
      const valueFor: ValueOf = (written, open = '', name = '', close = '') => {
        if (open !== '' && close !== '') return written.slice(1, -1);
        const value = own(given, name) ?? own(own(parameters, name), 'default');
        if (isPlain(value)) return `${open}${quoteForShell(String(value))}${close}`;
        throw refuse(
          [...at, 'command'],
          `the entry point ${id} asks for {${name}}, which has no default`,
          `Give it one, or set dag.params.${name} in flightcheck.yml.`,
        );
      };
      const filled = fillIn(command.trim(), 'command', [...at, 'command'], /(\{?)\{([A-Za-z_]\w*)\}(\}?)/g, valueFor);
      return [id, { command: shell(filled), dependsOn: [] }];
    }),
  );
}
