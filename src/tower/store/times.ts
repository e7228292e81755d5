/** Days and times that PostgreSQL takes: the language takes more, such as the 30th of February. */

/** A day of the calendar, `YYYY-MM-DD`. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text.startsWith('0000')) return false;
  const at = Date.parse(text);
  return Number.isFinite(at) && new Date(at).toISOString().startsWith(text);
}

const dateTime = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-](\d{2}):\d{2})$/;
/** No place on earth is further from UTC, and PostgreSQL takes no more. */
const mostHours = 15;

/** A time of RFC 3339. */
export function isTime(text: string): boolean {
  const [, day = '', hours = '0'] = dateTime.exec(text) ?? [];
  return isDay(day) && Number(hours) <= mostHours && Number.isFinite(Date.parse(text));
}
