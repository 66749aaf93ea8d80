/**
 * A folder of a device's share as it is now: read by pages as they come into sight, watched, and opened again by itself when its
 * device comes back.
 */
import type { Event, Item, SortBy } from "../api/generated/api";
import { isFailure } from "../backend/backend";
import { wrong } from "../i18n/wrong";
import type { Shoal } from "../state/shoal.svelte";
import { PAGE, PageTable } from "./page_table";
import { pathOf, type FolderSpot } from "./spot";

/** Seconds that a device may take to answer. */
export const LOOK_WAIT_S = 5;
/** A device's shares can't be watched: they are asked for again this often, in milliseconds. */
const SHARES_EVERY_MS = 10_000;
/** A folder that could not be read is tried again after this, in milliseconds. */
const AGAIN_MS = 5_000;

/** Rows that are only passed are not asked for: one has to rest on them so long, or wait so long, in milliseconds. */
const REST_MS = 60;
const PASSING_MS = 1_000;
/** Rows before and behind those in sight that are asked for with them: one who turns the wheel does not get there first. */
const AHEAD = 100;

export interface Order {
  sort: SortBy;
  descending: boolean;
}

/** Why nothing new is shown. */
export type Trouble = { kind: "away" } | { kind: "gone" } | { kind: "failed"; words: string };

export class Listing {
  total = $state(0);
  loaded = $state(false);
  trouble = $state.raw<Trouble | null>(null);
  /** Grows when what is held changed: the table is no state of Svelte's. */
  version = $state(0);
  #table = new PageTable<Item>();
  #watch: number | null = null;
  /** What was heard of watches before this one's number was known. */
  #early: Event[] | null = null;
  #sight = { first: 0, end: 1 };
  #rest: ReturnType<typeof setTimeout> | undefined;
  #passing = 0;
  #ended = false;
  #again: ReturnType<typeof setTimeout> | undefined;
  readonly #shares: ReturnType<typeof setInterval> | undefined;
  readonly #unhear: () => void;

  constructor(
    private readonly shoal: Shoal,
    readonly spot: FolderSpot,
    readonly order: Order,
    /** Only names with these words in them. */
    readonly find: string,
  ) {
    this.#unhear = shoal.onEvent((event) => this.#hear(event));
    if (spot.steps.length === 0) this.#shares = setInterval(() => this.#renew(), SHARES_EVERY_MS);
    this.#open();
  }

  close(): void {
    this.#ended = true;
    this.#unhear();
    clearInterval(this.#shares);
    clearTimeout(this.#again);
    clearTimeout(this.#rest);
    if (this.#watch !== null) this.#stop(this.#watch);
  }

  get(row: number): Item | undefined {
    void this.version;
    return this.#table.get(row);
  }

  rowOf(name: string): number {
    return this.#table.find((item) => item.name === name);
  }

  /** These rows are in sight: their pages are fetched. */
  see(first: number, end: number): void {
    this.#sight = { first, end };
    const now = performance.now();
    if (this.#rest === undefined) this.#passing = now;
    clearTimeout(this.#rest);
    const wait = Math.max(0, Math.min(REST_MS, this.#passing + PASSING_MS - now));
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      this.#ask();
    }, wait);
  }

  /** An item, fetched where it is not here yet. */
  async reach(row: number): Promise<Item | undefined> {
    if (this.get(row) === undefined)
      await Promise.all(this.#table.take(this.#table.of(row, row + 1)).map((page) => this.#fetch(page)));
    return this.get(row);
  }

  /** Items from `first` to before `end`, fetched where they are not here yet. */
  async range(first: number, end: number): Promise<Item[]> {
    const items: Item[] = [];
    for (let row = first; row < Math.min(end, this.total); row++) {
      const item = await this.reach(row);
      if (item === undefined) break;
      items.push(item);
    }
    return items;
  }

  #open(): void {
    clearTimeout(this.#again);
    this.#renew();
    if (this.spot.steps.length > 0) void this.#watchIt();
  }

  /** Asks for what is in sight anew. */
  #renew(): void {
    this.#table.outdate("");
    this.#ask();
  }

  #ask(): void {
    const [first, end] = [Math.max(0, this.#sight.first - AHEAD), this.#sight.end + AHEAD];
    for (const page of this.#table.take(this.#table.of(first, end))) void this.#fetch(page);
  }

  async #fetch(page: number): Promise<void> {
    const { spot, order, find, shoal } = this;
    const items: Item[] = [];
    try {
      for (;;) {
        const offset = page * PAGE + items.length;
        const limit = PAGE - items.length;
        const path = pathOf(spot);
        const reply = await shoal.request({
          request: "look",
          peer: spot.peer,
          path,
          offset,
          limit,
          ...order,
          find,
          wait_s: LOOK_WAIT_S,
        });
        if (this.#ended) return;
        if (reply.reply !== "items") throw new Error(`not a page: ${reply.reply}`);
        // A device's shares come all at once, whatever page was asked for.
        items.push(...(spot.steps.length === 0 ? reply.items.slice(offset, offset + limit) : reply.items));
        const whole = reply.items.length === 0 || items.length >= PAGE || page * PAGE + items.length >= reply.total;
        if (!whole && spot.steps.length > 0) continue;
        this.#take(page, items, reply.total, reply.revision);
        return;
      }
    } catch (error) {
      this.#table.missed(page);
      if (!this.#ended) this.#fail(error);
    }
  }

  #take(page: number, items: readonly Item[], total: number, revision: string): void {
    // Shares have no revision; each answer counts as a new state.
    const changed = this.#table.put(page, items, total, revision === "" ? String(this.version) : revision);
    this.total = total;
    this.loaded = true;
    this.trouble = null;
    // What nobody sees is drawn for nobody.
    const inSight = this.#table.of(this.#sight.first, this.#sight.end).includes(page);
    if (inSight || changed) this.version += 1;
    if (changed && this.spot.steps.length > 0) this.#ask();
  }

  #fail(error: unknown): void {
    const code = isFailure(error) ? error.code : undefined;
    if (code === "declined") this.trouble = { kind: "gone" };
    else if (code === "peer_not_found" || code === "interrupted" || !this.#isHere()) this.trouble = { kind: "away" };
    else this.trouble = { kind: "failed", words: isFailure(error) ? wrong(error.code, error.message) : String(error) };
    this.#openSoon();
  }

  #openSoon(): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#open(), AGAIN_MS);
  }

  #isHere(): boolean {
    return this.shoal.device(this.spot.peer)?.online === true;
  }

  async #watchIt(): Promise<void> {
    if (this.#early !== null) return;
    if (this.#watch !== null) this.#stop(this.#watch);
    this.#watch = null;
    this.#early = [];
    const { spot, shoal } = this;
    const asked = shoal.request({ request: "watch_folder", peer: spot.peer, path: pathOf(spot), wait_s: LOOK_WAIT_S });
    // Why a folder can't be watched, the look beside it says.
    const reply = await asked.catch(() => null);
    const early = this.#early;
    this.#early = null;
    if (reply?.reply !== "watching") return;
    if (this.#ended) this.#stop(reply.watch);
    else {
      this.#watch = reply.watch;
      for (const event of early) this.#hear(event);
    }
  }

  #stop(watch: number): void {
    // One that is over already is as well.
    void this.shoal.request({ request: "stop_watch", watch }).catch(() => undefined);
  }

  #hear(event: Event): void {
    if (event.event === "folder_changed" || event.event === "watch_ended") {
      if (this.#early !== null) this.#early.push(event);
      if (event.watch !== this.#watch) return;
      if (event.event === "watch_ended") this.#over(event.gone);
      else if (this.loaded && this.#table.outdate(event.revision)) this.#ask();
    } else if (event.event === "device" && event.id === this.spot.peer) {
      if (!event.online) this.trouble = { kind: "away" };
      else if (this.trouble !== null) this.#open();
    } else if (event.event === "snapshot" && this.loaded) this.#open();
  }

  #over(gone: boolean): void {
    this.#watch = null;
    // A folder that is gone may be there again under the same name: the look says.
    if (gone) return this.#open();
    this.trouble = { kind: "away" };
    // A cable that was out for a moment is no news of the device: nobody says that it is back.
    this.#openSoon();
  }
}
