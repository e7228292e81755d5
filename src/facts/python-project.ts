/** What `pyproject.toml` says about a Python project. */
import { normalName, parseRequirement, type Requirement } from './requirements.ts';
import { parseToml, type TomlTable, tableAt } from './toml.ts';

export interface PythonProject {
  /** Dependencies of the package itself (not of its extras or groups). */
  readonly dependencies: readonly Requirement[];
  readonly requiresPython: string | null;
  /** Names under `[tool]`. */
  readonly tools: ReadonlySet<string>;
  readonly toml: TomlTable;
  /** Why it could not be read. */
  readonly problem?: { readonly message: string; readonly line: number };
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** Poetry's own table, used before `[project]` was understood: `^1.2` and tables with `version`. */
function poetryDependencies(poetry: TomlTable): Requirement[] {
  return Object.entries(tableAt(poetry, 'dependencies'))
    .filter(
      ([name, value]) => name.toLowerCase() !== 'python' && tableAt(value).path === undefined && tableAt(value).optional !== true,
    )
    .map(([name, value]) => {
      const version = text(value) ?? text(tableAt(value).version) ?? '';
      return { name: normalName(name), version, hasHash: false, isPinned: /^==?[\d.]+$/.test(version), line: 1 };
    });
}

export function readPyproject(source: string): PythonProject {
  const parsed = parseToml(source);
  if (!parsed.ok) {
    const { message, line } = parsed;
    return { dependencies: [], requiresPython: null, tools: new Set(), toml: {}, problem: { message, line } };
  }
  const toml = parsed.value;
  const project = tableAt(toml, 'project');
  const poetry = tableAt(toml, 'tool', 'poetry');
  const lines = source.split('\n');
  const declared = Array.isArray(project.dependencies)
    ? project.dependencies.flatMap((each: unknown): readonly Requirement[] => {
        const line = lines.findIndex((candidate) => candidate.includes(String(each))) + 1;
        const parsed = typeof each === 'string' ? parseRequirement(each, Math.max(line, 1)) : null;
        return parsed ? [parsed] : [];
      })
    : poetryDependencies(poetry);
  return {
    dependencies: declared,
    requiresPython: text(project['requires-python']) ?? text(tableAt(poetry, 'dependencies').python),
    tools: new Set(Object.keys(tableAt(toml, 'tool'))),
    toml,
  };
}
