import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Heard } from "../../src/lib/backend/backend";
import { Taking } from "../../src/lib/state/taking.svelte";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A host that takes in until it is told to end. */
function host(): { take: (heard: Heard) => Promise<[]>; heard: Heard; end: (error?: Error) => void } {
  const own = { heard: (() => undefined) as Heard, end: (_error?: Error): void => undefined };
  const take = (heard: Heard): Promise<[]> => {
    own.heard = heard;
    return new Promise((resolve, reject) => (own.end = (error) => (error === undefined ? resolve([]) : reject(error))));
  };
  return Object.assign(own, { take });
}

test("nothing shows before the host begins, then the sum of all, then nothing", async () => {
  const taking = new Taking();
  const [first, second] = [host(), host()];
  const ends = [taking.run(first.take), taking.run(second.take)];
  expect(taking.count).toBe(0);
  first.heard(10, 100);
  second.heard(0, 50);
  expect([taking.count, taking.done, taking.all]).toEqual([2, 10, 150]);
  // Figures may be read: they move four times a second at most.
  first.heard(20, 100);
  expect(taking.done).toBe(10);
  vi.advanceTimersByTime(250);
  first.heard(30, 100);
  expect(taking.done).toBe(30);
  first.end();
  second.end(new Error("no room"));
  await expect(ends[1]).rejects.toThrow("no room");
  await ends[0];
  expect([taking.count, taking.done, taking.all]).toEqual([0, 0, 0]);
});
