import type { Metric } from './metric.ts';

/**
 * F1 of each class, 2 tp / (2 tp + fp + fn), averaged over the classes that are true or answered somewhere in the rows; all
 * classes weigh the same. `y` and `score` are numbers of classes from 0; -1 is an answer that is no class of the labels. Unit 1.
 */
export const macroF1: Metric = {
  name: 'f1',
  unit: '1',
  isGreaterBetter: true,
  async measure(tables, scored) {
    const [row] = await tables.query<{ f1: number | null }>(
      `WITH cells AS (SELECT y, score, count(*) AS n FROM ${scored} GROUP BY y, score),
       sides AS (SELECT y AS class, n, y = score AS hit FROM cells UNION ALL SELECT score, n, false FROM cells WHERE score >= 0)
       SELECT favg(f1 ORDER BY class) AS f1 FROM (SELECT class, 2.0 * coalesce(sum(n) FILTER (hit), 0) / sum(n) AS f1 FROM sides GROUP BY class)`,
    );
    return row?.f1 ?? null;
  },
  weighted: (y, score) => (weights) => {
    const both: number[] = [];
    const either: number[] = [];
    const count = (counts: number[], of: number, weight: number) => {
      if (of >= 0) counts[of] = (counts[of] ?? 0) + weight;
    };
    for (let i = 0; i < y.length; i++) {
      const weight = weights[i] ?? 0;
      const [is, said] = [y[i] ?? -1, score[i] ?? -1];
      count(either, is, weight);
      count(either, said, weight);
      if (is === said) count(both, is, weight);
    }
    let [sum, classes] = [0, 0];
    for (const [k, total] of either.entries())
      if (total > 0) {
        sum += (2 * (both[k] ?? 0)) / total;
        classes++;
      }
    return sum / classes;
  },
};
