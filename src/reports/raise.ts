/**
 * Which steps raise the final score, and to what. It is the least of the sections, so a step in one of two weakest sections
 * raises nothing by itself: steps are put in an order, and each is judged with those before it done.
 */

export interface Move {
  /** Points that it brings, by section. */
  readonly gains: ReadonlyMap<string, number>;
  /** Work, in no unit; greater is more. */
  readonly effort: number;
  /** Before all others, whatever it brings. */
  readonly isFirst: boolean;
}

export interface Raise<M extends Move> {
  readonly move: M;
  readonly sections: readonly { readonly id: string; readonly from: number; readonly to: number }[];
  readonly final: { readonly from: number; readonly to: number };
  /** It lifts a section that sets the score when its turn comes. */
  readonly liftsWeakest: boolean;
}

/** Of the paper: seven tests of at most a point. */
const most = 7;
const leastOf = (scores: ReadonlyMap<string, number>): number => (scores.size === 0 ? 0 : Math.min(...scores.values()));

const after = (scores: ReadonlyMap<string, number>, { gains }: Move): ReadonlyMap<string, number> =>
  new Map([...scores].map(([id, score]) => [id, Math.min(most, score + (gains.get(id) ?? 0))]));

/** What a move is worth now, the most important first: greater is better. */
function worthOf(move: Move, scores: ReadonlyMap<string, number>): readonly number[] {
  const least = leastOf(scores);
  const weak = [...scores].filter(([, score]) => score === least).reduce((sum, [id]) => sum + (move.gains.get(id) ?? 0), 0);
  const all = [...move.gains.values()].reduce((sum, gain) => sum + gain, 0);
  const final = leastOf(after(scores, move)) - least;
  return [move.isFirst ? 1 : 0, final / move.effort, weak / move.effort, all / move.effort];
}

function isBetter(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at >= 0 && (a[at] ?? 0) > (b[at] ?? 0);
}

/** Points gained per effort, step by step: what raises the final score first, then what lifts the sections that hold it down. */
export function inOrder<M extends Move>(moves: readonly M[], start: ReadonlyMap<string, number>): readonly Raise<M>[] {
  const left = [...moves];
  const raises: Raise<M>[] = [];
  let scores = start;
  while (left.length > 0) {
    let best = 0;
    let worth = worthOf(left[0] as M, scores);
    for (const [i, move] of left.entries()) {
      const other = worthOf(move, scores);
      if (isBetter(other, worth)) [best, worth] = [i, other];
    }
    const [move] = left.splice(best, 1);
    if (!move) break;
    const next = after(scores, move);
    const before = scores;
    raises.push({
      move,
      sections: [...move.gains.keys()].map((id) => ({ id, from: before.get(id) ?? 0, to: next.get(id) ?? 0 })),
      final: { from: leastOf(before), to: leastOf(next) },
      liftsWeakest: (worth[2] ?? 0) > 0,
    });
    scores = next;
  }
  return raises;
}
