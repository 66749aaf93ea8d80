/** What each device in reach shares. No event tells of that: it is asked for while it is on the screen. */
import type { Item } from "../api/generated/api";
import { isFailure } from "../backend/backend";
import type { Shoal } from "../state/shoal.svelte";

const EVERY_MS = 10_000;
const MOST_SHARES = 512;
/** Seconds that a device may take to answer. */
const WAIT_S = 3;

/** What one device shares; `failed`: it does not answer, or not as it should. */
export type Shelf = { state: "asking" } | { state: "there"; shares: readonly Item[] } | { state: "failed" };

export class Shelves {
  #shelves = $state.raw<ReadonlyMap<string, Shelf>>(new Map());

  constructor(private readonly shoal: Shoal) {}

  of(peer: string): Shelf {
    return this.#shelves.get(peer) ?? { state: "asking" };
  }

  /** What is known of a share; `undefined`: nothing yet. */
  share(peer: string, name: string): Item | undefined {
    const shelf = this.of(peer);
    return shelf.state === "there" ? shelf.shares.find((share) => share.name === name) : undefined;
  }

  /** Keeps up to date what these devices share until the returned function is called. */
  follow(peers: readonly string[]): () => void {
    const all = (): void => {
      for (const peer of peers) void this.load(peer);
    };
    all();
    const timer = setInterval(all, EVERY_MS);
    return () => clearInterval(timer);
  }

  async load(peer: string): Promise<void> {
    let shelf: Shelf;
    try {
      const reply = await this.shoal.request({
        request: "look",
        peer,
        path: "",
        offset: 0,
        limit: MOST_SHARES,
        sort: "name",
        descending: false,
        find: "",
        wait_s: WAIT_S,
      });
      if (reply.reply !== "items") return;
      shelf = { state: "there", shares: reply.items };
    } catch (error) {
      // An older Shoal that knows no shares declines: it shares nothing.
      shelf = isFailure(error) && error.code === "declined" ? { state: "there", shares: [] } : { state: "failed" };
    }
    this.#shelves = new Map(this.#shelves).set(peer, shelf);
  }
}
