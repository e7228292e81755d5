/** Headings of Markdown and reStructuredText. */
export interface Heading {
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

const plain = (text: string): string => text.replace(/[*_`]|\[([^\]]*)\]\([^)]*\)/g, '$1').trim();

/** Headings outside fenced code: `# text`, and text above a line of `===`, `---` or `~~~`. */
export function headingsOf(text: string): readonly Heading[] {
  const headings: Heading[] = [];
  const lines = text.split(/\r?\n/);
  let fence: string | undefined;
  for (const [index, line] of lines.entries()) {
    // No heading is this long, and some patterns below are slow on long lines.
    if (line.length > 1000) continue;
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    const before = lines[index - 1] ?? '';
    if (fence !== undefined) {
      if (mark?.startsWith(fence) && line.trim() === mark) fence = undefined;
      continue;
    }
    const isUnderline = /^(={3,}|-{3,}|~{3,})\s*$/.test(line) && /\w/.test(before) && !/^\s*([-*+#|>]|\d+\.)/.test(before);
    if (isUnderline) headings.push({ text: plain(before), line: index });
    else if (mark !== undefined) fence = mark.slice(0, 3);
    const title = /^ {0,3}#{1,6}\s+(.*?)(?:\s+#+)?\s*$/.exec(line)?.[1];
    if (title) headings.push({ text: plain(title), line: index + 1 });
  }
  return headings;
}
