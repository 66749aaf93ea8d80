/**
 * The state that every place shows, and the one road into it: event → {@link Table} → this → component. What moves all the time
 * is published at most four times a second, what comes and goes at once.
 */
import type { Device, Event, Identity, Limits, Reply, Sas, Settings, Transfer } from "../api/generated/api";
import type { Backend, UiRequest } from "../backend/backend";
import { isFailure } from "../backend/backend";
import { wrong } from "../i18n/wrong";
import { Notices } from "./notices.svelte";
import { isOver, Table, type Touched } from "./table";

/** Between two updates of figures, in milliseconds. */
export const FIGURES_EVERY_MS = 250;
/** Between two updates of lists, in milliseconds: many rows may end at once. */
export const ROWS_EVERY_MS = 50;

export class Shoal {
  connected = $state(false);
  identity = $state.raw<Identity | null>(null);
  limits = $state.raw<Limits>({ up: null, down: null });
  settings = $state.raw<Settings | null>(null);
  /** Blocked ones too. By name. */
  devices = $state.raw<readonly Device[]>([]);
  comparisons = $state.raw<ReadonlyMap<string, Sas>>(new Map());
  /** Came in and wait for an answer, oldest first. */
  offers = $state.raw<readonly Transfer[]>([]);
  /** Under way or able to go on, newest first. */
  current = $state.raw<readonly Transfer[]>([]);
  /** Over, newest first. */
  history = $state.raw<readonly Transfer[]>([]);
  readonly notices = new Notices();

  readonly #table = new Table();
  #touched: Touched = {};
  #due: { timer: ReturnType<typeof setTimeout>; at: number } | null = null;
  #lastFigures = 0;
  #lastRows = 0;
  #end: (() => void) | null = null;
  /** Hears each event after it was taken in. */
  readonly #listeners = new Set<(event: Event) => void>();

  constructor(readonly backend: Backend) {}

  start(): void {
    this.#end = this.backend.subscribe(
      (event) => this.hear(event),
      (connected) => (this.connected = connected),
    );
  }

  stop(): void {
    this.#end?.();
    if (this.#due !== null) clearTimeout(this.#due.timer);
  }

  hear(event: Event): void {
    const touched = this.#table.apply(event, Date.now());
    this.#touched = { ...this.#touched, ...touched };
    this.#schedule();
    if (event.event === "snapshot") void this.#loadSettings();
    for (const listener of this.#listeners) listener(event);
  }

  onEvent(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asks; what goes wrong is the caller's to show. */
  request(request: UiRequest): Promise<Reply> {
    return this.backend.request(request);
  }

  /** Asks, and says on the screen when it was not done. Whether it was. */
  async attempt(request: UiRequest): Promise<boolean> {
    return (await this.said(() => this.request(request))) !== undefined;
  }

  /** Runs what may fail and says so on the screen; `undefined` then. */
  async said<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (error) {
      this.notices.error(isFailure(error) ? wrong(error.code, error.message) : String(error));
      return undefined;
    }
  }

  device(id: string): Device | undefined {
    return this.devices.find((device) => device.id === id);
  }

  /** The colour that a device's owner chose, or this device's own; none: it follows from the id. */
  colour(id: string): number | null {
    return (id === this.identity?.id ? this.settings?.colour : this.device(id)?.colour) ?? null;
  }

  samples(transfer: string): readonly number[] {
    return this.#table.rates.samples(transfer);
  }

  /** Reads the whole history: a snapshot holds only the newest. */
  async loadHistory(): Promise<void> {
    const reply = await this.said(() => this.request({ request: "transfers", all: true }));
    if (reply?.reply !== "transfers") return;
    this.#table.addHistory(reply.transfers);
    this.#touched.rows = true;
    this.#schedule();
  }

  /** A snapshot does not hold them; after that events do. */
  async #loadSettings(): Promise<void> {
    const reply = await this.said(() => this.request({ request: "settings" }));
    if (reply?.reply !== "settings") return;
    const { reply: _, ...settings } = reply;
    this.#touched = { ...this.#touched, ...this.#table.set(settings) };
    this.#schedule();
  }

  endComparison(peer: string): void {
    this.#table.comparisons.delete(peer);
    this.comparisons = new Map(this.#table.comparisons);
  }

  #schedule(): void {
    const { devices, rows, figures, identity } = this.#touched;
    const now = performance.now();
    let at = Infinity;
    if (devices || rows || identity) at = this.#lastRows + ROWS_EVERY_MS;
    else if (figures) at = this.#lastFigures + FIGURES_EVERY_MS;
    if (at === Infinity || (this.#due !== null && this.#due.at <= at)) return;
    if (this.#due !== null) clearTimeout(this.#due.timer);
    this.#due = { at, timer: setTimeout(() => this.#publish(), Math.max(0, at - now)) };
  }

  #publish(): void {
    const { devices, rows, figures, identity } = this.#touched;
    const now = performance.now();
    this.#due = null;
    this.#touched = {};
    if (identity) {
      this.identity = this.#table.identity;
      this.limits = this.#table.limits;
      this.settings = this.#table.settings;
    }
    if (devices) {
      this.devices = [...this.#table.devices.values()].sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1));
      this.comparisons = new Map(this.#table.comparisons);
      this.#lastRows = now;
    }
    if (rows) {
      this.#publishRows();
      this.#lastRows = now;
      this.#lastFigures = now;
    } else if (figures) {
      // Another change brought this publication forward: figures keep their own pace.
      if (now - this.#lastFigures < FIGURES_EVERY_MS) {
        this.#touched.figures = true;
        this.#schedule();
        return;
      }
      const latest = (row: Transfer): Transfer => this.#table.transfers.get(row.transfer) ?? row;
      this.current = this.current.map(latest);
      this.#lastFigures = now;
    }
  }

  #publishRows(): void {
    const offers: Transfer[] = [];
    const current: Transfer[] = [];
    const history: Transfer[] = [];
    for (const row of this.#table.transfers.values()) {
      if (row.awaits_answer && !isOver(row)) offers.push(row);
      else if (isOver(row)) history.push(row);
      else current.push(row);
    }
    this.offers = offers.sort((a, b) => a.started - b.started);
    this.current = current.sort((a, b) => b.started - a.started);
    this.history = history.sort((a, b) => b.since - a.since);
  }
}
