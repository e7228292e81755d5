/** Whether the threshold makes a yes or a no of the scores at all. */
import { skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { Query } from '../../../src/stats/query.ts';
import { cell } from './manifest.ts';
import type { Scored } from './scored.ts';
import type { Setting } from './setting.ts';

/** Why the threshold decides nothing: scores of another scale, or one answer for everybody, which no group can complain of. */
export async function undecided(tables: Query, { manifest }: Setting, { relation, rows }: Scored): Promise<Verdict | null> {
  const { threshold } = manifest.decision;
  // Calibration asks for no decision.
  if (manifest.fairness.criterion === 'calibration') return null;
  const [found] = await tables.query<{ yes: number; outside: number; low: number; high: number }>(
    `SELECT count(*) FILTER (score >= $1) AS yes, count(*) FILTER (score < 0 OR score > 1) AS outside,
       min(score) AS low, max(score) AS high FROM ${relation}`,
    [threshold],
  );
  if (!found) return null;
  const range = `scores from ${cell(found.low)} to ${cell(found.high)}`;
  const isShare = threshold > 0 && threshold < 1;
  if (isShare && found.outside > 0)
    return skipped(
      `inconclusive: ${found.outside} of ${rows} scores are no probabilities, and decision.threshold is ${threshold}: ${range}`,
      {
        nextStep: 'Let predict answer with probabilities, or name the threshold on the scale of its scores.',
      },
    );
  if (found.yes > 0 && found.yes < rows) return null;
  const answer = found.yes > 0 ? 'yes' : 'no';
  return skipped(`inconclusive: with decision.threshold ${threshold} every one of ${rows} rows is a ${answer}: ${range}`, {
    nextStep: 'Name the threshold that decides: the score from which on the answer is yes.',
    manifestLine: 'decision: { threshold: ... }',
  });
}
