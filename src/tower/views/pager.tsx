/** The way to the rows behind those of a page; nothing after the last. */
export function NextPage({ href, words }: { readonly href: string | null; readonly words: string }) {
  if (href === null) return null;
  return (
    <nav class="pager" aria-label="Pages">
      <span class="ends">
        <a href={href} rel="next">
          {words}
        </a>
      </span>
    </nav>
  );
}
