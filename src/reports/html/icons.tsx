import type { Outcome } from '../../kernel/report.ts';

const ring = <circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6" />;
const mark = (d: string) => (
  <path d={d} fill="none" stroke="var(--panel)" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" />
);

/** One shape per outcome, so that nobody needs to see the colour. */
function shapeOf(outcome: Outcome) {
  switch (outcome) {
    case 'pass':
      return [<circle cx="8" cy="8" r="7" fill="currentColor" />, mark('M4.9 8.2 7.1 10.4 11.2 5.8')];
    case 'fail':
      return [
        <path d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z" fill="currentColor" />,
        mark('M5.6 5.6 10.4 10.4M10.4 5.6 5.6 10.4'),
      ];
    case 'manual':
      return [ring, <path d="M8 1.8a6.2 6.2 0 0 0 0 12.4z" fill="currentColor" />];
    case 'error':
      return [<path d="M8 .9 15.6 14.6H.4z" fill="currentColor" stroke-linejoin="round" />, mark('M8 6v3.6M8 12.1v.1')];
    case 'not-applicable':
      return [ring, <path d="M3.7 12.3 12.3 3.7" stroke="currentColor" stroke-width="1.6" />];
    case 'skipped':
      return [
        <circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6" stroke-dasharray="2.6 2.27" />,
        <path d="M5.4 8h5.2" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" />,
      ];
  }
}

/** Decorative: the word for the outcome must stand beside it. Takes its colour from the nearest `.is-<outcome>`. */
export function OutcomeIcon({ outcome }: { readonly outcome: Outcome }) {
  return (
    <svg class={`icon is-${outcome}`} viewBox="0 0 16 16" aria-hidden="true">
      {shapeOf(outcome)}
    </svg>
  );
}
