/** What everything under way comes to. Pure. */
import type { Transfer } from "../api/generated/api";

export interface Totals {
  moving: number;
  waiting: number;
  paused: number;
  /** Bytes a second. */
  up: number;
  down: number;
  /** Seconds; none where it can't be said. */
  left: number | null;
  /** 0 to 1, of what moves. */
  part: number;
}

export function totals(current: readonly Transfer[]): Totals {
  const sum: Totals = { moving: 0, waiting: 0, paused: 0, up: 0, down: 0, left: null, part: 0 };
  let bytes = 0;
  let done = 0;
  for (const row of current) {
    if (row.state === "paused") sum.paused += 1;
    else if (row.state !== "active") sum.waiting += 1;
    else {
      sum.moving += 1;
      if (row.direction === "send") sum.up += row.rate;
      else sum.down += row.rate;
      bytes += row.bytes;
      done += row.bytes_done;
      // All of it is there when the last one is.
      if (row.eta_s !== undefined) sum.left = Math.max(sum.left ?? 0, row.eta_s);
    }
  }
  if (bytes > 0) sum.part = done / bytes;
  return sum;
}
