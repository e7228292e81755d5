/** Lines of code in any source file: comments left out, notebooks by their code cells. */
export interface SourceLine {
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

/** Code cells of a notebook as Jupyter writes it, one line of JSON for one line of code. Outputs are no code. */
function notebookLines(text: string): SourceLine[] {
  const found: SourceLine[] = [];
  let isCode = false;
  let isSource = false;
  for (const [index, raw] of text.split('\n').entries()) {
    const type = /^\s*"cell_type": "(\w+)"/.exec(raw)?.[1];
    if (type !== undefined) isCode = type === 'code';
    if (/^\s*"source": \[/.test(raw)) isSource = true;
    else if (isSource && /^\s*\]/.test(raw)) isSource = false;
    else if (isSource && isCode) {
      const code = /^\s*"(.*)"?,?\s*$/.exec(raw)?.[1] ?? '';
      found.push({ text: code.replace(/(?:\\n)?",?$/, '').replaceAll('\\"', '"'), line: index + 1 });
    }
  }
  return found;
}

/** Chunks of R Markdown and Quarto. */
function chunkLines(text: string): SourceLine[] {
  const found: SourceLine[] = [];
  let isCode = false;
  for (const [index, raw] of text.split('\n').entries()) {
    if (/^\s*```\s*\{/.test(raw)) isCode = true;
    else if (/^\s*```/.test(raw)) isCode = false;
    else if (isCode) found.push({ text: raw, line: index + 1 });
  }
  return found;
}

/** Lines that are code, without those that are only a comment. */
export function sourceLines(path: string, text: string): readonly SourceLine[] {
  const lines = path.endsWith('.ipynb')
    ? notebookLines(text)
    : /\.(Rmd|qmd)$/.test(path)
      ? chunkLines(text)
      : text.split('\n').map((line, index) => ({ text: line, line: index + 1 }));
  return lines.filter((line) => line.text.trim() !== '' && !/^\s*#/.test(line.text));
}
