import type { Metric } from './metric.ts';

/**
 * Area under the ROC curve, exact: P(score of a yes > score of a no) + P(equal) / 2, ties by mid-ranks
 * (Hanley, McNeil 1982). Unit 1; 0.5 = no skill. Null with one class only.
 */
export const auc: Metric = {
  name: 'auc',
  unit: 'auc',
  isGreaterBetter: true,
  async measure(tables, scored) {
    const [row] = await tables.query<{ auc: number | null }>(
      `WITH groups AS (SELECT score, sum(y) AS yes, count(*) - sum(y) AS no FROM ${scored} GROUP BY score),
       ranked AS (SELECT yes, no, sum(no) OVER (ORDER BY score) - no AS below FROM groups)
       SELECT sum(yes * (below + no / 2)) / nullif(sum(yes) * sum(no), 0) AS auc FROM ranked`,
    );
    return row?.auc ?? null;
  },
  weighted(y, score) {
    const rows = Uint32Array.from(score.keys()).sort((a, b) => (score[a] ?? 0) - (score[b] ?? 0));
    const isYes = Uint8Array.from(rows, (row) => (y[row] === 1 ? 1 : 0));
    const isLastOfTie = Uint8Array.from(rows, (row, i) =>
      i + 1 < rows.length && score[rows[i + 1] ?? 0] === score[row] ? 0 : 1,
    );
    return (weights) => {
      let below = 0;
      let yesTotal = 0;
      let area = 0;
      let yes = 0;
      let no = 0;
      for (let i = 0; i < rows.length; i++) {
        const weight = weights[rows[i] as number] as number;
        if (isYes[i] === 1) yes += weight;
        else no += weight;
        if (isLastOfTie[i] === 0) continue;
        area += yes * (below + no / 2);
        below += no;
        yesTotal += yes;
        yes = 0;
        no = 0;
      }
      return area / (yesTotal * below);
    };
  },
};
