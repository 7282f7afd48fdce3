const format = (options: Intl.DateTimeFormatOptions) => {
  const formatter = new Intl.DateTimeFormat(undefined, options);
  return (atMs: number): string => formatter.format(atMs);
};

export const timeOfDay = format({ hour: '2-digit', minute: '2-digit' });
/** To the millisecond, for what programs do. */
export const exactTime = format({
  hourCycle: 'h23',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});
export const dateAndMinute = format({ dateStyle: 'medium', timeStyle: 'short' });
export const dateAndTime = format({ dateStyle: 'medium', timeStyle: 'medium' });
const date = format({ day: 'numeric', month: 'long', year: 'numeric' });
const shortDate = format({ day: '2-digit', month: '2-digit', year: '2-digit' });

const DAY_MS = 86_400_000;
const startOfDay = (atMs: number): number => new Date(atMs).setHours(0, 0, 0, 0);
/** Days differ by an hour where clocks change. */
const daysBetween = (fromMs: number, toMs: number): number =>
  Math.round((startOfDay(toMs) - startOfDay(fromMs)) / DAY_MS);

export const isSameDay = (a: number, b: number): boolean => startOfDay(a) === startOfDay(b);

/** `Today`, `Yesterday`, or the date. */
export function dayName(atMs: number, nowMs: number): string {
  const days = daysBetween(atMs, nowMs);
  if (days === 0) return 'Today';
  return days === 1 ? 'Yesterday' : date(atMs);
}

/** As a list of chats shows it: the time today, the date before. */
export const shortTime = (atMs: number, nowMs: number): string =>
  isSameDay(atMs, nowMs) ? timeOfDay(atMs) : shortDate(atMs);

/** `12 ms`, `1.4 s`, `3 min`, `25 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${Number((ms / 3_600_000).toFixed(1))} h`;
}
