/** What a search may be narrowed by, as people say it. Pure. */
import type { SearchKind } from "../api/generated/api";
import type { UiRequest } from "../backend/backend";

export const KINDS = ["image", "video", "audio", "document", "folder"] as const satisfies readonly SearchKind[];
export const SIZES = ["small", "medium", "large", "huge"] as const;
export const AGES = ["day", "week", "month", "year", "older"] as const;
export type SizeClass = (typeof SIZES)[number];
export type Age = (typeof AGES)[number];

export interface Filters {
  kind: SearchKind | null;
  size: SizeClass | null;
  age: Age | null;
  /** A device's id. */
  peer: string | null;
}

export const NO_FILTERS: Filters = { kind: null, size: null, age: null, peer: null };

const MB = 1_000_000;
const DAY_S = 86_400;
/** From, and below; in bytes. */
const BOUNDS: Record<SizeClass, [number | null, number | null]> = {
  small: [null, MB],
  medium: [MB, 100 * MB],
  large: [100 * MB, 1000 * MB],
  huge: [1000 * MB, null],
};
const DAYS: Record<Exclude<Age, "older">, number> = { day: 1, week: 7, month: 31, year: 365 };

type Narrowed = Pick<Extract<UiRequest, { request: "search" }>, "on" | "kind" | "min_size" | "max_size" | "since" | "until">;

/** The same as the API says it. `now` in seconds since 1970. */
export function narrowed({ kind, size, age, peer }: Filters, now: number): Narrowed {
  const [min, below] = size === null ? [null, null] : BOUNDS[size];
  return {
    on: peer === null ? [] : [peer],
    kind,
    min_size: min,
    max_size: below === null ? null : below - 1,
    since: age === null || age === "older" ? null : now - DAYS[age] * DAY_S,
    until: age === "older" ? now - DAYS.year * DAY_S : null,
  };
}
