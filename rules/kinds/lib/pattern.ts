/** Regular expressions from rule packs: RE2 syntax, matched in linear time. */
import { RE2JS, RE2JSException } from 're2js';

const maxLength = 1000;

const compiled = new Map<string, RE2JS>();

/** A pattern is checked with each option that it comes through and then matched: compiling it takes longest, and is done once. */
export function compile(pattern: string): RE2JS {
  const before = compiled.get(pattern);
  if (before) return before;
  const now = RE2JS.compile(pattern);
  compiled.set(pattern, now);
  return now;
}

/** What is wrong with a pattern; nothing when it compiles. */
export function patternProblems(name: string, pattern: string): readonly string[] {
  if (pattern.length > maxLength) return [`${name} has ${pattern.length} characters, at most ${maxLength} are accepted`];
  try {
    compile(pattern);
    return [];
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return [`${name} is not a regular expression of RE2 syntax: ${error.message}`];
  }
}

/** Offset of the first match; -1 when there is none. */
export function firstMatch(pattern: string, text: string): number {
  const matcher = compile(pattern).matcher(text);
  return matcher.find() ? matcher.start() : -1;
}

/** Line of an offset, from 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}
