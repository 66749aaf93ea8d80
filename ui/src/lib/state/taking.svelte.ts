/** What is on its way to the host before it can be offered: uploads of a browser. */
import type { Handle, Heard } from "../backend/backend";

/** Between two updates, in milliseconds. */
const EVERY_MS = 250;

export class Taking {
  /** Takes that the host has begun with. */
  count = $state(0);
  /** Bytes of all of them; none while it is not known. */
  done = $state(0);
  all = $state(0);
  readonly #heard = new Map<object, { done: number; all: number }>();
  #shown = -Infinity;

  /** Waits for what a host takes in; nothing shows until it says that it began, as a person may still be choosing. */
  async run(take: (heard: Heard) => Promise<Handle[]>): Promise<Handle[]> {
    const own = {};
    try {
      return await take((done, all) => {
        this.#heard.set(own, { done, all });
        if (this.#heard.size !== this.count || performance.now() - this.#shown >= EVERY_MS) this.#show();
      });
    } finally {
      this.#heard.delete(own);
      this.#show();
    }
  }

  #show(): void {
    this.#shown = performance.now();
    const all = [...this.#heard.values()];
    this.count = all.length;
    this.done = all.reduce((sum, one) => sum + one.done, 0);
    this.all = all.reduce((sum, one) => sum + one.all, 0);
  }
}
