/** Divides tests among parallel jobs. Pure and the same everywhere: each job computes all parts and takes its own. */
import type { PlannedExecution } from '../../kernel/hooks.ts';
import { type Costs, costName, costOf, setupCost } from './costs.ts';
import { withTraining } from './requests.ts';

export interface Divisible {
  readonly id: string;
  readonly planned: readonly PlannedExecution[];
}

interface Item {
  readonly id: string;
  /** Milliseconds by execution, trainings that it needs among them. */
  readonly executions: ReadonlyMap<string, number>;
}

/** Milliseconds of a test besides its hooks. */
const testItself = 1000;
/** What happens only sometimes is expected every other time. */
const sometimesShare = 0.5;
const mostRounds = 200;

function itemOf({ id, planned }: Divisible, cost: (name: string) => number): Item {
  const executions = new Map<string, number>();
  for (const { request, sometimes } of planned.flatMap(withTraining)) {
    const name = costName(request);
    const expected = Math.round(1000 * cost(name) * (sometimes === undefined ? 1 : sometimesShare));
    executions.set(name, Math.max(expected, executions.get(name) ?? 0));
  }
  return { id, executions };
}

/** Milliseconds of a shard: each execution once, however many of its tests share it; setup when anything is executed. */
function loadOf(items: readonly Item[], setup: number): number {
  const all = new Map<string, number>();
  for (const { executions } of items) for (const [name, cost] of executions) all.set(name, Math.max(cost, all.get(name) ?? 0));
  const hooks = [...all.values()].reduce((sum, cost) => sum + cost, 0);
  return hooks + (all.size > 0 ? setup : 0) + testItself * items.length;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Is `a` the better division? The slowest shard decides, then all work together. */
const isBetter = (a: readonly number[], b: readonly number[]): boolean => {
  const [most, least] = [Math.max(...a), Math.max(...b)];
  return most < least || (most === least && sum(a) < sum(b));
};

/** Puts the dearest test first wherever the slowest shard stays fastest, so that tests meet that share trainings when that pays. */
function firstDivision(items: readonly Item[], total: number, setup: number): Item[][] {
  const shards: Item[][] = Array.from({ length: total }, () => []);
  const dearest = [...items].sort((a, b) => loadOf([b], setup) - loadOf([a], setup) || (a.id < b.id ? -1 : 1));
  for (const item of dearest) {
    const options = shards.map((shard, index) => {
      const after = loadOf([...shard, item], setup);
      return { index, after, more: after - loadOf(shard, setup) };
    });
    const [best] = options.sort((a, b) => a.after - b.after || a.more - b.more || a.index - b.index);
    shards[best?.index ?? 0]?.push(item);
  }
  return shards;
}

/** Moves single tests as long as that makes the division better. */
function improve(shards: Item[][], setup: number): void {
  for (let round = 0; round < mostRounds; round += 1) {
    const loads = shards.map((shard) => loadOf(shard, setup));
    const move = bestMove(shards, loads, setup);
    if (!move) return;
    const { from, to, item } = move;
    shards[from] = (shards[from] ?? []).filter((one) => one !== item);
    shards[to]?.push(item);
  }
}

function bestMove(shards: readonly (readonly Item[])[], loads: readonly number[], setup: number) {
  let best: { readonly from: number; readonly to: number; readonly item: Item } | undefined;
  let bestLoads = loads;
  for (const [from, shard] of shards.entries())
    for (const item of shard)
      for (const [to, other] of shards.entries()) {
        if (to === from) continue;
        const next = [...loads];
        next[from] = loadOf(
          shard.filter((one) => one !== item),
          setup,
        );
        next[to] = loadOf([...other, item], setup);
        if (isBetter(next, bestLoads)) {
          best = { from, to, item };
          bestLoads = next;
        }
      }
  return best;
}

/** The ids of the tests of each shard, each in the order of `tests`; every test is in exactly one. */
export function divide(
  tests: readonly Divisible[],
  total: number,
  costs: Costs,
  hasSetup: boolean,
): readonly (readonly string[])[] {
  const cost = costOf(costs);
  const setup = hasSetup ? Math.round(1000 * cost(setupCost)) : 0;
  const shards = firstDivision(
    tests.map((test) => itemOf(test, cost)),
    total,
    setup,
  );
  improve(shards, setup);
  const order = new Map(tests.map(({ id }, position) => [id, position]));
  return shards.map((shard) => shard.map(({ id }) => id).sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0)));
}

/** Seconds that the slowest shard is expected to take, nothing cached. */
export function expectedSeconds(tests: readonly Divisible[], costs: Costs, hasSetup: boolean): number {
  const cost = costOf(costs);
  return (
    loadOf(
      tests.map((test) => itemOf(test, cost)),
      hasSetup ? Math.round(1000 * cost(setupCost)) : 0,
    ) / 1000
  );
}
