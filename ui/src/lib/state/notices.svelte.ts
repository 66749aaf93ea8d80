/** Short words at the edge of the window, and what a screen reader hears. */

/** For how long a notice that asks for nothing stays, in milliseconds. */
const STAYS_MS = 6_000;
/** More are not shown at once: the oldest goes. */
const AT_ONCE = 3;

export interface Notice {
  id: number;
  kind: "info" | "error";
  text: string;
  action?: { label: string; run: () => void };
}

export class Notices {
  list = $state.raw<readonly Notice[]>([]);
  /** The last thing to be spoken: offers and endings, never progress. */
  spoken = $state("");
  #next = 0;

  info(text: string, action?: Notice["action"]): void {
    const id = this.#add({ kind: "info", text, ...(action === undefined ? {} : { action }) });
    setTimeout(() => this.dismiss(id), STAYS_MS);
  }

  /** Asks for something; stays until it is answered or put away. */
  ask(text: string, action: Notice["action"] & object): void {
    this.#add({ kind: "info", text, action });
  }

  /** Stays until it is put away. */
  error(text: string): void {
    this.#add({ kind: "error", text });
  }

  speak(text: string): void {
    this.spoken = text;
  }

  dismiss(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }

  #add(notice: Omit<Notice, "id">): number {
    const id = this.#next++;
    // The same words twice say no more.
    const others = this.list.filter((other) => other.text !== notice.text);
    this.list = [...others, { ...notice, id }].slice(-AT_ONCE);
    return id;
  }
}
