/** What is looked at, and what stands beside it. */
import type { FoundItem, Item, MediaKind } from "../api/generated/api";
import type { Listing } from "./listing.svelte";
import { pathOf } from "./spot";

/** A file that is looked at. */
export interface Looked {
  peer: string;
  /** `/SHARE/PATH`, as it travels. */
  path: string;
  /** Its name, safe to show. */
  shown: string;
  size: number | null;
  modified: number | null;
  media: MediaKind | undefined;
}

/** A list through which one can look file by file. */
export interface Sequence {
  count: number;
  /** What stands there; `null`: no file. `undefined`: it can't be reached. */
  at(row: number): Promise<Looked | null | undefined>;
}

/** Rows passed over, at most, on the way to the next file. */
const FARTHEST = 2_000;

/** The next file in a direction, and its row. */
export async function beside(sequence: Sequence, row: number, step: 1 | -1): Promise<{ row: number; file: Looked } | null> {
  for (let to = row + step, n = 0; to >= 0 && to < sequence.count && n < FARTHEST; to += step, n++) {
    const file = await sequence.at(to);
    if (file === undefined) return null;
    if (file !== null) return { row: to, file };
  }
  return null;
}

export function lookedItem(peer: string, folder: string, item: Item): Looked | null {
  if (item.kind !== "file") return null;
  const { name, shown, size, modified, media } = item;
  return { peer, path: `${folder}/${name}`, shown, size, modified, media };
}

export function lookedHit({ peer, path, shown, kind, size, modified, media }: FoundItem): Looked | null {
  return kind === "file" ? { peer, path, shown: shown.slice(shown.lastIndexOf("/") + 1), size, modified, media } : null;
}

export function sequenceOf(listing: Listing): Sequence {
  const folder = pathOf(listing.spot);
  return {
    get count() {
      return listing.total;
    },
    async at(row) {
      const item = await listing.reach(row);
      return item === undefined ? undefined : lookedItem(listing.spot.peer, folder, item);
    },
  };
}
