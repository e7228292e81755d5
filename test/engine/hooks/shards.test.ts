import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { costName, readCosts, updatedCosts, writeCosts } from '../../../src/engine/hooks/costs.ts';
import { type Divisible, divide, expectedSeconds } from '../../../src/engine/hooks/shards.ts';
import type { HookRequest, PlannedExecution, TrainRequest } from '../../../src/kernel/hooks.ts';
import { predictRequest, trainRequest } from './models.ts';

const seeded = (seed: number): TrainRequest => ({ ...trainRequest, seed });
const always = (...requests: HookRequest[]): PlannedExecution[] => requests.map((request) => ({ request }));
const none = new Map<string, number>();
const shardOf = (shards: readonly (readonly string[])[], id: string): number => shards.findIndex((ids) => ids.includes(id));

describe('the division', () => {
  test('holds every test exactly once, however many shards, and is the same when it is computed again', () => {
    const tests = fc.uniqueArray(fc.record({ id: fc.nat(40), seeds: fc.array(fc.nat(8), { maxLength: 4 }) }), {
      selector: ({ id }) => id,
      maxLength: 28,
    });
    fc.assert(
      fc.property(tests, fc.integer({ min: 1, max: 30 }), (drawn, total) => {
        const divisible = drawn.map(({ id, seeds }): Divisible => ({ id: `t${id}`, planned: always(...seeds.map(seeded)) }));
        const shards = divide(divisible, total, none, false);
        expect(shards).toHaveLength(total);
        expect(shards.flat().sort()).toEqual(divisible.map(({ id }) => id).sort());
        expect(divide(divisible, total, none, false)).toEqual(shards);
      }),
      { numRuns: 60 },
    );
  });

  test('keeps tests together that share trainings when that is cheaper, and parts them when it is not', () => {
    const shared = [1, 2, 3].map(seeded);
    const tests: Divisible[] = [
      { id: 'a', planned: always(...shared) },
      { id: 'b', planned: always(...shared) },
      { id: 'c', planned: always(...[11, 12, 13].map(seeded)) },
    ];
    const shards = divide(tests, 2, none, false);
    expect(shardOf(shards, 'a')).toBe(shardOf(shards, 'b'));
    expect(shardOf(shards, 'c')).not.toBe(shardOf(shards, 'a'));
    // One cheap shared training is worth repeating where two dear ones of each test fill a shard.
    const own: Divisible[] = [
      { id: 'a', planned: always(seeded(1), seeded(21), seeded(22)) },
      { id: 'b', planned: always(seeded(1), seeded(31), seeded(32)) },
    ];
    const cheap = new Map([[costName(seeded(1)), 1]]);
    const parted = divide(own, 2, cheap, false);
    expect(shardOf(parted, 'a')).not.toBe(shardOf(parted, 'b'));
  });

  test('is balanced by what was recorded, not by the number of executions', () => {
    const tests: Divisible[] = [
      { id: 'dear', planned: always(seeded(1)) },
      ...[2, 3, 4, 5].map((seed) => ({ id: `cheap-${seed}`, planned: always(seeded(seed)) })),
    ];
    const costs = new Map([[costName(seeded(1)), 400], ...[2, 3, 4, 5].map((seed) => [costName(seeded(seed)), 90] as const)]);
    const shards = divide(tests, 2, costs, false);
    expect(shards[shardOf(shards, 'dear')]).toEqual(['dear']);
    const seconds = shards.map((ids) =>
      expectedSeconds(
        tests.filter(({ id }) => ids.includes(id)),
        costs,
        false,
      ),
    );
    expect(Math.max(...seconds)).toBeCloseTo(401, 0);
  });

  test('counts what a prediction needs first, and what happens only sometimes half', () => {
    const costs = new Map([
      [costName(trainRequest), 100],
      [costName(predictRequest), 10],
      [costName(seeded(2)), 40],
    ]);
    const planned = [...always(predictRequest), { request: seeded(2), sometimes: 'when it must' }];
    expect(expectedSeconds([{ id: 'a', planned }], costs, false)).toBeCloseTo(100 + 10 + 20 + 1, 5);
    expect(expectedSeconds([{ id: 'a', planned }], new Map([...costs, ['setup', 7]]), true)).toBeCloseTo(138, 5);
  });
});

describe('the record of costs', () => {
  test('survives being written and read, and changes only when the cost really did', () => {
    const name = costName(trainRequest);
    const first = updatedCosts(none, new Map([[name, 10]]));
    expect(readCosts(writeCosts(first))).toEqual(new Map([[name, 10]]));
    expect(updatedCosts(first, new Map([[name, 11.5]])).get(name)).toBe(10);
    expect(updatedCosts(first, new Map([[name, 30]])).get(name)).toBe(30);
    expect(costName(seeded(2))).not.toBe(name);
  });

  test.each([
    ['nothing', null],
    ['no JSON', '{'],
    ['another shape', '{"seconds": [1]}'],
    ['names and numbers that are none', JSON.stringify({ seconds: { 'train-x': 1, __proto__: 3, setup: -1, 'rm -rf': 2 } })],
  ])('is empty for %s', (_, text) => {
    expect(readCosts(text).size).toBe(0);
  });
});
