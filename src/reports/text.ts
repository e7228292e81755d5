/** Hostile text made harmless: reports carry strings from model repos and from other jobs' artifacts. */
import { stripVTControlCharacters } from 'node:util';
import type { Report } from '../kernel/report.ts';

/** Links and titles for the terminal (OSC): from ESC ] to BEL or ESC \\; Node's stripper leaves their text behind. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const operatingSystemCommand = /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\|$)/g;

const suspicious = /[\p{Cc}\p{Cs}\p{Bidi_Control}\uFFFE\uFFFF]/u;

/**
 * Without terminal escapes, control characters (line breaks and tabs stay), lone surrogates, characters that XML forbids
 * and marks that reverse the direction of text.
 */
export function cleanText(text: string): string {
  if (!suspicious.test(text)) return text;
  return stripVTControlCharacters(text.replaceAll(operatingSystemCommand, ''))
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/(?![\n\t])\p{Cc}/gu, ' ')
    .replaceAll(/[\p{Cs}\p{Bidi_Control}\uFFFE\uFFFF]/gu, '');
}

/** As cleanText, on one line. */
export const oneLine = (text: string): string => cleanText(text).replaceAll(/\s+/g, ' ').trim();

/** At most `most` characters, with an ellipsis where something was cut. */
export function clip(text: string, most: number): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** Wraps at spaces; each line begins with the margin. */
export function wrap(text: string, width: number, margin: string): string[] {
  const room = Math.max(10, width - margin.length);
  const lines = [''];
  for (const word of text.trim().split(/\s+/)) {
    const last = lines[lines.length - 1] ?? '';
    if (last !== '' && last.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((line) => margin + line);
}

function cleanValue(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (Array.isArray(value)) return value.map(cleanValue);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [oneLine(key), cleanValue(inner)]));
}

/** The same report with every string cleaned. */
export const cleanReport = (report: Report): Report => cleanValue(report) as Report;

/** An address fit for `href`: only http and https, else undefined. */
export function safeUrl(url: string | null | undefined): string | undefined {
  if (!url || !URL.canParse(url)) return undefined;
  const { protocol, href } = new URL(url);
  return protocol === 'https:' || protocol === 'http:' ? href : undefined;
}

/** `2026-11-20T06:12:40Z` -> `2026-11-20 06:12 UTC`. */
export const formatTime = (at: string): string => `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`;
