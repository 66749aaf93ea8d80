import { describe, expect, test } from "vitest";
import { bytes, count, day, left, list, moment, percent, plural } from "../../src/lib/i18n/format";
import { i18n } from "../../src/lib/i18n/i18n.svelte";
import de from "../../src/lib/i18n/messages/de";
import en from "../../src/lib/i18n/messages/en";
import { wrong } from "../../src/lib/i18n/wrong";

/** No-break spaces are hard to read in a test. */
const plain = (text: string): string => text.replace(/[\u00a0\u202f]/g, " ");

describe("sizes", () => {
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1.0 kB"],
    [9_940, "9.9 kB"],
    [9_960, "10 kB"],
    [999_400, "999 kB"],
    [999_600, "1.0 MB"],
    [84_200_000, "84 MB"],
    [1_250_000_000, "1.3 GB"],
    [-5, "0 B"],
    [Number.MAX_SAFE_INTEGER, "9.0 PB"],
  ])("%d is %s", (n, shown) => {
    expect(plain(bytes(n, "en"))).toBe(shown);
  });

  test("are written as the language writes numbers", () => {
    expect(plain(bytes(1_250_000_000, "de"))).toBe("1,3 GB");
    expect(count(3112, "de")).toBe("3.112");
  });
});

describe("time left is said as people say it", () => {
  test.each([
    [0, "a few seconds left"],
    [4.9, "a few seconds left"],
    [7, "5 s left"],
    [57, "55 s left"],
    [58, "1 min left"],
    [150, "3 min left"],
    [3599, "1 h left"],
    [4_800, "1 h 20 min left"],
    [35_990, "10 h left"],
    [100_000, "28 h left"],
    [200_000, "2 days left"],
  ])("%d s: %s", (seconds, said) => {
    expect(en.left(left(seconds))).toBe(said);
  });

  test("in German too", () => {
    expect(de.left(left(4_800))).toBe("noch 1 h 20 min");
    expect(de.left(left(90_000 * 2))).toBe("noch 2 Tage");
  });
});

test("a percentage is never 100 before all is there", () => {
  expect(plain(percent(999_999, 1_000_000, "en"))).toBe("99%");
  expect(plain(percent(1, 1, "en"))).toBe("100%");
  expect(plain(percent(0, 0, "en"))).toBe("100%");
});

test("moments are short when they are near", () => {
  const now = new Date(2026, 4, 20, 15, 0).getTime();
  const at = (...of: [number, number, number, number, number]): number => new Date(...of).getTime() / 1000;
  expect(moment(at(2026, 4, 20, 9, 5), "de", now)).toBe("9:05");
  expect(moment(at(2026, 2, 3, 9, 5), "en", now)).toBe("Mar 3");
  expect(moment(at(2024, 2, 3, 9, 5), "en", now)).toBe("Mar 3, 2024");
  expect(day(at(2026, 4, 20, 0, 1), "en", now)).toBe("Today");
  expect(day(at(2026, 4, 19, 23, 59), "de", now)).toBe("Gestern");
  expect(day(at(2026, 4, 18, 23, 59), "en", now)).toContain("May 18");
});

test("words follow their number", () => {
  expect(plural("en", 1, { one: "# file", other: "# files" })).toBe("1 file");
  expect(en.common.files(3112)).toBe("3,112 files");
  expect(de.common.files(1)).toBe("1 Datei");
  expect(list(["A", "B", "C"], "de")).toBe("A, B und C");
});

test("every language has every message, none is empty, and pictures have names of their own", () => {
  const walk = (a: object, b: object, path: string): void => {
    expect(Object.keys(b).sort(), path).toEqual(Object.keys(a).sort());
    for (const [key, value] of Object.entries(b)) {
      if (typeof value === "string") expect(value, `${path}.${key}`).not.toBe("");
      else if (typeof value === "object" && value !== null)
        walk(Object(Reflect.get(a, key)) as object, value as object, `${path}.${key}`);
    }
  };
  // English has the engine's own sentences for errors; another language has words for every kind of them, as its type demands.
  walk({ ...en, errors: de.errors }, de, "de");
  for (const { pictures } of [en, de]) {
    expect(Object.keys(pictures)).toHaveLength(64);
    expect(new Set(Object.values(pictures)).size).toBe(64);
  }
});

test("a failure is said in the language of the page, and exactly where its kind says too little", () => {
  const sentence = "There is no room left in /home/ana/Shoal: make some";
  expect(wrong("no_space", sentence)).toBe(sentence);
  i18n.tag = "de";
  expect(wrong("no_space", sentence)).toBe("Kein Platz mehr, oder dort darf nicht geschrieben werden");
  expect(wrong(undefined, "the cable is out")).toBe("Das ging nicht (the cable is out)");
  i18n.tag = "en";
});
