/**
 * A hook's command: text with placeholders -> argument array. Split as a POSIX shell would split plain words and
 * quotes; whatever would need a shell is refused. Values are filled in after splitting and are never parsed again.
 */
import { type Place, UsageError } from '../kernel/failure.ts';
import { didYouMean } from './did-you-mean.ts';

export const placeholders = [
  'data',
  'seed',
  'params',
  'model',
  'in',
  'out',
  'historic',
  'future',
  'port',
  'junit',
  'coverage',
] as const;
export type Placeholder = (typeof placeholders)[number];

type Piece = { readonly text: string } | { readonly placeholder: Placeholder };

export interface HookCommand {
  /** As written. */
  readonly source: string;
  /** One list of pieces per argument; one argument, the script, when a shell runs it. */
  readonly words: readonly (readonly Piece[])[];
  readonly isShell: boolean;
  readonly uses: ReadonlySet<Placeholder>;
}

export interface CommandContext {
  /** What the command is, for messages: `hooks.train`. */
  readonly name: string;
  /** The placeholders that this hook may use. */
  readonly allowed: readonly Placeholder[];
  readonly place?: Place | undefined;
}

const shellPrefix = 'sh:';

const whyRefused: Readonly<Record<string, string>> = {
  '|': 'a pipe',
  '&': 'a background or && operator',
  ';': 'a command separator',
  '<': 'a redirection',
  '>': 'a redirection',
  '(': 'a subshell',
  ')': 'a subshell',
  $: 'a variable or command substitution',
  '`': 'a command substitution',
  '*': 'a glob',
  '?': 'a glob',
  '[': 'a glob',
};

function refuse(context: CommandContext, code: string, message: string, hint: string): UsageError {
  return new UsageError(code, `${context.name}: ${message}`, { hint, place: context.place });
}

/** Reads a command. Throws a UsageError: HOOK_NEEDS_SHELL, HOOK_PLACEHOLDER_UNKNOWN, HOOK_QUOTES, HOOK_EMPTY. */
export function parseCommand(source: string, context: CommandContext): HookCommand {
  const trimmed = source.trim();
  const isShell = trimmed.startsWith(shellPrefix);
  if (trimmed.includes('\0')) throw refuse(context, 'HOOK_QUOTES', 'the command holds a NUL character', 'Remove it.');
  const words = isShell ? [scriptPieces(trimmed.slice(shellPrefix.length).trim(), context)] : split(trimmed, context);
  if (words.length === 0 || words[0]?.length === 0)
    throw refuse(context, 'HOOK_EMPTY', 'the command is empty', 'Write the program and its arguments, or leave the key out.');
  const uses = new Set(words.flat().flatMap((piece) => ('placeholder' in piece ? [piece.placeholder] : [])));
  return { source: trimmed, words, isShell, uses };
}

/** The argument array with values filled in. A value is one word or part of one, whatever characters it holds. */
export function fillCommand(command: HookCommand, values: Readonly<Partial<Record<Placeholder, string>>>): string[] {
  const textOf = (name: Placeholder): string => {
    const value = values[name];
    if (value === undefined) throw new Error(`no value for {${name}} in ${command.source}`);
    return command.isShell ? quoteForShell(value) : value;
  };
  const words = command.words.map((word) =>
    word.map((piece) => ('text' in piece ? piece.text : textOf(piece.placeholder))).join(''),
  );
  return command.isShell ? ['sh', '-c', ...words] : words;
}

/** One word in any POSIX shell. (shell-quote and zx write `\!` inside double quotes or `$'...'`, which dash reads literally.) */
export function quoteForShell(value: string): string {
  return /^[A-Za-z0-9_/:=.,@%+-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/** Cuts text at `{name}`; `{{name}}` stands for the literal `{name}`. Other braces are text. */
function pieces(text: string, context: CommandContext): Piece[] {
  const found: Piece[] = [];
  let start = 0;
  const literal = (more: string): void => {
    const last = found.at(-1);
    if (more === '') return;
    if (last && 'text' in last) found[found.length - 1] = { text: last.text + more };
    else found.push({ text: more });
  };
  for (const match of text.matchAll(/\{(\{[A-Za-z_]\w*\})\}|\{([A-Za-z_]\w*)\}/g)) {
    literal(text.slice(start, match.index));
    start = match.index + match[0].length;
    if (match[1] !== undefined) literal(match[1]);
    else found.push({ placeholder: known(match[2] ?? '', context) });
  }
  literal(text.slice(start));
  return found;
}

function known(name: string, context: CommandContext): Placeholder {
  const { allowed } = context;
  const match = allowed.find((placeholder) => placeholder === name);
  if (match) return match;
  const guess = didYouMean(name, allowed);
  const list = allowed.length > 0 ? allowed.map((p) => `{${p}}`).join(' ') : 'none';
  throw refuse(
    context,
    'HOOK_PLACEHOLDER_UNKNOWN',
    `unknown placeholder {${name}}; known here: ${list}`,
    `${guess ? `Did you mean {${guess}}? ` : ''}A parameter of an MLproject is mapped under hooks.map; a literal brace is written {{${name}}}.`,
  );
}

interface Splitter {
  readonly words: Piece[][];
  /** Pieces of the word being read; null between words. */
  word: Piece[] | null;
  /** Text whose quoting is done but whose placeholders are still to be cut. */
  text: string;
}

function split(source: string, context: CommandContext): Piece[][] {
  const state: Splitter = { words: [], word: null, text: '' };
  const flush = (): void => {
    if (state.word) state.words.push([...state.word, ...pieces(state.text, context)]);
    state.word = null;
    state.text = '';
  };
  const add = (text: string): void => {
    state.word ??= [];
    state.text += text;
  };
  const needsShell = (what: string): UsageError =>
    refuse(
      context,
      'HOOK_NEEDS_SHELL',
      `the command holds ${what}, and no shell runs it: ${source}`,
      'Quote it when it is meant literally, put the steps into a script, or begin the command with `sh:` when a shell is really wanted.',
    );
  for (let i = 0; i < source.length; i += 1) {
    const char = source.charAt(i);
    if (char === "'" || char === '"') {
      const end = closing(source, i);
      if (end < 0) throw refuse(context, 'HOOK_QUOTES', `a quote is never closed: ${source}`, 'Close the quote.');
      add(char === "'" ? source.slice(i + 1, end) : doubleQuoted(source.slice(i + 1, end), needsShell));
      i = end;
    } else if (char === '\\') {
      i += 1;
      if (i === source.length) throw refuse(context, 'HOOK_QUOTES', `the command ends with a backslash: ${source}`, 'Remove it.');
      if (source.charAt(i) !== '\n') add(source.charAt(i));
    } else if (char === '\n') throw needsShell('a line break, which separates commands');
    else if (char === ' ' || char === '\t') flush();
    else if (Object.hasOwn(whyRefused, char)) throw needsShell(`${whyRefused[char]} (${char})`);
    else if (char === '~' && state.word === null) throw needsShell('a home folder (~)');
    else if (char === '#' && state.word === null) throw needsShell('a comment (#)');
    else if (state.words.length === 0 && state.word !== null && char === '=' && /^[A-Za-z_]\w*$/.test(state.text))
      throw needsShell('a variable before the program, which belongs under hooks.env,');
    else add(char);
  }
  flush();
  return state.words;
}

/** Index of the quote that closes the one at `start`; -1 when there is none. */
function closing(source: string, start: number): number {
  const quote = source.charAt(start);
  for (let i = start + 1; i < source.length; i += 1) {
    if (quote === '"' && source.charAt(i) === '\\') i += 1;
    else if (source.charAt(i) === quote) return i;
  }
  return -1;
}

function doubleQuoted(text: string, needsShell: (what: string) => UsageError): string {
  let plain = '';
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charAt(i);
    if (char === '$' || char === '`') throw needsShell(`${whyRefused[char]} (${char})`);
    if (char !== '\\') plain += char;
    else {
      i += 1;
      const next = text.charAt(i);
      if ('$`"\\'.includes(next)) plain += next;
      else if (next !== '\n') plain += `\\${next}`;
    }
  }
  return plain;
}

/** A script for a shell: its values are quoted by us, so a placeholder inside quotes would be quoted twice. */
function scriptPieces(script: string, context: CommandContext): Piece[] {
  const found = pieces(script, context);
  let quote = '';
  for (const piece of found) {
    if ('text' in piece) quote = quoteAfter(piece.text, quote);
    else if (quote !== '')
      throw refuse(
        context,
        'HOOK_QUOTES',
        `{${piece.placeholder}} stands inside quotes in a sh: command`,
        `Write {${piece.placeholder}} without quotes around it: its value always arrives as one word.`,
      );
  }
  return found;
}

function quoteAfter(text: string, before: string): string {
  let quote = before;
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charAt(i);
    if (char === '\\' && quote !== "'") i += 1;
    else if (quote === '' && (char === "'" || char === '"')) quote = char;
    else if (char === quote) quote = '';
  }
  return quote;
}
