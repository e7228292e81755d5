/** What a binary model does in each group of people. */
import type { Query } from '../query.ts';

export interface Group {
  readonly group: string;
  /** Scored rows with a label. */
  readonly n: number;
  /** Rows whose label is yes. */
  readonly positives: number;
  /** Rows that the model answers with yes: score >= threshold. */
  readonly selected: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  /** Mean score, a probability if the model is calibrated. */
  readonly meanScore: number;
  /** Standard deviation of label - score: the error of the calibration in the large. */
  readonly residualDeviation: number;
}

/**
 * Counts by group in one pass.
 * @param relation - SQL with columns `grp` (text), `y` (0 or 1), `score`
 */
export const groupCounts = (tables: Query, relation: string, threshold: number): Promise<readonly Group[]> =>
  tables.query<Group>(
    `SELECT grp AS "group", count(*) AS n, count(*) FILTER (y = 1) AS positives, count(*) FILTER (score >= $1) AS selected,
      count(*) FILTER (score >= $1 AND y = 1) AS "truePositives", count(*) FILTER (score >= $1 AND y = 0) AS "falsePositives",
      avg(score) AS "meanScore", coalesce(stddev_samp(y - score), 0) AS "residualDeviation"
     FROM ${relation} GROUP BY 1 ORDER BY 1`,
    [threshold],
  );

/** Share of yes answers. */
export const selectionRate = ({ selected, n }: Group): number => selected / n;
/** Share of yes answers among those whose label is yes (recall). */
export const truePositiveRate = ({ truePositives, positives }: Group): number => truePositives / positives;
/** Share of yes answers among those whose label is no. */
export const falsePositiveRate = ({ falsePositives, n, positives }: Group): number => falsePositives / (n - positives);
/** Observed share of yes minus the mean score: what the model underestimates. */
export const calibrationGap = ({ positives, n, meanScore }: Group): number => positives / n - meanScore;
