/** The folders that this device shares, and changes to them. No event tells of them: they are asked for while they are on the screen. */
import type { OwnShare, ShareChange, ShareRisk } from "../api/generated/api";
import type { Handle } from "../backend/backend";
import type { Shoal } from "../state/shoal.svelte";

/** While folders are being read, in milliseconds. */
const READING_EVERY_MS = 1_000;
const EVERY_MS = 5_000;

/** A folder that is not shared yet, and how it will be. */
export interface Draft {
  folder: Handle;
  name: string;
  audience: string[];
  write: boolean;
  hidden: boolean;
  ignore: string[];
}

export class OwnShares {
  list = $state.raw<readonly OwnShare[]>([]);
  loaded = $state(false);

  constructor(private readonly shoal: Shoal) {}

  /** Keeps the list up to date until the returned function is called. */
  follow(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let ended = false;
    const next = async (): Promise<void> => {
      await this.load();
      if (!ended) timer = setTimeout(() => void next(), this.list.every(({ indexed }) => indexed) ? EVERY_MS : READING_EVERY_MS);
    };
    void next();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }

  async load(): Promise<void> {
    // Asked for again soon: a failure now and then says nothing.
    const reply = await this.shoal.request({ request: "own_shares" }).catch(() => null);
    if (reply?.reply !== "own_shares") return;
    this.list = reply.shares.toSorted((a, b) => a.share.localeCompare(b.share));
    this.loaded = true;
  }

  async add({ folder, name, audience, ...how }: Draft): Promise<OwnShare | undefined> {
    const reply = await this.shoal.said(() =>
      this.shoal.request({
        request: "add_share",
        handle: folder.handle,
        name: name.trim() === "" ? null : name,
        for: audience,
        ...how,
      }),
    );
    return this.#took(reply?.reply === "own_shares" ? reply.shares[0] : undefined, null);
  }

  async change(share: string, change: ShareChange): Promise<OwnShare | undefined> {
    const reply = await this.shoal.said(() => this.shoal.request({ request: "change_share", share, change }));
    return this.#took(reply?.reply === "own_shares" ? reply.shares[0] : undefined, share);
  }

  async remove(share: string): Promise<boolean> {
    const done = await this.shoal.attempt({ request: "remove_share", share });
    if (done) this.list = this.list.filter((other) => other.share !== share);
    return done;
  }

  /** What would be unwise about a draft; `undefined`: that could not be said. */
  async risks({
    folder,
    audience,
    write,
    hidden,
  }: Pick<Draft, "folder" | "audience" | "write" | "hidden">): Promise<readonly ShareRisk[] | undefined> {
    const reply = await this.shoal.said(() =>
      this.shoal.request({ request: "share_risks", handle: folder.handle, for: audience, write, hidden }),
    );
    return reply?.reply === "risks" ? reply.risks : undefined;
  }

  #took(share: OwnShare | undefined, before: string | null): OwnShare | undefined {
    if (share !== undefined) {
      const others = this.list.filter((other) => other.share !== before && other.share !== share.share);
      this.list = [...others, share].sort((a, b) => a.share.localeCompare(b.share));
    }
    return share;
  }
}
