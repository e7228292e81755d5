import { gammaQ } from './gamma.ts';

/**
 * The value that a chi-square variable with `degrees` degrees of freedom exceeds with probability `tail` (0 < tail < 1).
 * Bisection on the survival function Q(degrees / 2, x / 2); relative error below 1e-10.
 */
export function chiSquareUpperQuantile(tail: number, degrees: number): number {
  if (degrees <= 0) return 0;
  let low = 0;
  let high = Math.max(degrees, 1);
  while (gammaQ(degrees / 2, high / 2) > tail) high *= 2;
  for (let i = 0; i < 200 && high - low > 1e-12 * high; i++) {
    const middle = (low + high) / 2;
    if (gammaQ(degrees / 2, middle / 2) > tail) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
