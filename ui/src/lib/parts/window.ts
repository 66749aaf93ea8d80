/** Which rows of a long list are in sight. Pure. */

/** Browsers lose their count past about 33 million pixels: a longer list is shown at another scale. */
export const TALLEST = 8_000_000;

/** Rows of a list, by fixed or by own heights in pixels. */
export class Rows {
  readonly #starts: Float64Array | null;
  readonly #height: number;

  constructor(
    readonly count: number,
    height: number | ((row: number) => number),
  ) {
    if (typeof height === "number") {
      this.#starts = null;
      this.#height = height;
      return;
    }
    this.#starts = new Float64Array(count + 1);
    for (let row = 0; row < count; row++) this.#starts[row + 1] = (this.#starts[row] ?? 0) + height(row);
    this.#height = 0;
  }

  /** Where a row begins; the end of all for `count`. */
  start(row: number): number {
    return this.#starts === null ? row * this.#height : (this.#starts[row] ?? 0);
  }

  get total(): number {
    return this.start(this.count);
  }

  /** The row at a height. */
  at(y: number): number {
    let low = 0;
    let high = Math.max(0, this.count - 1);
    if (this.#starts === null) return Math.min(high, Math.max(0, Math.floor(y / this.#height)));
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.start(middle) <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

export interface Sight {
  first: number;
  /** One after the last. */
  end: number;
  /** Where the first row in sight is drawn, from the top of the scrolled content. */
  top: number;
}

/**
 * What to draw when a list is scrolled to `scroll` in a viewport of `height`; `spare` rows more on both sides. The scrolled content
 * is `min(total, TALLEST)` high.
 */
export function sight(rows: Rows, scroll: number, height: number, spare: number): Sight {
  if (rows.count === 0) return { first: 0, end: 0, top: 0 };
  const tall = Math.min(rows.total, TALLEST);
  const reach = Math.max(1, tall - height);
  const real = tall === rows.total ? scroll : (scroll / reach) * (rows.total - height);
  const first = Math.max(0, rows.at(real) - spare);
  const end = Math.min(rows.count, rows.at(real + height) + 1 + spare);
  return { first, end, top: scroll + rows.start(first) - real };
}

/**
 * Which elements show which rows. There are as many as were ever needed at once, and a row that leaves hands its own to one that
 * comes: making elements is what takes long, and so does moving them among their siblings. So those of rows that stay are kept where
 * they are, and where none stays, as in a jump, all are.
 */
export class Slots {
  #count = 1;
  /** The row that the first element shows, or would, had the list been scrolled to where it is now row by row. */
  #origin = 0;
  #first = 0;

  /** The rows to draw: those from `first` to before `end`, and more after them, or before, while there are elements left. */
  fill(first: number, end: number, rows: number): number[] {
    if (end - first > this.#count) {
      this.#count = end - first;
      this.#origin = first;
    }
    const drawn = Math.min(this.#count, rows);
    const from = Math.max(0, Math.min(first, rows - drawn));
    if (Math.abs(from - this.#first) >= this.#count) this.#origin += from - this.#first;
    this.#first = from;
    return Array.from({ length: drawn }, (_, n) => from + n);
  }

  /** The element that shows a row, from 0. */
  of(row: number): number {
    return (((row - this.#origin) % this.#count) + this.#count) % this.#count;
  }
}

/** Where to scroll so that a row is in sight; `null`: it is. */
export function toSee(rows: Rows, row: number, scroll: number, height: number): number | null {
  const tall = Math.min(rows.total, TALLEST);
  const factor = tall === rows.total ? 1 : Math.max(1, tall - height) / (rows.total - height);
  const start = rows.start(row);
  const end = rows.start(row + 1);
  const real = scroll / factor;
  if (start < real) return start * factor;
  if (end > real + height) return (end - height) * factor;
  return null;
}
