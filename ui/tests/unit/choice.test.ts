import { expect, test } from "vitest";
import type { Entry } from "../../src/lib/api/generated/api";
import { Choice } from "../../src/lib/offers/choice";

/** A tree of entries as the engine numbers them: each folder has `wide` children, down to `deep`. */
function tree(wide: number, deep: number): { all: Entry[]; above: Map<number, Entry[]> } {
  const all: Entry[] = [];
  const above = new Map<number, Entry[]>();
  const add = (depth: number, over: Entry[]): Entry => {
    const folder = depth < deep;
    const entry: Entry = {
      index: all.length,
      end: 0,
      name: "n",
      path: "",
      folder,
      files: folder ? 0 : 1,
      bytes: folder ? 0 : 10,
      bytes_done: 0,
      state: "waiting",
    };
    all.push(entry);
    above.set(entry.index, over);
    if (folder) {
      for (let n = 0; n < wide; n++) {
        const child = add(depth + 1, [...over, entry]);
        entry.files += child.files;
        entry.bytes += child.bytes;
      }
    }
    entry.end = all.length;
    return entry;
  };
  for (let n = 0; n < wide; n++) add(0, []);
  return { all, above };
}

test("a choice agrees with a naive one that marks every file, over many random clicks", () => {
  const { all, above } = tree(3, 3);
  let seed = 7;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const choice = new Choice();
  const out = new Set<number>();
  for (let click = 0; click < 400; click++) {
    const entry = all[random(all.length)];
    if (entry === undefined) continue;
    const take = choice.taken(entry) !== "all";
    choice.set(entry, above.get(entry.index) ?? [], take);
    for (const below of all.slice(entry.index, entry.end)) {
      if (below.folder) continue;
      if (take) out.delete(below.index);
      else out.add(below.index);
    }
    expect(choice.leftOut).toEqual({ files: out.size, bytes: out.size * 10 });
    for (const one of all) {
      const files = all.slice(one.index, one.end).filter((below) => !below.folder);
      const outHere = files.filter((file) => out.has(file.index)).length;
      const expected = outHere === 0 ? "all" : outHere === files.length ? "none" : "some";
      expect(choice.taken(one)).toBe(expected);
    }
    const taken = new Set(
      choice.ranges(all.length).flatMap(({ start, end }) => Array.from({ length: end - start }, (_, n) => start + n)),
    );
    if (out.size > 0)
      for (const file of all.filter(({ folder }) => !folder)) expect(taken.has(file.index)).toBe(!out.has(file.index));
  }
});

test("all taken asks for no ranges, which means all", () => {
  const { all } = tree(2, 1);
  const choice = new Choice();
  const [first] = all;
  if (first === undefined) throw new Error("no entry");
  expect(choice.ranges(all.length)).toEqual([]);
  choice.set(first, [], false);
  expect(choice.ranges(all.length)).toEqual([{ start: first.end, end: all.length }]);
  choice.set(first, [], true);
  expect(choice.ranges(all.length)).toEqual([]);
});
