/** Unit tests for one model, rendered from what its manifest and its tables say; every value is escaped for its language. */
import Handlebars from 'handlebars';
import type { HookCommand } from '../../facts/command.ts';
import { texts } from './scaffold.generated.ts';

export type TestLanguage = 'python' | 'r';

/** A word of a command: text, and values by name. */
type Word = readonly (string | { readonly name: string })[];

export interface TestFacts {
  /** Of the model. */
  readonly name: string;
  readonly task: 'binary' | 'multiclass' | 'regression';
  readonly id: string;
  readonly label: string;
  /** Value of the label that counts as yes, as text. */
  readonly positive: string;
  readonly delimiter: string;
  /** Patterns of the tables inside the repo. */
  readonly train: string;
  readonly evaluation: string;
  readonly commands: Readonly<Record<string, readonly Word[]>>;
  readonly env: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, unknown>>;
  /** Numeric features with the range that is expected of them. */
  readonly numbers: Readonly<Record<string, readonly [number, number]>>;
  readonly categories: readonly string[];
  readonly slices: readonly string[];
  /** Columns that must not move a prediction, and which test of the rubric that is evidence for. */
  readonly others: readonly string[];
  readonly invarianceMark: 'data-4' | 'model-7';
  /** The number that goes with the label most, where one does. */
  readonly direction: { readonly name: string; readonly low: string; readonly high: string; readonly isUp: boolean } | null;
}

/** A command as data: no shell reads it, unless it asked for one, which is then handed the values as its arguments. */
export function wordsOf(command: HookCommand): readonly Word[] {
  if (!command.isShell)
    return command.words.map((word) => word.map((piece) => ('text' in piece ? piece.text : { name: piece.placeholder })));
  const values: Word[] = [];
  const script = command.words
    .flat()
    .map((piece) => ('text' in piece ? piece.text : `"$${values.push([{ name: piece.placeholder }])}"`))
    .join('');
  return [['sh'], ['-c'], [script], ['sh'], ...values];
}

const number = (value: number): string => (Number.isFinite(value) ? String(value) : value > 0 ? '1e308' : '-1e308');

const longestLine = 100;

/** Items between brackets: on one line where they fit, else one to a line. */
function bracketed(open: string, items: readonly string[], close: string): string {
  const line = `${open}${items.join(', ')}${close}`;
  if (line.length <= longestLine && !line.includes('\n')) return line;
  return `${open}\n${items.map((item) => `  ${item.replaceAll('\n', '\n  ')}`).join(',\n')}\n${close}`;
}

/** JSON leaves whole characters as they are, so both languages read its texts; a line break is always escaped. */
const text = (value: string): string => JSON.stringify(value).replaceAll('\u007f', '\\x7f');

/** A Python literal. */
export function pythonLiteral(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return number(value);
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return bracketed('[', value.map(pythonLiteral), ']');
  const entries = Object.entries(value).map(([key, inner]) => `${text(key)}: ${pythonLiteral(inner)}`);
  return bracketed('{', entries, '}');
}

/** An R literal: vectors of texts and numbers, lists of everything else. */
export function rLiteral(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (typeof value === 'number') return number(value);
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) {
    if (value.length === 0) return 'character()';
    const isPlain = value.every((item) => typeof item === 'string') || value.every((item) => typeof item === 'number');
    return bracketed(isPlain ? 'c(' : 'list(', value.map(rLiteral), ')');
  }
  const entries = Object.entries(value as object).map(([key, inner]) => `${text(key)} = ${rLiteral(inner)}`);
  return bracketed('list(', entries, ')');
}

const helpers = {
  py: pythonLiteral,
  r: rLiteral,
  join: (...parts: readonly unknown[]) => parts.slice(0, -1).join(''),
  /** Text for a comment or a docstring: nothing in it can end either. */
  oneLine: (text: unknown) => String(text).replaceAll(/[^\p{L}\p{N} ._,-]+/gu, ' '),
  identifier: (text: unknown) => String(text).replaceAll(/\W+/g, '_').toLowerCase(),
};

/** Path inside the repo and text of each test file. */
export function renderTests(language: TestLanguage, facts: TestFacts): ReadonlyMap<string, string> {
  const handlebars = Handlebars.create();
  const { task, direction, params } = facts;
  const values = {
    ...facts,
    isBinary: task === 'binary',
    isClass: task === 'multiclass',
    hasFeatures: facts.commands.features !== undefined,
    direction: direction && {
      ...direction,
      word: direction.isUp ? 'higher' : 'lower',
      lowCells: { [direction.name]: direction.low },
      highCells: { [direction.name]: direction.high },
    },
    paramsText: JSON.stringify(params),
  };
  const files = new Map<string, string>();
  for (const [path, text] of Object.entries(texts)) {
    if (!path.startsWith(`${language}/`)) continue;
    const render = handlebars.compile(text, { strict: true, noEscape: true, knownHelpersOnly: true, knownHelpers });
    files.set(path.slice(language.length + 1).replace(/\.hbs$/, ''), render(values, { helpers }));
  }
  return files;
}

const knownHelpers = Object.fromEntries(Object.keys(helpers).map((name) => [name, true]));
