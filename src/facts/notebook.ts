/** Jupyter notebooks. */

/**
 * Outputs that a notebook stores. Quotes inside a cell's source are escaped in JSON, so this key stands bare only where
 * an output begins; a notebook that is cut or broken is read as far as it goes.
 */
export function notebookOutputs(text: string): { readonly count: number; readonly firstLine: number } {
  let count = 0;
  let first = -1;
  for (const match of text.matchAll(/(?<!\\)"output_type"\s*:/g)) {
    count += 1;
    if (first < 0) first = match.index;
  }
  return { count, firstLine: first < 0 ? 1 : text.slice(0, first).split('\n').length };
}
