/** What makes a dashboard: checked alike, whether it comes as JSON or from a form. */
import type { Panel } from '../store/dashboards.ts';
import { dashboardSchema } from './document/dashboard-schemas.ts';
import { type ExploreState, readExploreState } from './explore-query.ts';
import { sayFaults } from './plain-errors.ts';
import { HttpProblem } from './problem.ts';
import { spanOf } from './slice-query.ts';
import { ajvOf } from './validate.ts';

type Question = ExploreState & { readonly metric: string };

/** A kept question, read as the page Explore reads it. @throws HttpProblem 400 */
export function exploreStateOf(question: string): Question {
  // A # belongs to the question: nothing behind it is left out unseen.
  const state = readExploreState(`http://localhost/explore?${question.replaceAll('#', '%23')}`);
  const { metric } = state;
  if (metric === undefined)
    throw new HttpProblem('bad-request', 'The question names no metric.', [{ parameter: 'metric', detail: 'is needed' }]);
  return { ...state, metric };
}

export interface GivenDashboard {
  readonly name: string;
  readonly panels: readonly Panel[];
  /** As it was said; absent: not. */
  readonly namespace?: string;
  readonly shared: boolean;
}

const isDashboard = ajvOf({ useDefaults: true }).compile<GivenDashboard>(dashboardSchema);
export const invalidDashboard = (detail: string, errors: HttpProblem['errors']) =>
  new HttpProblem('invalid-dashboard', detail, errors);

/** What is wrong with a question; null when nothing is. Whether its metric exists is asked when it is shown. */
function problemOf({ question }: Panel): string | null {
  try {
    spanOf(exploreStateOf(question), Date.now());
    return null;
  } catch (error) {
    if (!(error instanceof HttpProblem)) throw error;
    const first = error.errors?.[0];
    return first && 'parameter' in first ? `${first.parameter} ${first.detail}` : error.message;
  }
}

/** @throws HttpProblem 422 with a pointer to each fault. */
export function validDashboard(body: unknown): GivenDashboard {
  if (!isDashboard(body)) throw invalidDashboard('The dashboard does not fit its schema.', sayFaults(isDashboard.errors));
  const problems = body.panels.flatMap((panel, i) => {
    const detail = problemOf(panel);
    return detail === null ? [] : [{ pointer: `/panels/${i}/question`, detail }];
  });
  if (problems.length > 0) throw invalidDashboard('The dashboard has questions that cannot be asked.', problems);
  return body;
}
