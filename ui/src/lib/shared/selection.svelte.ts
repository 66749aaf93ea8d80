/** What is chosen in a list, by keys that stay when rows move. */

export interface Chosen {
  key: string;
  /** In bytes; none: not known. */
  size: number | null;
}

export class Selection<T extends Chosen> {
  /** Everything but these; else these alone. */
  #all = $state(false);
  #some = $state.raw<ReadonlyMap<string, T>>(new Map());
  /** The row that a range is counted from. */
  anchor = 0;

  has(key: string): boolean {
    return this.#some.has(key) !== this.#all;
  }

  get isAll(): boolean {
    return this.#all;
  }

  /** Those that are chosen one by one; those left out where all are chosen. */
  get some(): ReadonlyMap<string, T> {
    return this.#some;
  }

  /** How many, of a list of `total`. */
  count(total: number): number {
    return this.#all ? Math.max(0, total - this.#some.size) : this.#some.size;
  }

  /** Bytes in all; `null`: not known. */
  get bytes(): number | null {
    if (this.#all) return null;
    let sum = 0;
    for (const { size } of this.#some.values()) {
      if (size === null) return null;
      sum += size;
    }
    return sum;
  }

  only(item: T, row: number): void {
    this.#set(false, [item]);
    this.anchor = row;
  }

  toggle(item: T, row: number): void {
    const some = new Map(this.#some);
    if (!some.delete(item.key)) some.set(item.key, item);
    this.#some = some;
    this.anchor = row;
  }

  /** These and no others; the row that ranges are counted from stays. */
  range(items: readonly T[]): void {
    this.#set(false, items);
  }

  all(): void {
    this.#set(true, []);
  }

  clear(): void {
    if (this.#all || this.#some.size > 0) this.#set(false, []);
  }

  #set(all: boolean, items: readonly T[]): void {
    this.#all = all;
    this.#some = new Map(items.map((item) => [item.key, item]));
  }
}
