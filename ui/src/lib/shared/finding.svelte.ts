/** One search through what all devices in reach share: what was found so far, and which devices are still looking. */
import type { Event, FoundItem } from "../api/generated/api";
import { isFailure } from "../backend/backend";
import { wrong } from "../i18n/wrong";
import type { Shoal } from "../state/shoal.svelte";
import { narrowed, NO_FILTERS, type Filters } from "./filters";
import { Groups, type Group } from "./groups";

/** Hits asked of one device. */
export const HITS = 1_000;
/** A search waits for the next letter this long, in milliseconds. */
const TYPING_MS = 250;
/** Between two updates of what was found, in milliseconds. */
const SHOWN_EVERY_MS = 100;
/** Seconds that a device may take to show up. */
const WAIT_S = 3;

/** How far one device is: looking; looked everywhere; found more than was asked for; still reads its folders; did not answer. */
export type Searched = "looking" | "done" | "more" | "reading" | "silent";

export class Finding {
  words = $state("");
  filters = $state.raw<Filters>(NO_FILTERS);
  groups = $state.raw<readonly Group[]>([]);
  hits = $state(0);
  /** By the devices' ids. */
  devices = $state.raw<ReadonlyMap<string, Searched>>(new Map());
  busy = $state(false);
  failure = $state<string | null>(null);
  #found = new Groups();
  #number: number | null = null;
  /** Told before the search's number was known. */
  #early: Event[] = [];
  #run = 0;
  #typing: ReturnType<typeof setTimeout> | undefined;
  #showing: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly shoal: Shoal) {
    shoal.onEvent((event) => this.#hear(event));
  }

  get isEmpty(): boolean {
    return this.words.trim() === "";
  }

  type(words: string): void {
    this.words = words;
    clearTimeout(this.#typing);
    if (this.isEmpty) return this.stop();
    // What is found already stays until there is something new to look for.
    this.busy = true;
    this.#typing = setTimeout(() => void this.start(), TYPING_MS);
  }

  narrow(change: Partial<Filters>): void {
    this.filters = { ...this.filters, ...change };
    if (!this.isEmpty) void this.start();
  }

  async start(): Promise<void> {
    this.stop();
    const run = ++this.#run;
    this.busy = true;
    const now = Math.floor(Date.now() / 1000);
    try {
      const text = this.words.trim();
      const reply = await this.shoal.request({
        request: "search",
        text,
        beginning: false,
        ...narrowed(this.filters, now),
        limit: HITS,
        wait_s: WAIT_S,
      });
      if (reply.reply !== "searching") return;
      if (run !== this.#run) this.#end(reply.search);
      else this.#begin(reply.search, reply.peers);
    } catch (error) {
      if (run !== this.#run) return;
      this.busy = false;
      this.failure = isFailure(error) ? wrong(error.code, error.message) : String(error);
    }
  }

  /** Ends what runs and empties the list. */
  stop(): void {
    clearTimeout(this.#typing);
    clearTimeout(this.#showing);
    this.#showing = undefined;
    this.#run += 1;
    if (this.#number !== null && this.busy) this.#end(this.#number);
    this.#number = null;
    this.#early = [];
    this.#found = new Groups();
    this.groups = [];
    this.hits = 0;
    this.devices = new Map();
    this.busy = false;
    this.failure = null;
  }

  #begin(search: number, peers: readonly string[]): void {
    this.#number = search;
    this.devices = new Map(peers.map((peer) => [peer, "looking"]));
    const early = this.#early;
    this.#early = [];
    for (const event of early) this.#hear(event);
  }

  #end(search: number): void {
    // One that is over already is as well.
    void this.shoal.request({ request: "stop_search", search }).catch(() => undefined);
  }

  #hear(event: Event): void {
    if (event.event !== "found" && event.event !== "searched_peer" && event.event !== "searched") return;
    if (this.#number === null) {
      if (this.busy) this.#early.push(event);
      return;
    }
    if (event.search !== this.#number) return;
    if (event.event === "found") this.#add(event.found);
    else if (event.event === "searched_peer")
      this.#setDevice(event.peer, event.more ? "more" : this.#ended(event.peer, event.complete));
    else {
      for (const [peer, state] of this.devices) if (state === "looking") this.#setDevice(peer, "silent");
      this.#show();
      this.busy = false;
    }
  }

  #ended(peer: string, complete: boolean): Searched {
    if (complete) return "done";
    return this.shoal.device(peer)?.online === true ? "reading" : "silent";
  }

  #setDevice(peer: string, state: Searched): void {
    this.devices = new Map(this.devices).set(peer, state);
  }

  #add(found: readonly FoundItem[]): void {
    this.#found.add(found);
    this.#showing ??= setTimeout(() => this.#show(), SHOWN_EVERY_MS);
  }

  #show(): void {
    clearTimeout(this.#showing);
    this.#showing = undefined;
    this.groups = this.#found.list;
    this.hits = this.#found.hits;
  }
}
