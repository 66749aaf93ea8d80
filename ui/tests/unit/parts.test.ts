import { describe, expect, test } from "vitest";
import { totals } from "../../src/lib/frame/totals";
import { markOf, PALETTE } from "../../src/lib/parts/mark";
import { pieces, printable, printableName } from "../../src/lib/parts/text";
import { Rows, sight, Slots, TALLEST, toSee } from "../../src/lib/parts/window";
import { actions } from "../../src/lib/transfers/status";
import { fits } from "../../src/lib/transfers/search";
import { transfer } from "./rows";

describe("a long list", () => {
  test("draws what is in sight and a few more", () => {
    const seen = sight(new Rows(100_000, 40), 4_000, 400, 5);
    expect(seen).toEqual({ first: 95, end: 116, top: 3_800 });
  });

  test("of rows of different heights finds the row at each height", () => {
    const rows = new Rows(1_000, (row) => 20 + (row % 3) * 10);
    for (let row = 0; row < 1_000; row++) {
      expect(rows.at(rows.start(row))).toBe(row);
      expect(rows.at(rows.start(row + 1) - 1)).toBe(row);
    }
  });

  test("of a million rows, more than a browser can scroll, is reached to its end", () => {
    const rows = new Rows(1_000_000, 44);
    expect(rows.total).toBeGreaterThan(TALLEST);
    expect(sight(rows, 0, 400, 0).first).toBe(0);
    expect(sight(rows, TALLEST - 400, 400, 0).end).toBe(1_000_000);
    const to = toSee(rows, 777_777, 0, 400);
    const seen = sight(rows, to ?? 0, 400, 1);
    expect(seen.first).toBeLessThanOrEqual(777_777);
    expect(seen.end).toBeGreaterThan(777_777);
  });

  test("keeps its elements where they are when it jumps, and those of rows that stay when it moves on", () => {
    const slots = new Slots();
    const order = (first: number): number[] => slots.fill(first, first + 20, 1_000).map((row) => slots.of(row));
    const before = order(7);
    expect(new Set(before).size).toBe(20);
    expect(order(500)).toEqual(before);
    expect(order(503).slice(0, -3)).toEqual(before.slice(3));
    expect(order(3)).toEqual(order(960));
  });

  test("draws as many rows at its ends as elsewhere, and no more than there are", () => {
    const slots = new Slots();
    expect(slots.fill(10, 30, 100)).toHaveLength(20);
    expect(slots.fill(0, 14, 100)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(slots.fill(86, 100, 100)[0]).toBe(80);
    expect(slots.fill(0, 3, 3)).toEqual([0, 1, 2]);
    expect(slots.fill(0, 0, 0)).toEqual([]);
  });

  test("that is empty draws nothing", () => {
    expect(sight(new Rows(0, 44), 0, 400, 5)).toEqual({ first: 0, end: 0, top: 0 });
  });
});

describe("what peers write", () => {
  test("has no unseen characters on a screen", () => {
    expect(printable("a\u202Eb\u0000c\u2066d\te\n")).toBe("a\uFFFDb\uFFFDc\uFFFDd\te\n");
    expect(printableName("two\nlines")).toBe("two lines");
    expect(printable("🐟👩‍👧 מסמך ä")).toBe("🐟👩‍👧 מסמך ä");
  });

  test("is cut at its links, and nothing is lost", () => {
    const text = "See https://example.org/a?b=1, or (http://x.y/z). javascript:alert(1) <b>https://q.r</b>";
    const cut = pieces(text);
    expect(cut.map((piece) => piece.text).join("")).toBe(text);
    expect(cut.filter((piece) => piece.link).map((piece) => piece.text)).toEqual([
      "https://example.org/a?b=1",
      "http://x.y/z",
      "https://q.r",
    ]);
  });
});

test("a device's mark is always the same, and devices are told apart", () => {
  expect(markOf("abcdef")).toEqual(markOf("abcdef"));
  const marks = new Set(Array.from({ length: 500 }, (_, n) => JSON.stringify(markOf(`device-${String(n)}`))));
  expect(marks.size).toBeGreaterThan(480);
});

test("a device has the colour that its owner chose, and otherwise its own", () => {
  const own = markOf("abcdef");
  expect(markOf("abcdef", null)).toEqual(own);
  expect(markOf("abcdef", 3)).toEqual({ ...own, hue: 90 });
  expect(new Set(Array.from({ length: PALETTE }, (_, n) => markOf("a", n).hue)).size).toBe(PALETTE);
  for (const nonsense of [-1, 12, 1.5, NaN, Infinity]) expect(markOf("abcdef", nonsense)).toEqual(own);
});

describe("what makes sense now", () => {
  const can = {
    chooseFiles: true,
    chooseFolder: true,
    showInFolder: true,
    openFile: true,
    download: true,
    autostart: true,
    chooseInbox: true,
    nativeDrops: false,
    badge: false,
    shareFolders: true,
  };
  test.each([
    [transfer({ state: "active" }), ["pause", "cancel"]],
    [transfer({ state: "paused" }), ["resume", "cancel"]],
    [transfer({ state: "waiting" }), ["cancel"]],
    [transfer({ state: "interrupted" }), ["pause", "cancel"]],
    [transfer({ state: "finished" }), ["forget"]],
    [transfer({ state: "finished", direction: "receive", files_done: 3 }), ["reveal", "forget"]],
    [transfer({ state: "finished", direction: "fetch", files_done: 3 }), ["reveal", "forget"]],
    [transfer({ state: "finished", files_failed: 7 }), ["retry", "forget"]],
    [transfer({ state: "failed" }), ["retry", "forget"]],
    [transfer({ state: "cancelled" }), ["forget"]],
    [transfer({ state: "declined", direction: "receive" }), ["forget"]],
    [transfer({ state: "finished", direction: "receive", text: "hi" }), ["copy", "forget"]],
  ])("%#", (row, expected) => {
    expect(actions(row, can)).toEqual(expected);
  });

  test("without a file manager what was received is saved through the browser", () => {
    const row = transfer({ state: "finished", direction: "receive", files_done: 3 });
    expect(actions(row, { ...can, showInFolder: false })).toEqual(["save", "forget"]);
  });
});

test("the sum of what moves", () => {
  const sum = totals([
    transfer({ rate: 10, eta_s: 5, bytes: 100, bytes_done: 50 }),
    transfer({ rate: 20, eta_s: 50, bytes: 100, bytes_done: 0, direction: "receive" }),
    transfer({ state: "paused" }),
    transfer({ state: "interrupted" }),
  ]);
  expect(sum).toEqual({ moving: 2, waiting: 1, paused: 1, up: 10, down: 20, left: 50, part: 0.25 });
});

test("a search wants every word, wherever it is", () => {
  const row = transfer({ name: "Holidays in Galicia", peer_names: ["Mira’s laptop"] });
  expect(fits(row, "")).toBe(true);
  expect(fits(row, "mira gal")).toBe(true);
  expect(fits(row, "mira berlin")).toBe(false);
});
