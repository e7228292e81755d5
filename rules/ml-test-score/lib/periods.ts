const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `12h`, `7d`, `2w` in seconds; the manifest's schema has checked the form. */
export const periodSeconds = (period: string): number =>
  Number.parseInt(period, 10) * (unitSeconds[period.at(-1) ?? 'd'] ?? 86_400);

/** Seconds as days, one digit behind the point. */
export const daysOf = (seconds: number): number => Math.round(seconds / 8640) / 10;
