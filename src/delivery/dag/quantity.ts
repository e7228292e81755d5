const factors: Readonly<Record<string, number>> = {
  ...{ '': 1, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50 },
};

/** Kubernetes' notation of an amount of memory, in bytes: `512Mi`, `2G`, `1.5Gi`; null when it is none. */
export function quantityBytes(text: string): number | null {
  const [, number = '', unit = ''] = /^(\d{1,15}(?:\.\d{1,9})?)([A-Za-z]{0,2})$/.exec(text) ?? [];
  const factor = factors[unit];
  return number === '' || factor === undefined ? null : Number(number) * factor;
}
