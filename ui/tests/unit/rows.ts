/** Rows for tests. */
import type { Event, Snapshot, Transfer } from "../../src/lib/api/generated/api";

export function transfer(part: Partial<Transfer> = {}): Transfer {
  return {
    transfer: "t1",
    direction: "send",
    peers: ["p1"],
    peer_names: ["Mira"],
    name: "Photos",
    state: "active",
    files: 10,
    files_done: 0,
    files_failed: 0,
    bytes: 1_000_000,
    bytes_done: 0,
    bytes_moved: 0,
    rate: 0,
    awaits_answer: false,
    first_names: [],
    started: 100,
    since: 100,
    ...part,
  };
}

export function snapshot(part: Partial<Snapshot> = {}): Event {
  return {
    event: "snapshot",
    identity: { id: "me", name: "Tern", addresses: [], link: "shoal:peer/me", inbox: "/inbox" },
    devices: [],
    transfers: [],
    limits: { up: null, down: null },
    ...part,
  };
}

export function progress(bytes_done: number, rate: number, id = "t1"): Event {
  return { event: "progress", transfer: id, bytes_done, bytes: 1_000_000, files_done: 0, files: 10, rate, eta_s: null };
}
