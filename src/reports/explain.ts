/** A check in words, for a terminal. */
import pc from 'picocolors';
import type { Explained } from '../kernel/explained.ts';
import type { TerminalOptions } from './terminal.ts';
import { clip, oneLine, wrap } from './text.ts';

interface Pen {
  readonly width: number;
  readonly paint: ReturnType<typeof pc.createColors>;
}

const penOf = ({ width = 100, color = false }: TerminalOptions): Pen => ({
  width: Math.min(Math.max(width, 40), 120),
  paint: pc.createColors(color),
});

const paragraph = (head: string, text: string | undefined, { width, paint }: Pen): string[] =>
  text ? [paint.bold(head), ...wrap(oneLine(text), width, '  '), ''] : [];

const list = (head: string, items: readonly string[][], { paint }: Pen): string[] =>
  items.length > 0 ? [paint.bold(head), ...items.flat(), ''] : [];

/** An item with its hanging indent. */
const item = (text: string, { width }: Pen): string[] =>
  wrap(oneLine(text), width, '    ').map((line, i) => (i === 0 ? `  - ${line.trimStart()}` : line));

/** Everything that is known of a check. */
export function renderExplained(check: Explained, options: TerminalOptions = {}): string {
  const pen = penOf(options);
  const { paint, width } = pen;
  const { languages } = check;
  const lines = [
    ...wrap(`${check.id}: ${oneLine(check.title)}`, width, '').map((line) => paint.bold(line)),
    paint.dim(clip(`${check.suite}, ${check.section}`, width)),
    '',
    ...paragraph('What it does', check.does, pen),
    ...paragraph('Why', check.why, pen),
    ...list(
      'What it asks for',
      check.asks.map(({ what, line, isOptional }) => [
        ...item(`${what}${isOptional ? ' (better with it)' : ''}`, pen),
        ...(line ? [paint.cyan(`      ${line}`)] : []),
      ]),
      pen,
    ),
    ...list(
      'Bounds',
      check.thresholds.map(({ what, value, source, setting }) =>
        item(`${what}: ${value}${setting ? ` (${setting})` : ''}. Source: ${source}.`, pen),
      ),
      pen,
    ),
    ...list(
      'Options',
      check.options.map(({ name, value, description }) => item(`${name}: ${value}. ${description}`, pen)),
      pen,
    ),
    ...(languages ? list('Languages', [item(`Python: ${languages.python}`, pen), item(`R: ${languages.r}`, pen)], pen) : []),
    ...paragraph('How to mend it', check.fix, pen),
    ...paragraph('How it counts', check.scoring, pen),
    ...(check.reference ? [paint.dim(check.reference), ''] : []),
  ];
  return lines.join('\n');
}

/** Every check by suite and section, a line each. */
export function renderCatalogue(checks: readonly Explained[], options: TerminalOptions = {}): string {
  const { width, paint } = penOf(options);
  const headOf = ({ suite, section }: Explained): string => `${suite}, ${section}`;
  const margin = (head: string): number =>
    Math.max(...checks.filter((check) => headOf(check) === head).map(({ id }) => id.length)) + 2;
  let before = '';
  const lines = checks.flatMap((check) => {
    const head = headOf(check);
    const isNew = head !== before;
    before = head;
    const line =
      width < 62
        ? [`  ${check.id}`, ...wrap(oneLine(check.title), width, '    ').map((part) => paint.dim(part))]
        : [clip(`  ${check.id.padEnd(margin(head))}${oneLine(check.title)}`, width)];
    return [...(isNew ? ['', paint.bold(clip(head, width))] : []), ...line];
  });
  return [...lines.slice(1), '', 'flightcheck explain ID says more of one.', ''].join('\n');
}
