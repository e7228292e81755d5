/** The way to the rows behind those of a page; nothing after the last. */
export function NextPage({
  path,
  cursor,
  words,
}: {
  readonly path: string;
  readonly cursor: string | null;
  readonly words: string;
}) {
  if (cursor === null) return null;
  return (
    <nav class="pager" aria-label="Pages">
      <span class="ends">
        <a href={`${path}?cursor=${cursor}`} rel="next">
          {words}
        </a>
      </span>
    </nav>
  );
}
