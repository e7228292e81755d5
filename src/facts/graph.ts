/** Directed graphs given as name -> names it depends on. */

/** One cycle, first name repeated at the end; null when there is none. Names that are no key are ignored. */
export function findCycle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  const done = new Set<string>();
  for (const start of graph.keys()) {
    // An explicit stack: a chain of ten thousand tasks must not exhaust the real one.
    const path: { readonly name: string; next: number }[] = [{ name: start, next: 0 }];
    const onPath = new Set([start]);
    while (!done.has(start)) {
      const top = path.at(-1);
      if (!top) break;
      const child = graph.get(top.name)?.[top.next];
      top.next += 1;
      if (child === undefined) {
        done.add(top.name);
        onPath.delete(top.name);
        path.pop();
      } else if (onPath.has(child)) {
        const names = path.map((each) => each.name);
        return [...names.slice(names.indexOf(child)), child];
      } else if (graph.has(child) && !done.has(child)) {
        path.push({ name: child, next: 0 });
        onPath.add(child);
      }
    }
  }
  return null;
}
