/** The entries of one folder of a transfer, fetched by pages as they come into sight. */
import { SvelteMap } from "svelte/reactivity";
import type { Entry, EntryState } from "../api/generated/api";
import type { Shoal } from "../state/shoal.svelte";

/** Entries asked for at once. */
const PAGE = 200;
/** Pages kept; those asked for longest ago go first. */
const KEPT = 50;

export interface Where {
  transfer: string;
  folder: number | null;
  state: EntryState | null;
  find: string | null;
}

export class Pages {
  total = $state(0);
  loaded = $state(false);
  readonly #pages = new SvelteMap<number, readonly Entry[]>();
  readonly #asked = new Set<number>();
  readonly #shoal: Shoal;
  readonly #where: Where;
  #sight = { first: 0, end: 1 };

  constructor(shoal: Shoal, where: Where) {
    this.#shoal = shoal;
    this.#where = where;
    void this.#fetch(0);
  }

  get(row: number): Entry | undefined {
    return this.#pages.get(Math.floor(row / PAGE))?.[row % PAGE];
  }

  /** These rows are in sight: their pages are fetched. */
  see(first: number, end: number): void {
    this.#sight = { first, end };
    for (const page of this.#inSight()) if (!this.#asked.has(page)) void this.#fetch(page);
  }

  /** Asks again for what is in sight. */
  refresh(): void {
    for (const page of this.#inSight()) void this.#fetch(page);
  }

  #inSight(): number[] {
    const first = Math.floor(this.#sight.first / PAGE);
    const last = Math.floor(Math.max(this.#sight.first, this.#sight.end - 1) / PAGE);
    return Array.from({ length: last - first + 1 }, (_, n) => first + n);
  }

  async #fetch(page: number): Promise<void> {
    this.#asked.add(page);
    const reply = await this.#shoal.said(() =>
      this.#shoal.request({ request: "entries", ...this.#where, offset: page * PAGE, limit: PAGE }),
    );
    this.loaded = true;
    if (reply?.reply !== "entries") {
      this.#asked.delete(page);
      return;
    }
    this.total = reply.total;
    this.#pages.delete(page);
    this.#pages.set(page, reply.entries);
    for (const old of this.#pages.keys()) {
      if (this.#pages.size <= KEPT) break;
      this.#pages.delete(old);
      this.#asked.delete(old);
    }
  }
}
