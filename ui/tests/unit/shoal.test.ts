import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Event } from "../../src/lib/api/generated/api";
import type { Backend } from "../../src/lib/backend/backend";
import { Shoal } from "../../src/lib/state/shoal.svelte";
import { progress, snapshot, transfer } from "./rows";

let hear: (event: Event) => void;

const backend = {
  subscribe: (listener: (event: Event) => void) => {
    hear = listener;
    return () => undefined;
  },
  request: () => Promise.reject(Object.assign(Object.create(null) as object, { code: "no_space", message: "The disk is full." })),
} as unknown as Backend;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("figures are published at most four times a second, however many events come", () => {
  const shoal = new Shoal(backend);
  shoal.start();
  hear(snapshot({ transfers: [transfer()] }));
  vi.advanceTimersByTime(1_000);
  const seen = new Set<unknown>([shoal.current]);
  for (let ms = 0; ms < 2_000; ms += 5) {
    hear(progress(ms, 1000));
    vi.advanceTimersByTime(5);
    seen.add(shoal.current);
  }
  // The first list and at most four a second for two seconds, and one at the edge.
  expect(seen.size).toBeLessThanOrEqual(10);
  expect(seen.size).toBeGreaterThan(5);
  vi.advanceTimersByTime(300);
  expect(shoal.current[0]?.bytes_done).toBe(1_995);
});

test("what comes and goes is shown at once", () => {
  const shoal = new Shoal(backend);
  shoal.start();
  hear(snapshot());
  vi.advanceTimersByTime(1_000);
  hear({ event: "offered", peer: "p1", ...transfer({ direction: "receive", state: "waiting", awaits_answer: true }) });
  vi.advanceTimersByTime(0);
  expect(shoal.offers).toHaveLength(1);
  expect(shoal.current).toHaveLength(0);
});

test("a failed request is said on the screen, in the engine's words", async () => {
  const shoal = new Shoal(backend);
  expect(await shoal.attempt({ request: "health" })).toBe(false);
  expect(shoal.notices.list[0]).toMatchObject({ kind: "error", text: "The disk is full." });
});
