const unitSeconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** `90s`, `15m`, `2h`, `1d` in seconds; the manifest's schema has checked the form. */
export const durationSeconds = (text: string): number =>
  Number.parseInt(text, 10) * unitSeconds[text.at(-1) as keyof typeof unitSeconds];
