import { expect, it } from 'vitest';
import { thinned } from '../../../src/tower/views/time-chart.tsx';

const at = (n: number, value: (i: number) => number) => Array.from({ length: n }, (_, i) => ({ at: i * 1000, value: value(i) }));

it('a line of few points is drawn as it is', () => {
  const points = at(240, Math.sin);
  expect(thinned(points, 120)).toEqual(points);
});

it('a line of many keeps its ends, every peak, and their order', () => {
  const points = at(20_000, (i) => (i === 7777 ? 9 : i === 7778 ? -9 : Math.sin(i / 500)));
  const drawn = thinned(points, 120);
  expect(drawn.length).toBeLessThanOrEqual(242);
  expect(drawn[0]).toEqual(points[0]);
  expect(drawn.at(-1)).toEqual(points.at(-1));
  expect(drawn.map(({ value }) => value)).toEqual(expect.arrayContaining([9, -9]));
  expect(drawn).toEqual([...drawn].sort((a, b) => a.at - b.at));
});

it('points of one moment, and none, are no trouble', () => {
  expect(thinned([], 10)).toEqual([]);
  expect(
    thinned(
      at(50, (i) => i).map(({ value }) => ({ at: 5, value })),
      10,
    ).map(({ value }) => value),
  ).toEqual([0, 49]);
});
