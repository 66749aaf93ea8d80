/** The part of the fake that shares: own folders, those of its devices, searches and watches. */
import type { Device, Event, Failure, FoundItem, Item, OwnShare, Reply, RiskCode, ShareRisk } from "../../api/generated/api";
import { printableName } from "../../parts/text";
import type { UiRequest } from "../backend";
import { OWN_SHARES, SHELVES } from "./shelves";
import { below, file, sorted, type Folder, type Share } from "./tree";

/** Milliseconds until a device answers a search, and between its batches. */
const ANSWERS_MS = 120;
/** Hits in a batch. */
const BATCH = 64;

type Asked<R extends UiRequest["request"]> = Extract<UiRequest, { request: R }>;

export class Sharing {
  own: OwnShare[];
  readonly #shelves: Record<string, Share[]>;
  readonly #watches = new Map<number, { peer: string; path: string }>();
  /** Searches that were stopped. */
  readonly #stopped = new Set<number>();
  #numbers = 0;

  constructor(
    /** Those of the scene, blocked and absent ones too. */
    private readonly devices: () => readonly Device[],
    private readonly emit: (event: Event) => void,
    shares: boolean,
  ) {
    this.own = shares
      ? OWN_SHARES(
          devices()
            .slice(0, 2)
            .map(({ id }) => id),
        )
      : [];
    this.#shelves = shares ? SHELVES() : {};
  }

  addShare({ name, for: audience, write, hidden, ignore, handle }: Asked<"add_share">): Reply {
    const share: OwnShare = {
      share: name ?? "Folder",
      path: `/home/ana/${handle}`,
      for: audience,
      write,
      hidden,
      ignore,
      files: 0,
      bytes: 0,
      indexed: false,
      paused: false,
      there: true,
      risks: this.#risks(name ?? "", audience, write),
    };
    if (this.own.some((other) => other.share === share.share))
      throw fail("usage", `“${share.share}” is the name of another share`);
    this.own = [...this.own, share];
    return { reply: "own_shares", shares: [share] };
  }

  changeShare({ share, change }: Asked<"change_share">): Reply {
    const before = this.own.find((other) => other.share === share);
    if (before === undefined) throw fail("usage", `“${share}” is not shared`);
    const { name, for: audience, ...rest } = change;
    const after: OwnShare = { ...before, ...rest, share: name ?? before.share, for: audience ?? before.for };
    after.risks = this.#risks(after.share, after.for, after.write);
    this.own = this.own.map((other) => (other === before ? after : other));
    return { reply: "own_shares", shares: [after] };
  }

  removeShare(share: string): void {
    this.own = this.own.filter((other) => other.share !== share);
  }

  /** Folders that are called as if they were risky are. */
  shareRisks({ for: audience, write }: Asked<"share_risks">, name: string): Reply {
    return { reply: "risks", risks: this.#risks(name, audience, write) };
  }

  #risks(name: string, audience: readonly string[], write: boolean): ShareRisk[] {
    const codes: RiskCode[] = [];
    if (name === "ana") codes.push("home");
    if (name === "ana" || name === "keys") codes.push("keys");
    if (write && audience.includes("everyone")) codes.push("strangers_add");
    return codes.map((code) => ({ code, message: code }));
  }

  look({ peer, path, offset, limit, sort, descending, find }: Asked<"look">): Reply {
    const device = this.#reach(peer);
    if (path === "") {
      const items = (this.#shelves[device.name] ?? []).map(({ name, write, files, size }): Item => {
        const known = files === undefined ? {} : { files };
        return { name, shown: printableName(name), kind: "share", size: size ?? null, modified: null, write, ...known };
      });
      return { reply: "items", items, total: items.length, revision: "" };
    }
    const of = this.#folder(device, path);
    const items = sorted(of, sort, descending, find);
    return { reply: "items", items: items.slice(offset, offset + limit), total: items.length, revision: String(of.revision) };
  }

  watch({ peer, path }: Asked<"watch_folder">): Reply {
    const of = this.#folder(this.#reach(peer), path);
    const watch = ++this.#numbers;
    this.#watches.set(watch, { peer, path });
    setTimeout(() => this.emit({ event: "folder_changed", watch, revision: String(of.revision) }));
    return { reply: "watching", watch };
  }

  stopWatch(watch: number): void {
    this.#watches.delete(watch);
  }

  search({ text, on, kind, min_size, max_size, since, until, limit }: Asked<"search">): Reply {
    const search = ++this.#numbers;
    const peers = this.devices().filter(
      ({ id, online, trust }) => online && trust !== "blocked" && (on.length === 0 || on.includes(id)),
    );
    const words = text.toLowerCase().split(/\s+/);
    const fits = ({ name, kind: is, size, modified, media }: Item): boolean => {
      const wanted = kind == null || (kind === "folder" ? is === "folder" : is === "file" && (kind === "file" || media === kind));
      const large = (min_size ?? 0) <= (size ?? 0) && (size ?? 0) <= (max_size ?? Infinity);
      const recent = (since ?? -Infinity) <= (modified ?? 0) && (modified ?? 0) < (until ?? Infinity);
      return wanted && large && recent && words.every((word) => name.toLowerCase().includes(word));
    };
    peers.forEach((device, n) => setTimeout(() => this.#searchOn(search, device, fits, limit), ANSWERS_MS * (n + 1)));
    setTimeout(() => this.emit({ event: "searched", search }), ANSWERS_MS * (peers.length + 1));
    return { reply: "searching", search, peers: peers.map(({ id }) => id) };
  }

  stopSearch(search: number): void {
    this.#stopped.add(search);
  }

  #searchOn(search: number, device: Device, fits: (item: Item) => boolean, limit: number): void {
    const shares = this.#shelves[device.name];
    // A device of whom nothing is known does not answer.
    if (this.#stopped.has(search) || shares === undefined) return;
    const found: FoundItem[] = [];
    for (const { name, root } of shares) {
      for (const { path, item } of below(root(), `/${name}`)) {
        if (!fits(item) || item.kind === "share") continue;
        const { kind, size, modified, blake3, media } = item;
        const at = {
          peer: device.id,
          peer_name: device.name,
          path,
          shown: printableName(path),
          kind,
          size,
          modified: modified ?? 0,
        };
        found.push({ ...at, ...(blake3 === undefined ? {} : { blake3 }), ...(media === undefined ? {} : { media }) });
      }
    }
    const given = found.slice(0, limit);
    for (let at = 0; at < given.length; at += BATCH) this.emit({ event: "found", search, found: given.slice(at, at + BATCH) });
    const complete = shares.every(({ files }) => files !== undefined);
    this.emit({ event: "searched_peer", search, peer: device.id, more: found.length > given.length, complete });
  }

  /** Changes a folder as its owner would; those who watch hear of it. */
  change(device: string, path: string, change: (items: Item[]) => Item[]): void {
    const owner = this.#named(device);
    const of = this.#folder(owner, path);
    of.items = change(of.items);
    of.revision += 1;
    for (const [watch, where] of this.#watches) {
      if (where.peer === owner.id && where.path === path)
        this.emit({ event: "folder_changed", watch, revision: String(of.revision) });
    }
  }

  addFile(device: string, path: string, name: string, size = 1_000_000): void {
    this.change(device, path, (items) => [...items, file(name, size, 0)]);
  }

  /** Shares something with this device no more. */
  unshare(device: string, share: string): void {
    const owner = this.#named(device);
    this.#shelves[owner.name] = (this.#shelves[owner.name] ?? []).filter(({ name }) => name !== share);
    this.#end(owner.id, true, `/${share}`);
  }

  /** A device went away. */
  left(peer: string): void {
    this.#end(peer, false, "/");
  }

  #end(peer: string, gone: boolean, below: string): void {
    for (const [watch, where] of this.#watches) {
      if (where.peer !== peer || !`${where.path}/`.startsWith(below === "/" ? "/" : `${below}/`)) continue;
      this.#watches.delete(watch);
      this.emit({ event: "watch_ended", watch, gone });
    }
  }

  #named(device: string): Device {
    const found = this.devices().find(({ name }) => name === device);
    if (found === undefined) throw new Error(`the scene has no ${device}`);
    return found;
  }

  #reach(peer: string): Device {
    const device = this.devices().find(({ id }) => id === peer);
    if (device?.online !== true)
      throw fail("peer_not_found", `${device?.name ?? "that device"} does not answer: is Shoal open there?`);
    return device;
  }

  #folder(device: Device, path: string): Folder {
    const [, share = "", ...names] = path.split("/");
    let of = this.#shelves[device.name]?.find(({ name }) => name === share)?.root();
    for (const name of names) of = of?.inside.get(name)?.();
    if (of === undefined) throw fail("declined", `${device.name} shares no ${path}`);
    return of;
  }
}

function fail(code: Failure["code"], message: string): Failure {
  return { code, message };
}
