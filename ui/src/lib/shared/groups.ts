/** Hits of a search, those with the same content as one. Pure. */
import type { FoundItem } from "../api/generated/api";

/** One content, wherever it was found. Never empty. */
export interface Group {
  key: string;
  first: FoundItem;
  hits: readonly FoundItem[];
}

/** What a hit is called where it must be told from all others. */
export function keyOf({ peer, path }: Pick<FoundItem, "peer" | "path">): string {
  return `${peer}${path}`;
}

/** Groups in the order in which their first hits came: rows that are there never move when more come. */
export class Groups {
  readonly #groups: { key: string; first: FoundItem; hits: FoundItem[] }[] = [];
  readonly #byContent = new Map<string, { hits: FoundItem[] }>();
  hits = 0;

  add(found: readonly FoundItem[]): void {
    for (const hit of found) {
      this.hits += 1;
      const content = hit.kind === "file" ? hit.blake3 : undefined;
      const known = content === undefined ? undefined : this.#byContent.get(content);
      if (known !== undefined) {
        known.hits.push(hit);
        continue;
      }
      const group = { key: keyOf(hit), first: hit, hits: [hit] };
      this.#groups.push(group);
      if (content !== undefined) this.#byContent.set(content, group);
    }
  }

  get list(): readonly Group[] {
    return this.#groups.slice();
  }
}

/** A row of the list of what was found: a group, or one of its places where it is open. */
export type FoundRow = { key: string; group: Group; hit: FoundItem; inside: boolean };

/** The rows, where groups with these keys are open. */
export function rowsOf(groups: readonly Group[], open: ReadonlySet<string>): FoundRow[] {
  const rows: FoundRow[] = [];
  for (const group of groups) {
    rows.push({ key: group.key, group, hit: group.first, inside: false });
    if (!open.has(group.key) || group.hits.length < 2) continue;
    for (const hit of group.hits) rows.push({ key: `in ${keyOf(hit)}`, group, hit, inside: true });
  }
  return rows;
}
