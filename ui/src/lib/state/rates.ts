/** Rates over time, one series a transfer: smoothed so that a number can be read, and kept for the graph. Time is passed in. */

/** Over this long a rate forgets what it was, in milliseconds. */
const SMOOTHING_MS = 2_000;
/** Samples kept for the graph; at one a {@link SAMPLE_EVERY_MS}, two minutes. */
export const SAMPLES = 240;
const SAMPLE_EVERY_MS = 500;

interface Series {
  rate: number;
  at: number;
  samples: number[];
  sampledAt: number;
}

export class Rates {
  readonly #series = new Map<string, Series>();

  /** Hears a rate in bytes a second at a moment in milliseconds; returns the smoothed one. */
  note(id: string, rate: number, at: number): number {
    let series = this.#series.get(id);
    if (series === undefined) {
      series = { rate, at, samples: [], sampledAt: -Infinity };
      this.#series.set(id, series);
    } else if (series.rate === 0) {
      // What stood still is not slow: the first measure counts whole.
      series.rate = rate;
      series.at = at;
    } else {
      const weight = 1 - Math.exp(-Math.max(0, at - series.at) / SMOOTHING_MS);
      series.rate += (rate - series.rate) * weight;
      series.at = at;
    }
    if (at - series.sampledAt >= SAMPLE_EVERY_MS) {
      series.samples.push(series.rate);
      if (series.samples.length > SAMPLES) series.samples.shift();
      series.sampledAt = at;
    }
    return series.rate;
  }

  /** The last samples in bytes a second, oldest first. */
  samples(id: string): readonly number[] {
    return this.#series.get(id)?.samples ?? [];
  }

  /** What stands still has no rate. The samples stay. */
  rest(id: string): void {
    const series = this.#series.get(id);
    if (series !== undefined) series.rate = 0;
  }

  forget(id: string): void {
    this.#series.delete(id);
  }
}
