import { once } from '../bootstrap.ts';
import { auc } from './auc.ts';
import type { Metric } from './metric.ts';

/** Probabilities of every class, row by row; a row is known by its handle. */
export interface ClassProbabilities {
  readonly classes: number;
  /** Keeps rows, one probability per class each; returns the handle of the first, the others follow. */
  keep(rows: readonly (readonly number[])[]): number;
  at(handle: number, k: number): number;
}

/** An empty store for probabilities of that many classes. */
export function classProbabilities(classes: number): ClassProbabilities {
  const kept: (readonly number[])[] = [];
  return {
    classes,
    keep(rows) {
      const first = kept.length;
      for (const row of rows) kept.push(row);
      return first;
    },
    at: (handle, k) => kept[handle]?.[k] ?? Number.NaN,
  };
}

/**
 * Area under the ROC curve of each class against all others, averaged over the classes that some rows have and some have not;
 * all classes weigh the same (one-vs-rest; Provost, Domingos 2000, without their weights). `y` is the number of the class from
 * 0, `score` the handle of the row's probabilities. Unit 1; 0.5 = no skill.
 */
export const macroAuc = (probabilities: ClassProbabilities): Metric => {
  const weighted: Metric['weighted'] = (y, score) => {
    const present = Array.from({ length: probabilities.classes }, (_, k) => k).filter((k) => y.includes(k));
    const each = present.map((k) =>
      auc.weighted(
        y.map((value) => (value === k ? 1 : 0)),
        score.map((handle) => probabilities.at(handle, k)),
      ),
    );
    return (weights) => {
      const values = each.map((of) => of(weights)).filter(Number.isFinite);
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    };
  };
  return {
    name: 'auc',
    unit: 'auc',
    isGreaterBetter: true,
    async measure(tables, scored) {
      const rows = await tables.query<{ y: number; score: number }>(`SELECT y, score FROM ${scored}`);
      const value = once(
        weighted(
          Float64Array.from(rows, (row) => row.y),
          Float64Array.from(rows, (row) => row.score),
        ),
        rows.length,
      );
      return Number.isFinite(value) ? value : null;
    },
    weighted,
  };
};
