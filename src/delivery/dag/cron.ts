/** Cron expressions as Airflow reads them (croniter's five fields and its names). */

const presets: ReadonlySet<string> = new Set([
  '@once',
  '@hourly',
  '@daily',
  '@weekly',
  '@monthly',
  '@quarterly',
  '@yearly',
  '@continuous',
]);

const fields = [
  { name: 'minute', low: 0, high: 59, words: [] },
  { name: 'hour', low: 0, high: 23, words: [] },
  { name: 'day of month', low: 1, high: 31, words: [] },
  {
    name: 'month',
    low: 1,
    high: 12,
    words: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  },
  { name: 'day of week', low: 0, high: 7, words: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
] as const;

type Field = (typeof fields)[number];

function numberOf(text: string, { low, words }: Field): number {
  const word = (words as readonly string[]).indexOf(text.toLowerCase());
  return word >= 0 ? word + (words.length === 12 ? low : 0) : /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
}

function isPart(part: string, field: Field): boolean {
  if (field.name === 'day of month' && /^l$/i.test(part)) return true;
  const [range = '', step, ...more] = part.split('/');
  if (more.length > 0 || (step !== undefined && !/^[1-9]\d{0,2}$/.test(step))) return false;
  if (range === '*') return true;
  const bounds = range.split('-').map((text) => numberOf(text, field));
  const isInside = bounds.every((value) => value >= field.low && value <= field.high);
  return bounds.length <= 2 && isInside && (bounds[1] === undefined || (bounds[0] ?? 0) <= bounds[1]);
}

/** What is wrong with a cron expression; null when nothing is. */
export function cronProblem(text: string): string | null {
  if (text.startsWith('@')) return presets.has(text) ? null : `${text} is none of ${[...presets].join(', ')}`;
  const given = text.trim().split(/\s+/);
  if (given.length !== fields.length) return `${JSON.stringify(text)} has ${given.length} fields, expected ${fields.length}`;
  for (const [i, field] of fields.entries())
    for (const part of (given[i] ?? '').split(','))
      if (!isPart(part, field)) return `${JSON.stringify(part)} is no ${field.name} (${field.low} to ${field.high})`;
  return null;
}
