/** The pure parts of the Shared place. */
import { describe, expect, test } from "vitest";
import type { FoundItem } from "../../src/lib/api/generated/api";
import { narrowed, NO_FILTERS } from "../../src/lib/shared/filters";
import { together } from "../../src/lib/shared/fetching";
import { Groups, rowsOf } from "../../src/lib/shared/groups";
import { KEPT, PAGE, PageTable } from "../../src/lib/shared/page_table";
import { beside, type Looked, type Sequence } from "../../src/lib/shared/preview";
import { Selection } from "../../src/lib/shared/selection.svelte";
import { above, MOST_STOPS, OVERVIEW, pathOf, spotOf, Trail, type FolderSpot } from "../../src/lib/shared/spot";
import { asText, READ } from "../../src/lib/shared/text_file";

function folder(...names: string[]): FolderSpot {
  return { at: "folder", peer: "p1", steps: names.map((name) => ({ name, shown: name })) };
}

describe("the way through folders", () => {
  test("leads back and forward to where one was, and a new turn forgets what lay ahead", () => {
    const there = Trail.START.to(folder("a")).at(7).to(folder("a", "b"));
    expect(there.canForward).toBe(false);
    const back = there.back();
    expect(back.here).toEqual({ spot: folder("a"), row: 7 });
    expect(back.forward().here.spot).toEqual(folder("a", "b"));
    const turned = back.to(folder("c"));
    expect(turned.canForward).toBe(false);
    expect(turned.back().here.row).toBe(7);
  });

  test("going where one is changes nothing, and the way is no longer than it may be", () => {
    const here = Trail.START.to(folder("a"));
    expect(here.to(folder("a"))).toBe(here);
    let trail = Trail.START;
    for (let n = 0; n < 3 * MOST_STOPS; n++) trail = trail.to(folder(String(n)));
    let steps = 0;
    while (trail.canBack) [trail, steps] = [trail.back(), steps + 1];
    expect(steps).toBe(MOST_STOPS);
  });

  test("the row that was looked at is known again, also when one goes up", () => {
    const trail = Trail.START.to(folder("a")).at(40).to(folder("a", "b"));
    expect(trail.rowOf(above(trail.here.spot))).toBe(40);
    expect(above(folder("a"))).toEqual(folder());
    expect(above(folder())).toBe(OVERVIEW);
  });

  test("a hit leads to the folder that holds it, asked for by the names that travel", () => {
    const spot = spotOf("p1", "/Pictures/a\u202Eb/x.jpg", "/Pictures/a\uFFFDb/x.jpg");
    expect(pathOf(spot)).toBe("/Pictures/a\u202Eb");
    expect(spot.steps.map(({ shown }) => shown)).toEqual(["Pictures", "a\uFFFDb"]);
    expect(pathOf(spotOf("p1", "/Pictures/x.jpg", "/Pictures/x.jpg"))).toBe("/Pictures");
  });
});

describe("pages", () => {
  const items = (page: number, of: string, n = PAGE): string[] =>
    Array.from({ length: n }, (_, row) => `${of}${String(page * PAGE + row)}`);

  test("are asked for once, and again when the owner has another state; until then the old ones are shown", () => {
    const table = new PageTable<string>();
    expect(table.take(table.of(0, 1))).toEqual([0]);
    expect(table.take([0])).toEqual([]);
    table.put(0, items(0, "a"), 1_000, "r1");
    expect(table.take(table.of(150, 250))).toEqual([1]);
    table.put(1, items(1, "a"), 1_000, "r1");
    expect(table.outdate("r1")).toBe(false);
    expect(table.outdate("r2")).toBe(true);
    expect(table.get(199)).toBe("a199");
    expect(table.take(table.of(150, 250))).toEqual([0, 1]);
    table.put(0, items(0, "b"), 1_000, "r2");
    expect([table.get(199), table.get(200)]).toEqual(["b199", "a200"]);
  });

  test("of another state make the others old, and what is behind the new end is gone", () => {
    const table = new PageTable<string>();
    for (const page of [0, 1, 2]) table.put(page, items(page, "a"), 600, "r1");
    expect(table.put(0, items(0, "b", 10), 10, "r2")).toBe(true);
    expect([table.total, table.get(200), table.get(450)]).toEqual([10, undefined, undefined]);
  });

  test("that did not come are asked for again, and no more are kept than may be", () => {
    const table = new PageTable<string>();
    table.take([0]);
    table.missed(0);
    expect(table.take([0])).toEqual([0]);
    for (let page = 0; page < 3 * KEPT; page++) table.put(page, items(page, "a"), 1_000_000, "r1");
    const held = Array.from({ length: 3 * KEPT }, (_, page) => table.get(page * PAGE)).filter((item) => item !== undefined);
    expect(held).toHaveLength(KEPT);
    expect(table.take([0])).toEqual([0]);
  });
});

describe("a selection", () => {
  const item = (key: string, size: number | null = 10): { key: string; size: number | null } => ({ key, size });

  test("of all but some counts what it holds, without reading the list", () => {
    const selection = new Selection<{ key: string; size: number | null }>();
    selection.all();
    selection.toggle(item("b"), 1);
    expect([selection.has("a"), selection.has("b"), selection.count(100_000)]).toEqual([true, false, 99_999]);
    expect(selection.bytes).toBeNull();
  });

  test("by ranges is counted from the last one chosen alone", () => {
    const selection = new Selection<{ key: string; size: number | null }>();
    selection.only(item("c"), 2);
    selection.range([item("c"), item("d")]);
    expect([selection.anchor, selection.count(9), selection.bytes]).toEqual([2, 2, 20]);
    selection.toggle(item("x", null), 5);
    expect([selection.anchor, selection.bytes]).toEqual([5, null]);
    selection.clear();
    expect(selection.count(9)).toBe(0);
  });
});

describe("what was found", () => {
  const hit = (peer: string, path: string, blake3?: string): FoundItem => ({
    peer,
    peer_name: peer,
    path,
    shown: path,
    kind: "file",
    size: 1,
    modified: 1,
    ...(blake3 === undefined ? {} : { blake3 }),
  });

  test("stands together when it is the same content, and rows that are there do not move", () => {
    const groups = new Groups();
    groups.add([hit("a", "/s/1", "x"), hit("a", "/s/2")]);
    const before = groups.list.map(({ key }) => key);
    groups.add([hit("b", "/t/1", "x"), hit("b", "/t/2"), hit("b", "/t/3", "y")]);
    expect(groups.list.map(({ key }) => key).slice(0, before.length)).toEqual(before);
    expect(groups.list.map(({ hits }) => hits.length)).toEqual([2, 1, 1, 1]);
    expect(groups.hits).toBe(5);
  });

  test("shows each place of a group that is open", () => {
    const groups = new Groups();
    groups.add([hit("a", "/s/1", "x"), hit("b", "/t/1", "x"), hit("a", "/s/2")]);
    const rows = rowsOf(groups.list, new Set(["a/s/1", "a/s/2"]));
    expect(rows.map(({ hit, inside }) => [hit.path, inside])).toEqual([
      ["/s/1", false],
      ["/s/1", true],
      ["/t/1", true],
      ["/s/2", false],
    ]);
    expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
  });

  test("is narrowed without gaps between sizes", () => {
    const now = 1_000_000_000;
    const medium = narrowed({ ...NO_FILTERS, size: "medium" }, now);
    const large = narrowed({ ...NO_FILTERS, size: "large" }, now);
    expect(large.min_size).toBe((medium.max_size ?? 0) + 1);
    expect(narrowed({ ...NO_FILTERS, age: "year" }, now).since).toBe(narrowed({ ...NO_FILTERS, age: "older" }, now).until);
    expect(narrowed({ ...NO_FILTERS, peer: "p" }, now).on).toEqual(["p"]);
  });

  test("in one folder is fetched at once", () => {
    const wanted = (peer: string, path: string, ...names: string[]) => ({ peer, path, names, called: names[0] ?? path });
    const all = together([
      wanted("a", "/s", "1"),
      wanted("a", "/s", "2"),
      wanted("a", "/s", "1"),
      wanted("b", "/s", "1"),
      wanted("a", "/s"),
    ]);
    expect(all.map(({ peer, names }) => [peer, names])).toEqual([
      ["a", ["1", "2"]],
      ["b", ["1"]],
      ["a", []],
    ]);
  });
});

test("the next file is found past folders, and no file at the ends", async () => {
  const file = (shown: string): Looked => ({ peer: "p", path: shown, shown, size: 1, modified: 1, media: undefined });
  const list: (Looked | null)[] = [null, file("a"), null, null, file("b")];
  const sequence: Sequence = { count: list.length, at: (row) => Promise.resolve(list[row]) };
  expect((await beside(sequence, 1, 1))?.row).toBe(4);
  expect((await beside(sequence, 4, -1))?.file.shown).toBe("a");
  expect(await beside(sequence, 4, 1)).toBeNull();
  expect(await beside(sequence, 1, -1)).toBeNull();
});

describe("text", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

  test("is told from what is none", () => {
    expect(asText(bytes("Grüße\r\naus Galicien"))).toBe("Grüße\naus Galicien");
    expect(asText(new Uint8Array([0xff, 0xfe, 0x41, 0]))).toBe("A");
    expect(asText(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0, 0]))).toBeNull();
    expect(asText(new Uint8Array([0xc3, 0x28]))).toBeNull();
    expect(asText(bytes("\u0001\u0002\u0003ab"))).toBeNull();
  });

  test("is text although its beginning ends within a character", () => {
    const whole = bytes("ü".repeat(READ));
    expect(asText(whole.subarray(0, READ))).toHaveLength(READ / 2);
    const odd = bytes(`a${"ü".repeat(READ)}`).subarray(0, READ);
    expect(asText(odd)).toHaveLength(READ / 2);
  });
});
