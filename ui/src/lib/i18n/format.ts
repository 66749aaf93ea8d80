/** Numbers, sizes and times as people of a language write them. Pure. */

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

const numbers = new Map<string, Intl.NumberFormat>();

function number(tag: string, digits: number): Intl.NumberFormat {
  const key = `${tag} ${String(digits)}`;
  let format = numbers.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(tag, { minimumFractionDigits: digits, maximumFractionDigits: digits });
    numbers.set(key, format);
  }
  return format;
}

/** A whole number with its separators. */
export function count(n: number, tag: string): string {
  return number(tag, 0).format(n);
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
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${number(tag, digits).format(value)}\u00a0${UNITS[unit] ?? "B"}`;
}

/** A rate in bytes a second. */
export function rate(n: number, tag: string): string {
  return `${bytes(n, tag)}/s`;
}

/** A part of a whole as "42 %"; never 100 before all is there. */
export function percent(part: number, whole: number, tag: string): string {
  const share = whole <= 0 ? 1 : part / whole;
  const shown = share < 1 ? Math.min(0.99, Math.floor(share * 100) / 100) : 1;
  return new Intl.NumberFormat(tag, { style: "percent" }).format(shown);
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

/** A moment in seconds since 1970: the time today, the day this year, else the date. `now` in milliseconds. */
export function moment(seconds: number, tag: string, now: number): string {
  const date = new Date(seconds * 1000);
  const today = new Date(now);
  if (date.toDateString() === today.toDateString()) return date.toLocaleTimeString(tag, { hour: "numeric", minute: "2-digit" });
  const year = date.getFullYear() === today.getFullYear() ? {} : ({ year: "numeric" } as const);
  return date.toLocaleDateString(tag, { day: "numeric", month: "short", ...year });
}

/** The day that a moment belongs to, as a heading: relative for today and yesterday. */
export function day(seconds: number, tag: string, now: number): string {
  const date = new Date(seconds * 1000);
  const midnight = (of: Date): number => Math.floor((of.getTime() - of.getTimezoneOffset() * 60_000) / 86_400_000);
  const ago = midnight(date) - midnight(new Date(now));
  if (ago === 0 || ago === -1) {
    const words = new Intl.RelativeTimeFormat(tag, { numeric: "auto" }).format(ago, "day");
    return words.charAt(0).toLocaleUpperCase(tag) + words.slice(1);
  }
  return date.toLocaleDateString(tag, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
}

/** One of several forms of a word by a number; `#` in it stands for the number. */
export function plural(tag: string, n: number, forms: Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }): string {
  const form = forms[new Intl.PluralRules(tag).select(n)] ?? forms.other;
  return form.replace("#", count(n, tag));
}

/** "a, b and c". */
export function list(items: readonly string[], tag: string): string {
  return new Intl.ListFormat(tag, { type: "conjunction" }).format(items);
}
