/**
 * The language in force. Each file in `messages/` is a language, checked by the compiler to hold every message: adding a language
 * is adding a file that is named by its tag.
 */
import * as format from "./format";
import type { Messages } from "./messages/en";
import en from "./messages/en";

const files = import.meta.glob<Messages>("./messages/*.ts", { eager: true, import: "default" });

/** The languages by their tags. */
export const LANGUAGES: ReadonlyMap<string, Messages> = new Map(
  Object.entries(files).map(([path, messages]) => [path.replace(/^.*\/|\.ts$/g, ""), messages]),
);

/** The first language that is there of those wanted, best first; else English. */
export function chooseLanguage(wanted: readonly string[]): string {
  for (const tag of wanted) {
    if (LANGUAGES.has(tag)) return tag;
    const short = tag.split("-")[0] ?? tag;
    if (LANGUAGES.has(short)) return short;
  }
  return "en";
}

class I18n {
  tag = $state("en");

  /** The messages of the language in force. */
  get t(): Messages {
    return LANGUAGES.get(this.tag) ?? en;
  }

  bytes(n: number): string {
    return format.bytes(n, this.tag);
  }
  rate(n: number): string {
    return format.rate(n, this.tag);
  }
  count(n: number): string {
    return format.count(n, this.tag);
  }
  percent(part: number, whole: number): string {
    return format.percent(part, whole, this.tag);
  }
  left(seconds: number): string {
    return this.t.left(format.left(seconds));
  }
  moment(seconds: number): string {
    return format.moment(seconds, this.tag, Date.now());
  }
  day(seconds: number): string {
    return format.day(seconds, this.tag, Date.now());
  }
  list(items: readonly string[]): string {
    return format.list(items, this.tag);
  }
}

export const i18n = new I18n();
