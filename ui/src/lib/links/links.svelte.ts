/** Links to files that this device made, and the making of one. */
import type { Event, OwnLink } from "../api/generated/api";
import type { Handle } from "../backend/backend";
import type { Shoal } from "../state/shoal.svelte";

/** A link that is to be made. */
export interface Draft {
  handles: readonly Handle[];
  lanOnly: boolean;
  /** Seconds; none: until it is removed. */
  expires: number | null;
}

/** Told how much was read, in bytes. */
type Heard = (done: number, all: number) => void;

/** Whether a text means to be a link to files: a device's link goes on with a word and a slash. */
export function isFileLink(text: string): boolean {
  return /^shoal:[^/]*$/i.test(text.trim());
}

export class Links {
  /** The newest first. */
  list = $state.raw<readonly OwnLink[]>([]);

  constructor(private readonly shoal: Shoal) {}

  /** Keeps the list up to date until the returned function is called. */
  follow(): () => void {
    void this.#load();
    return this.shoal.onEvent(({ event }) => {
      // A snapshot comes after each gap, in which anything may have happened.
      if (event === "links_changed" || event === "snapshot") void this.#load();
    });
  }

  async #load(): Promise<void> {
    const reply = await this.shoal.said(() => this.shoal.request({ request: "links" }));
    if (reply?.reply === "links") this.list = reply.links;
  }

  /** Makes one; what went wrong is said. `undefined`: it was not made. Ends early once `stop` is aborted. */
  async make({ handles, lanOnly, expires }: Draft, heard: Heard, stop: AbortSignal): Promise<OwnLink | undefined> {
    // Its end may be told before the answer says which making it is.
    const told: Event[] = [];
    let hear = (event: Event): void => void told.push(event);
    const deaf = this.shoal.onEvent((event) => hear(event));
    try {
      const reply = await this.shoal.said(() =>
        this.shoal.request({
          request: "create_link",
          content: { kind: "handles", handles: handles.map(({ handle }) => handle) },
          lan_only: lanOnly,
          trackers: [],
          ...(expires === null ? {} : { expires_s: expires }),
        }),
      );
      if (reply?.reply !== "making_link") return undefined;
      const { making } = reply;
      return await new Promise<OwnLink | undefined>((resolve) => {
        hear = (event) => {
          if (event.event === "snapshot") return this.#missed(resolve);
          if (!("making" in event) || event.making !== making) return;
          if (event.event === "making_link") heard(event.bytes_done, event.bytes);
          else if (event.event === "link_made") resolve(event);
          else {
            if (!stop.aborted) this.shoal.notices.error(event.error);
            resolve(undefined);
          }
        };
        stop.addEventListener("abort", () => void this.shoal.attempt({ request: "stop_link", making }));
        if (stop.aborted) void this.shoal.attempt({ request: "stop_link", making });
        told.forEach(hear);
      });
    } finally {
      deaf();
    }
  }

  /** After a gap in what is told nobody knows whether it was made: the list says so. */
  #missed(resolve: (made: undefined) => void): void {
    void this.#load();
    resolve(undefined);
  }

  async remove(link: OwnLink): Promise<boolean> {
    const done = await this.shoal.attempt({ request: "remove_link", id: link.id });
    if (done) this.list = this.list.filter(({ id }) => id !== link.id);
    return done;
  }

  async copy(link: OwnLink, words: string): Promise<void> {
    const done = await this.shoal.said(async () => (await this.shoal.backend.copy(link.link), true));
    if (done) this.shoal.notices.info(words);
  }
}
