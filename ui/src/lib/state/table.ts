/**
 * What the events add up to: devices and transfers by id. Pure: no clock, no framework. `shoal.svelte.ts` drives it and
 * publishes what changed.
 */
import type { Device, Event, Identity, Limits, Sas, Settings, State, Transfer } from "../api/generated/api";
import { Rates } from "./rates";

/** What an event touched. */
export interface Touched {
  devices?: boolean;
  /** Rows came, went or changed their state. */
  rows?: boolean;
  /** Only figures of a running transfer moved: may wait for the next tick. */
  figures?: boolean;
  identity?: boolean;
}

const OVER: ReadonlySet<State> = new Set<State>(["finished", "failed", "cancelled", "declined"]);

export function isOver(transfer: Transfer): boolean {
  return OVER.has(transfer.state);
}

export class Table {
  identity: Identity | null = null;
  limits: Limits = { up: null, down: null };
  /** None until they were asked for: a snapshot does not hold them. */
  settings: Settings | null = null;
  readonly devices = new Map<string, Device>();
  readonly transfers = new Map<string, Transfer>();
  /** Comparisons that wait for their two people, by the other device's id. */
  readonly comparisons = new Map<string, Sas>();
  readonly rates = new Rates();

  /** Takes one event in. `now` in milliseconds since 1970. */
  apply(event: Event, now: number): Touched {
    switch (event.event) {
      case "snapshot":
        this.identity = event.identity;
        this.limits = event.limits;
        this.devices.clear();
        for (const device of event.devices) this.devices.set(device.id, device);
        // Older ended ones that a snapshot leaves out, the history asked for: they stay.
        for (const [id, row] of this.transfers) if (!isOver(row)) this.transfers.delete(id);
        for (const row of event.transfers) this.#put(row, now);
        return { devices: true, rows: true, identity: true };
      case "ready":
        if (this.identity === null) return {};
        this.identity = { ...this.identity, id: event.id, name: event.name, addresses: event.addresses };
        return { identity: true };
      case "settings": {
        const { event: _, ...settings } = event;
        return this.set(settings);
      }
      case "device": {
        const { event: _, ...device } = event;
        this.devices.set(device.id, device);
        return { devices: true };
      }
      case "device_gone":
        this.devices.delete(event.id);
        return { devices: true };
      case "offered":
      case "transfer": {
        const { event: _, ...row } = event;
        const before = this.transfers.get(row.transfer);
        this.#put(row, now);
        return before?.state === row.state && before.awaits_answer === row.awaits_answer && !isOver(row)
          ? { figures: true }
          : { rows: true };
      }
      case "progress":
        return this.#change(event.transfer, (row) => {
          row.bytes_done = event.bytes_done;
          row.bytes = event.bytes;
          row.files_done = event.files_done;
          row.files = event.files;
          this.#pace(row, event.rate, event.eta_s, now);
        })
          ? { figures: true }
          : {};
      case "finished":
        return this.#end(event.transfer, "finished", now, (row) => {
          row.files_done = event.files;
          row.bytes_done = event.bytes;
          row.bytes_moved = event.bytes_moved;
          row.files_failed = event.files_failed;
        });
      case "interrupted":
        return this.#end(event.transfer, "interrupted", now, (row) => {
          row.error = event.reason;
        });
      case "failed":
        return this.#end(event.transfer, event.state, now, (row) => {
          row.error = event.error;
          row.code = event.code;
        });
      case "transfer_gone":
        this.rates.forget(event.transfer);
        return { rows: this.transfers.delete(event.transfer) };
      case "verifying":
        this.comparisons.set(event.peer, { sas_digits: event.sas_digits, sas_emoji: event.sas_emoji });
        return { devices: true };
      case "found":
      case "searched_peer":
      case "searched":
      case "folder_changed":
      case "watch_ended":
        // For whoever searches or watches.
        return {};
      case "making_link":
      case "link_made":
      case "link_failed":
      case "links_changed":
        // For whoever looks at links.
        return {};
      case "lagged":
        // A snapshot follows.
        return {};
    }
  }

  /** What is set now, said by the engine or asked for. */
  set(settings: Settings): Touched {
    this.settings = settings;
    this.limits = settings.limits;
    if (this.identity !== null) this.identity = { ...this.identity, name: settings.name, inbox: settings.inbox };
    return { identity: true };
  }

  /** Rows that a page of the history brought. What events said since is newer. */
  addHistory(rows: readonly Transfer[]): void {
    for (const row of rows) if (!this.transfers.has(row.transfer)) this.transfers.set(row.transfer, row);
  }

  #put(row: Transfer, now: number): void {
    const held = { ...row };
    if (held.state === "active") this.#pace(held, row.rate, row.eta_s ?? null, now);
    else this.rates.rest(held.transfer);
    this.transfers.set(held.transfer, held);
  }

  #change(id: string, change: (row: Transfer) => void): boolean {
    const before = this.transfers.get(id);
    if (before === undefined) return false;
    const row = { ...before };
    change(row);
    this.transfers.set(id, row);
    return true;
  }

  #end(id: string, state: State, now: number, change: (row: Transfer) => void): Touched {
    this.rates.rest(id);
    const known = this.#change(id, (row) => {
      if (row.state !== state) row.since = Math.floor(now / 1000);
      row.state = state;
      row.awaits_answer = false;
      row.rate = 0;
      delete row.eta_s;
      change(row);
    });
    return known ? { rows: true } : {};
  }

  /** Sets rate and time left from the smoothed rate, so that neither jumps. */
  #pace(row: Transfer, rate: number, eta: number | null, now: number): void {
    row.rate = this.rates.note(row.transfer, rate, now);
    const left = row.bytes - row.bytes_done;
    if (row.rate > 1 && left > 0) row.eta_s = Math.ceil(left / row.rate);
    else if (eta !== null) row.eta_s = eta;
    else delete row.eta_s;
  }
}
