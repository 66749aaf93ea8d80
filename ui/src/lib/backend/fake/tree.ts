/** Folders that fake devices share: made when they are looked into, and changed by tests. */
import type { Item, MediaKind, SortBy } from "../../api/generated/api";
import { printableName } from "../../parts/text";

export interface Folder {
  /** Grows with each change. */
  revision: number;
  items: Item[];
  /** Of the folders in it, by name. */
  inside: Map<string, () => Folder>;
  /** The last order that was asked for: scrolling asks for it again and again. */
  sorted?: { by: string; items: Item[] };
}

export interface Share {
  name: string;
  write: boolean;
  root: () => Folder;
  files?: number;
  size?: number;
}

const ENDINGS: Record<string, MediaKind> = {
  jpg: "image",
  png: "image",
  svg: "image",
  webm: "video",
  mp4: "video",
  mp3: "audio",
  wav: "audio",
  pdf: "document",
  txt: "document",
  md: "document",
  odt: "document",
};

export function mediaOf(name: string): MediaKind | undefined {
  return ENDINGS[name.split(".").pop()?.toLowerCase() ?? ""];
}

/** 2026-11-02, a Monday: pictures of a screen are always the same. */
const THEN = 1_793_577_600;

export function file(name: string, size: number, daysAgo = 3, blake3?: string): Item {
  const media = mediaOf(name);
  return {
    name,
    shown: printableName(name),
    kind: "file",
    size,
    modified: THEN - daysAgo * 86_400,
    ...(media === undefined ? {} : { media }),
    ...(blake3 === undefined ? {} : { blake3 }),
  };
}

function folderItem(name: string, holds: { files: number; size: number } | null, daysAgo: number): Item {
  const known = holds === null ? { size: null } : { size: holds.size, files: holds.files };
  return { name, shown: printableName(name), kind: "folder", modified: THEN - daysAgo * 86_400, ...known };
}

/** A folder of files and folders, each made once. */
export function folder(
  files: Item[],
  folders: [string, { files: number; size: number } | null, () => Folder][] = [],
): () => Folder {
  return once(() => ({
    revision: 1,
    items: [...folders.map(([name, holds], n) => folderItem(name, holds, n + 1)), ...files],
    inside: new Map(folders.map(([name, , make]) => [name, make])),
  }));
}

export function once<T>(make: () => T): () => T {
  let made: { it: T } | undefined;
  return () => (made ??= { it: make() }).it;
}

function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

export function sorted(of: Folder, sort: SortBy, descending: boolean, find: string): Item[] {
  const by = JSON.stringify([of.revision, sort, descending, find]);
  if (of.sorted?.by === by) return of.sorted.items;
  const words = fold(find)
    .split(/\s+/)
    .filter((word) => word !== "");
  const items =
    words.length === 0 ? [...of.items] : of.items.filter(({ name }) => words.every((word) => fold(name).includes(word)));
  const turn = descending ? -1 : 1;
  const { compare } = new Intl.Collator("en", { numeric: true });
  items.sort((a, b) => {
    if ((a.kind === "file") !== (b.kind === "file")) return a.kind === "file" ? 1 : -1;
    const names = compare(a.name, b.name);
    if (sort === "name") return turn * names;
    return turn * (sort === "size" ? (a.size ?? 0) - (b.size ?? 0) : (a.modified ?? 0) - (b.modified ?? 0)) || names;
  });
  of.sorted = { by, items };
  return items;
}

/** Everything below a folder, with its path; folders that are too large to be searched through in a test are left out. */
export function* below(of: Folder, path: string): Generator<{ path: string; item: Item }> {
  const MOST = 5_000;
  for (const item of of.items.slice(0, MOST)) {
    yield { path: `${path}/${item.name}`, item };
    const inside = of.inside.get(item.name);
    if (inside !== undefined) yield* below(inside(), `${path}/${item.name}`);
  }
}
