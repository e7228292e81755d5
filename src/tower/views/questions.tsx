/** The questions that executives, risk and platform ask first, one click each. */
import { exploreHref } from './explore-state.ts';

const questions = [
  {
    ask: 'How ready are we?',
    about: 'ML Test Score by tier, half a year',
    href: exploreHref({ metric: 'tower.score.passing', by: ['tier'], last: '180d', bucket: 'week', fill: 'last', order: 'low' }),
  },
  {
    ask: 'What drifts?',
    about: 'The models whose features moved most in 14 days',
    href: exploreHref({ metric: 'model.drift.psi', agg: 'max', by: ['model'], last: '14d' }),
  },
  {
    ask: 'Which units fall behind?',
    about: 'ML Test Score of each section by owner, now and a quarter ago',
    href: exploreHref({ metric: 'tower.score.section', by: ['owner'], bucket: 'none', compare: 'previous', order: 'low' }),
  },
  {
    ask: 'What does it take to run?',
    about: 'CPU time by owner, this month and the one before',
    href: exploreHref({ metric: 'task.cpu', agg: 'sum', by: ['owner'], last: '30d', bucket: 'none', compare: 'previous' }),
  },
] as const;

/** Those whose metric some model has. */
export function Questions({ metrics }: { readonly metrics: ReadonlySet<string> }) {
  const answerable = questions.filter(({ href }) => metrics.has(new URLSearchParams(href.split('?')[1]).get('metric') ?? ''));
  if (answerable.length === 0) return null;
  return (
    <nav class="questions" aria-label="Questions">
      {answerable.map(({ ask, about, href }) => (
        <a class="panel" href={href}>
          <strong>{ask}</strong>
          <span>{about}</span>
        </a>
      ))}
    </nav>
  );
}
