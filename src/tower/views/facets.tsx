/** What a list can be narrowed to, with how many there are of each; a click narrows it or takes the filter away. */
import { count } from './words.ts';

export interface Facet {
  readonly text: string;
  readonly n: number;
  readonly href: string;
  readonly isChosen?: boolean;
}

/** As many as stand in two lines. */
const mostShown = 12;

export function Facets({ title, facets }: { readonly title: string; readonly facets: readonly Facet[] }) {
  const shown = facets.slice(0, mostShown);
  if (shown.length === 0) return null;
  return (
    <nav class="facets" aria-label={title}>
      <span class="small quiet">{title}</span>
      <span class="chips">
        {shown.map(({ text, n, href, isChosen = false }) => (
          <a href={href} {...(isChosen && { 'aria-current': 'true' as const })}>
            {text} <span class="number">{count(n)}</span>
          </a>
        ))}
      </span>
      {facets.length > shown.length && <span class="small quiet">and {count(facets.length - shown.length)} more</span>}
    </nav>
  );
}
