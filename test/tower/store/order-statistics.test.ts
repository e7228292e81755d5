/** Percentiles by their definition, whatever the values and their order. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { percentileOf } from '../../../src/tower/store/slice/order-statistics.ts';

/** Between the two values that stand around the rank in order, in proportion. */
function defined(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = fraction * (sorted.length - 1);
  const [low = 0, high = 0] = [sorted[Math.floor(rank)], sorted[Math.ceil(rank)]];
  return Math.floor(rank) === Math.ceil(rank) ? low : low + (rank - Math.floor(rank)) * (high - low);
}

const few = fc.constantFrom(-2, -1, 0, 1, 2, 1e300, 5e-324);
const value = fc.oneof(few, fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e307, max: 1e307 }));

it('are those of the sorted values, to the last bit, also of many that are equal', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), fc.constantFrom(0, 0.5, 0.95, 0.99, 1), (values, fraction) => {
      // Plus zero: nobody tells the two zeros apart.
      expect(percentileOf(Float64Array.from(values), fraction) + 0).toBe(defined(values, fraction) + 0);
    }),
    { numRuns: 2000 },
  );
});

it('take time by the number of values, not by their order', () => {
  const n = 200_000;
  const orders: Record<string, (i: number) => number> = {
    equal: () => 1,
    rising: (i) => i,
    falling: (i) => -i,
    'to the middle': (i) => Math.min(i, n - i),
    'by turns': (i) => (i % 2 === 0 ? i : -i),
  };
  for (const [name, of] of Object.entries(orders)) {
    const values = Float64Array.from({ length: n }, (_, i) => of(i));
    const expected = defined([...values], 0.95);
    const started = performance.now();
    expect(percentileOf(values, 0.95), name).toBe(expected);
    // Some 5 ms; what grows with the square takes minutes.
    expect(performance.now() - started, name).toBeLessThan(2000);
  }
});
