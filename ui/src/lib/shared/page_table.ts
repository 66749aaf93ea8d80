/** Pages of a long list that its owner sorts: which are there, which are out of date, which to ask for. Pure. */

/** Items of a page. Short enough for the owner to send it whole, however long the names are. */
export const PAGE = 200;
/** Pages kept; those used longest ago go first. */
export const KEPT = 60;

interface Page<T> {
  revision: string;
  items: readonly T[];
}

export class PageTable<T> {
  total = 0;
  /** Of the newest page. */
  revision: string | null = null;
  readonly #pages = new Map<number, Page<T>>();
  readonly #asked = new Set<number>();

  get(row: number): T | undefined {
    return this.#pages.get(Math.floor(row / PAGE))?.items[row % PAGE];
  }

  /** Pages that hold rows from `first` to before `end`. */
  of(first: number, end: number): number[] {
    const last = Math.floor(Math.max(first, Math.min(end, Math.max(1, this.total)) - 1) / PAGE);
    const from = Math.min(Math.floor(first / PAGE), last);
    return Array.from({ length: last - from + 1 }, (_, n) => from + n);
  }

  /** Those of the pages that are missing or out of date, and not on their way. They count as asked for from now on. */
  take(pages: readonly number[]): number[] {
    const wanted = pages.filter((page) => !this.#asked.has(page) && this.#isOld(page));
    for (const page of wanted) this.#asked.add(page);
    return wanted;
  }

  /** A page came. Whether others are out of date by it. */
  put(page: number, items: readonly T[], total: number, revision: string): boolean {
    const changed = this.revision !== null && this.revision !== revision;
    this.#asked.delete(page);
    this.total = total;
    this.revision = revision;
    this.#pages.delete(page);
    this.#pages.set(page, { revision, items });
    for (const [number] of this.#pages) {
      if (number * PAGE >= total && number > 0) this.#pages.delete(number);
    }
    for (const old of this.#pages.keys()) {
      if (this.#pages.size <= KEPT) break;
      this.#pages.delete(old);
    }
    return changed;
  }

  /** A page did not come: it may be asked for again. */
  missed(page: number): void {
    this.#asked.delete(page);
  }

  /** The owner has another state: what is here is shown until its successor comes. Whether that is news. */
  outdate(revision: string): boolean {
    if (this.revision === revision) return false;
    this.revision = revision;
    return true;
  }

  /** The row of an item, among those that are here; -1: none. */
  find(fits: (item: T) => boolean): number {
    for (const [page, { items }] of this.#pages) {
      const at = items.findIndex(fits);
      if (at >= 0) return page * PAGE + at;
    }
    return -1;
  }

  #isOld(page: number): boolean {
    return this.#pages.get(page)?.revision !== this.revision || !this.#pages.has(page);
  }
}
