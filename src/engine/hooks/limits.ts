/** Turns at a time, and the budget of a run. */
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import { budgetSpent } from './failures.ts';

/** `work` may give its turn on before it is done. */
export type Turns = <T>(work: (giveOn: () => void) => Promise<T>) => Promise<T>;

/** Runs at most `parallel` works at once, in the order in which they came. */
export function turns(parallel: number): Turns {
  const waiting: (() => void)[] = [];
  let free = parallel;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    let isGivenOn = false;
    const giveOn = (): void => {
      if (isGivenOn) return;
      isGivenOn = true;
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    };
    try {
      return await work(giveOn);
    } finally {
      giveOn();
    }
  };
}

/** Bytes of `4GiB` or `512MiB`. */
export function bytesOfSize(text: string): number {
  const [, count, unit] = /^(\d+)(MiB|GiB)$/.exec(text) ?? [];
  return Number(count) * (unit === 'GiB' ? 2 ** 30 : 2 ** 20);
}

/** What a run shares between its hooks and whatever else it executes. */
export interface RunShare {
  readonly inTurn: Turns;
  /** Until the budget of the run is spent; throws BUDGET_SPENT when it is. */
  secondsLeft(): number;
}

export interface Budget extends Pick<RunShare, 'secondsLeft'> {
  /** Takes one training; throws BUDGET_SPENT when there is none left. */
  takeTraining(): void;
  /** Seconds that the next hook may take and whether the run's budget, not the hook's own limit, sets them; throws BUDGET_SPENT. */
  next(): { readonly seconds: number; readonly isBudget: boolean };
}

/** The budget of a run, from now on. */
export function openBudget({ minutes, hook_minutes: hookMinutes, trains }: ResolvedManifest['budget']): Budget {
  const end = performance.now() + minutes * 60_000;
  let left = trains;
  const secondsLeft = (): number => {
    const rest = (end - performance.now()) / 1000;
    if (rest <= 0) throw budgetSpent(`after ${minutes} minutes`);
    return rest;
  };
  return {
    secondsLeft,
    takeTraining() {
      if (left <= 0) throw budgetSpent(`after ${trains} ${trains === 1 ? 'training' : 'trainings'}`);
      left -= 1;
    },
    next() {
      const rest = secondsLeft();
      return { seconds: Math.min(rest, hookMinutes * 60), isBudget: rest < hookMinutes * 60 };
    },
  };
}
