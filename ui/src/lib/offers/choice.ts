/**
 * Which entries of an offer a person takes. Entries are numbered with each folder before what is in it, so that an entry and all
 * below it are a range; what is left out is kept as ranges. Pure.
 */
import type { Entry, EntryRange } from "../api/generated/api";

interface Amount {
  files: number;
  bytes: number;
}

export type Taken = "all" | "some" | "none";

export class Choice {
  /** Left out: sorted, apart from one another. */
  #out: EntryRange[] = [];
  /** What is left out of the folders that are taken in part, by index. */
  readonly #outOf = new Map<number, Amount>();
  #total: Amount = { files: 0, bytes: 0 };

  /** Files and bytes left out. */
  get leftOut(): Readonly<Amount> {
    return this.#total;
  }

  taken(entry: Entry): Taken {
    let covered = false;
    for (const range of this.#out) {
      if (range.start <= entry.index && range.end >= entry.end) return "none";
      if (range.start < entry.end && range.end > entry.index) covered = true;
    }
    if (!covered) return "all";
    return entry.files > 0 && this.#outOf.get(entry.index)?.files === entry.files ? "none" : "some";
  }

  /** Takes an entry or leaves it out; `above` are the folders that it is in, the outermost first. */
  set(entry: Entry, above: readonly Entry[], take: boolean): void {
    const out = this.#outIn(entry);
    const change = take
      ? { files: -out.files, bytes: -out.bytes }
      : { files: entry.files - out.files, bytes: entry.bytes - out.bytes };
    for (const folder of above) this.#outOf.set(folder.index, sum(this.#outIn(folder), change));
    this.#total = sum(this.#total, change);
    for (const index of [...this.#outOf.keys()]) if (index >= entry.index && index < entry.end) this.#outOf.delete(index);
    if (take) for (const { index } of above) this.#out = without(this.#out, { start: index, end: index + 1 });
    const own = { start: entry.index, end: entry.end };
    this.#out = take ? without(this.#out, own) : within(this.#out, own);
  }

  /** What is taken of entries numbered from 0 to just before `end`, for the engine; empty: all. */
  ranges(end: number): EntryRange[] {
    if (this.#out.length === 0) return [];
    const taken: EntryRange[] = [];
    let start = 0;
    for (const range of this.#out) {
      if (range.start > start) taken.push({ start, end: range.start });
      start = range.end;
    }
    if (start < end) taken.push({ start, end });
    return taken;
  }

  #outIn(entry: Entry): Amount {
    switch (this.taken(entry)) {
      case "all":
        return { files: 0, bytes: 0 };
      case "none":
        return { files: entry.files, bytes: entry.bytes };
      case "some":
        return this.#outOf.get(entry.index) ?? { files: 0, bytes: 0 };
    }
  }
}

function sum(a: Amount, b: Amount): Amount {
  return { files: a.files + b.files, bytes: a.bytes + b.bytes };
}

/** The ranges without one. */
function without(ranges: readonly EntryRange[], less: EntryRange): EntryRange[] {
  return ranges
    .flatMap(({ start, end }) => [
      { start, end: Math.min(end, less.start) },
      { start: Math.max(start, less.end), end },
    ])
    .filter(({ start, end }) => start < end);
}

/** The ranges and one more, joined where they touch. */
function within(ranges: readonly EntryRange[], more: EntryRange): EntryRange[] {
  const joined: EntryRange[] = [];
  for (const range of [...ranges, more].sort((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    if (last !== undefined && range.start <= last.end) last.end = Math.max(last.end, range.end);
    else joined.push({ ...range });
  }
  return joined;
}
