/** A seeded source of random numbers: xoshiro128** (Blackman, Vigna 2018), seeded by splitmix32. */
export interface Random {
  /** In [0, 1), 32 bits. */
  uniform(): number;
  /** Whole number in [0, below). */
  below(below: number): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
}

const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** The stream of a seed: the same on every machine. */
export function randomOf(seed: number): Random {
  let mix = seed | 0;
  const split = (): number => {
    mix = (mix + 0x9e3779b9) | 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return z ^ (z >>> 16);
  };
  let [a, b, c, d] = [split(), split(), split(), split()];
  const uniform = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9);
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return (result >>> 0) / 4294967296;
  };
  return {
    uniform,
    below: (below) => Math.floor(uniform() * below),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}
