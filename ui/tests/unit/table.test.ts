import { describe, expect, test } from "vitest";
import type { Device } from "../../src/lib/api/generated/api";
import { Table } from "../../src/lib/state/table";
import { progress, snapshot, transfer } from "./rows";

const device: Device = { id: "p1", name: "Mira", trust: "known", online: true, paths: [], colour: null };

describe("events add up to rows", () => {
  test("a snapshot replaces what was, but not the older history that was asked for", () => {
    const table = new Table();
    table.apply(snapshot({ devices: [device], transfers: [transfer()] }), 0);
    table.addHistory([transfer({ transfer: "old", state: "finished" })]);
    table.apply(snapshot(), 1);
    expect([...table.transfers.keys()]).toEqual(["old"]);
    expect(table.devices.size).toBe(0);
  });

  test("progress moves figures only, and what is not known is left alone", () => {
    const table = new Table();
    table.apply(snapshot({ transfers: [transfer()] }), 0);
    expect(table.apply(progress(500_000, 1000), 100)).toEqual({ figures: true });
    expect(table.transfers.get("t1")?.bytes_done).toBe(500_000);
    expect(table.apply(progress(1, 1, "unknown"), 100)).toEqual({});
    expect(table.transfers.size).toBe(1);
  });

  test("rows are replaced, never changed in place: a component sees that they changed", () => {
    const table = new Table();
    table.apply(snapshot({ transfers: [transfer()] }), 0);
    const before = table.transfers.get("t1");
    table.apply(progress(1, 1), 1);
    expect(table.transfers.get("t1")).not.toBe(before);
    expect(before?.bytes_done).toBe(0);
  });

  test("an ending has no rate and no time left, and says when", () => {
    const table = new Table();
    table.apply(snapshot({ transfers: [transfer({ rate: 500, eta_s: 9 })] }), 0);
    table.apply({ event: "failed", transfer: "t1", error: "The cable was pulled", code: "failed", state: "failed" }, 5_000_000);
    const row = table.transfers.get("t1");
    expect(row).toMatchObject({ state: "failed", rate: 0, error: "The cable was pulled", since: 5_000 });
    expect(row?.eta_s).toBeUndefined();
  });

  test("an offer that was withdrawn waits for no answer any more", () => {
    const table = new Table();
    table.apply({ event: "offered", peer: "p1", ...transfer({ awaits_answer: true, state: "waiting" }) }, 0);
    table.apply({ event: "failed", transfer: "t1", error: "Mira took it back", code: "failed", state: "cancelled" }, 1);
    expect(table.transfers.get("t1")?.awaits_answer).toBe(false);
  });

  test("settings are in force for whatever shows them: the name, the inbox, the limits", () => {
    const table = new Table();
    table.apply(snapshot(), 0);
    const limits = { up: 5, down: null };
    const settings = {
      name: "Gannet",
      inbox: "/far",
      accept: "ask",
      discoverable: true,
      interfaces: [],
      limits,
      colour: 4,
    } as const;
    expect(table.apply({ event: "settings", ...settings, interfaces: [] }, 1)).toEqual({ identity: true });
    expect(table.identity).toMatchObject({ id: "me", name: "Gannet", inbox: "/far" });
    expect([table.settings?.colour, table.limits]).toEqual([4, limits]);
  });

  test("a forgotten transfer goes", () => {
    const table = new Table();
    table.apply(snapshot({ transfers: [transfer({ state: "finished" })] }), 0);
    expect(table.apply({ event: "transfer_gone", transfer: "t1" }, 1)).toEqual({ rows: true });
    expect(table.transfers.size).toBe(0);
  });
});

describe("rates", () => {
  test("are smoothed over two seconds: one odd measure does not make a number jump", () => {
    const table = new Table();
    table.apply(snapshot({ transfers: [transfer()] }), 0);
    for (let at = 0; at <= 10_000; at += 100) table.apply(progress(1, 1000), at);
    expect(table.transfers.get("t1")?.rate).toBeCloseTo(1000, 0);
    table.apply(progress(1, 100_000), 10_100);
    expect(table.transfers.get("t1")?.rate).toBeLessThan(7_000);
    for (let at = 10_200; at <= 20_000; at += 100) table.apply(progress(1, 2000), at);
    expect(table.transfers.get("t1")?.rate).toBeGreaterThan(1_900);
    expect(table.transfers.get("t1")?.rate).toBeLessThan(3_000);
  });

  test("are kept for the graph: bounded", () => {
    const table = new Table();
    table.apply(snapshot({ transfers: [transfer()] }), 0);
    for (let at = 0; at <= 400_000; at += 100) table.apply(progress(1, 1000), at);
    expect(table.rates.samples("t1").length).toBe(240);
  });

  test("say how long it will take", () => {
    const table = new Table();
    table.apply(snapshot({ transfers: [transfer({ bytes: 1_000_000 })] }), 0);
    for (let at = 0; at <= 20_000; at += 100) table.apply(progress(500_000, 50_000), at);
    expect(table.transfers.get("t1")?.eta_s).toBeGreaterThanOrEqual(10);
    expect(table.transfers.get("t1")?.eta_s).toBeLessThanOrEqual(11);
  });
});
