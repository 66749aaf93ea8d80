/** Numbers, sizes and times as people of a language write them. Pure. */

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

/** Making a formatter of the browser's is slow, using it is not: each is made once for a language. */
function kept<F>(make: (tag: string) => F): (tag: string) => F {
  const made = new Map<string, F>();
  return (tag) => {
    let format = made.get(tag);
    if (format === undefined) made.set(tag, (format = make(tag)));
    return format;
  };
}

const whole = kept((tag) => new Intl.NumberFormat(tag, { maximumFractionDigits: 0 }));
const tenths = kept((tag) => new Intl.NumberFormat(tag, { minimumFractionDigits: 1, maximumFractionDigits: 1 }));
const parts = kept((tag) => new Intl.NumberFormat(tag, { style: "percent" }));
const times = kept((tag) => new Intl.DateTimeFormat(tag, { hour: "numeric", minute: "2-digit" }));
const days = kept((tag) => new Intl.DateTimeFormat(tag, { day: "numeric", month: "short" }));
const dates = kept((tag) => new Intl.DateTimeFormat(tag, { day: "numeric", month: "short", year: "numeric" }));
const headings = kept((tag) => new Intl.DateTimeFormat(tag, { weekday: "long", day: "numeric", month: "long", year: "numeric" }));
const relative = kept((tag) => new Intl.RelativeTimeFormat(tag, { numeric: "auto" }));
const rules = kept((tag) => new Intl.PluralRules(tag));
const lists = kept((tag) => new Intl.ListFormat(tag, { type: "conjunction" }));

/** A whole number with its separators. */
export function count(n: number, tag: string): string {
  return whole(tag).format(n);
}

/** A size in units of a thousand, with three digits at most: "950 B", "1.2 GB", "84 MB". */
export function bytes(n: number, tag: string): string {
  let unit = 0;
  let value = Math.max(0, n);
  // 999.5 would be shown as 1000.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const format = unit > 0 && value < 9.95 ? tenths(tag) : whole(tag);
  return `${format.format(value)}\u00a0${UNITS[unit] ?? "B"}`;
}

/** A rate in bytes a second. */
export function rate(n: number, tag: string): string {
  return `${bytes(n, tag)}/s`;
}

/** A part of a whole as "42 %"; never 100 before all is there. */
export function percent(part: number, whole: number, tag: string): string {
  const share = whole <= 0 ? 1 : part / whole;
  const shown = share < 1 ? Math.min(0.99, Math.floor(share * 100) / 100) : 1;
  return parts(tag).format(shown);
}

/** Time left as people say it. */
export type Left =
  { unit: "moments" } | { unit: "seconds" | "minutes" | "days"; n: number } | { unit: "hours"; n: number; minutes: number };

/** Rounds a number of seconds: to 5 s below a minute, to a minute below an hour, to 10 min below 10 h. */
export function left(seconds: number): Left {
  if (seconds < 5) return { unit: "moments" };
  if (seconds < 57.5) return { unit: "seconds", n: Math.max(5, Math.round(seconds / 5) * 5) };
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes < 60) return { unit: "minutes", n: minutes };
  if (minutes < 600) {
    const tens = Math.round(minutes / 10) * 10;
    return { unit: "hours", n: Math.floor(tens / 60), minutes: tens % 60 };
  }
  const hours = Math.round(minutes / 60);
  return hours < 48 ? { unit: "hours", n: hours, minutes: 0 } : { unit: "days", n: Math.round(hours / 24) };
}

/** Days since 1970 by the local calendar. `seconds` since 1970. */
export function dayNumber(seconds: number): number {
  return Math.floor((seconds - new Date(seconds * 1000).getTimezoneOffset() * 60) / 86_400);
}

/** A moment in seconds since 1970: the time today, the day this year, else the date. `now` in milliseconds. */
export function moment(seconds: number, tag: string, now: number): string {
  const date = new Date(seconds * 1000);
  if (dayNumber(seconds) === dayNumber(now / 1000)) return times(tag).format(date);
  return (date.getFullYear() === new Date(now).getFullYear() ? days(tag) : dates(tag)).format(date);
}

/** The day that a moment belongs to, as a heading: relative for today and yesterday. */
export function day(seconds: number, tag: string, now: number): string {
  const ago = dayNumber(seconds) - dayNumber(now / 1000);
  if (ago !== 0 && ago !== -1) return headings(tag).format(new Date(seconds * 1000));
  const words = relative(tag).format(ago, "day");
  return words.charAt(0).toLocaleUpperCase(tag) + words.slice(1);
}

/** One of several forms of a word by a number; `#` in it stands for the number. */
export function plural(tag: string, n: number, forms: Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }): string {
  const form = forms[rules(tag).select(n)] ?? forms.other;
  return form.replace("#", count(n, tag));
}

/** "a, b and c". */
export function list(items: readonly string[], tag: string): string {
  return lists(tag).format(items);
}
