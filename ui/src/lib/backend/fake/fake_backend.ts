/** Plays a scene: answers requests and makes things move, as the engine would. */
import type { Device, Entry, Event, Failure, Reply, Transfer } from "../../api/generated/api";
import type { Abilities, Backend, Handle, Heard, SharedFile, UiContent, UiRequest } from "../backend";
import { takeDropped } from "../web/gather";
import { entriesOf, page } from "./entries";
import { mediaAddress, thumbnailAddress } from "./media";
import type { Scene } from "./scenes";
import { FakeLinks } from "./links";
import { Sharing } from "./sharing";

const TICK_MS = 100;
/** A fake device takes this long to say yes. */
const ANSWER_MS = 1_200;
/** What a fake browser uploads, in bytes a tick: large things are seen to take their time. */
const UPLOADED = 1_000_000;
const SAS = { sas_digits: "482 913", sas_emoji: "🐙 🌈 🚲 🍋 🦉 🔔 🎁" };

export class FakeBackend implements Backend {
  readonly can: Abilities = {
    chooseFiles: true,
    chooseFolder: true,
    showInFolder: true,
    openFile: true,
    download: true,
    autostart: true,
    chooseInbox: true,
    nativeDrops: false,
    badge: false,
    shareFolders: true,
  };
  /** What is shared; tests change it. */
  readonly sharing: Sharing;
  /** Links to files; tests change them. */
  readonly links: FakeLinks;
  /** What was asked, for tests. */
  readonly asked: UiRequest[] = [];
  /** Paths of what was dropped, for tests. */
  readonly dropped: string[] = [];
  #hear: ((event: Event) => void) | null = null;
  readonly #scene: Scene;
  readonly #entries = new Map<string, Entry[]>();
  /** What the next folder that is chosen is called, for tests. */
  chosenFolder = "Holidays in Galicia";
  readonly #handles = new Map<string, Handle>();
  #made = 0;
  #onLogin = false;

  constructor(scene: Scene) {
    this.#scene = scene;
    this.can.shareFolders = scene.shareFolders !== false;
    this.sharing = new Sharing(
      () => this.#scene.devices,
      (event) => this.emit(event),
      scene.shares === true,
    );
    this.links = new FakeLinks((event) => this.emit(event), scene.shares === true);
    // Tests look here.
    Object.assign(window, { shoalFake: this });
  }

  subscribe(hear: (event: Event) => void, state: (connected: boolean) => void): () => void {
    const { identity, devices, transfers, settings, connected, alive, later = [] } = this.#scene;
    this.#hear = hear;
    state(connected);
    hear({ event: "snapshot", identity, devices, transfers, limits: settings.limits });
    const timer = alive ? setInterval(() => this.#tick(), TICK_MS) : undefined;
    for (const { after, device } of later) setTimeout(() => this.#device(device), after);
    return () => {
      clearInterval(timer);
      this.#hear = null;
    };
  }

  /** Says an event as the engine would. */
  emit(event: Event): void {
    this.#hear?.(event);
  }

  request(request: UiRequest): Promise<Reply> {
    this.asked.push(request);
    try {
      return Promise.resolve(this.#answer(request));
    } catch (failure) {
      // Failures are not errors: they come as the engine sends them.
      return Promise.reject(failure);
    }
  }

  #answer(request: UiRequest): Reply {
    const done: Reply = { reply: "done" };
    const { devices, transfers, settings, health, identity } = this.#scene;
    switch (request.request) {
      case "identity":
        return { reply: "identity", ...identity };
      case "snapshot":
        return { reply: "snapshot", identity, devices, transfers, limits: settings.limits };
      case "devices":
        return { reply: "devices", devices };
      case "transfers":
        return { reply: "transfers", transfers };
      case "limits":
        return { reply: "limits", ...settings.limits };
      case "settings":
        return { reply: "settings", ...settings };
      case "health":
        return { reply: "health", notes: health };
      case "set_settings": {
        const { name, accept, discoverable, interfaces_off, colour } = request.change;
        if (name !== undefined) {
          settings.name = identity.name = name === "" ? "Tern" : name;
          this.emit({ event: "ready", id: identity.id, name: identity.name, addresses: identity.addresses });
        }
        if (accept !== undefined) settings.accept = accept;
        if (discoverable !== undefined) settings.discoverable = discoverable;
        if (interfaces_off !== undefined) for (const one of settings.interfaces) one.used = !interfaces_off.includes(one.name);
        if (colour !== undefined) settings.colour = colour;
        this.#saySettings();
        return done;
      }
      case "set_limits":
        settings.limits = request.limits;
        this.#saySettings();
        return done;
      case "find": {
        const found = devices.find((device) => device.name === request.peer || device.id.startsWith(request.peer));
        if (found === undefined) throw fail("peer_not_found", `“${request.peer}” does not answer: is Shoal open there?`);
        return { reply: "device", ...found };
      }
      case "verify":
        this.emit({ event: "verifying", peer: this.#peer(request.peer).id, ...SAS });
        return { reply: "sas", ...SAS };
      case "set_trust":
        this.#device({ ...this.#peer(request.peer), trust: request.trust });
        return done;
      case "set_allowance": {
        const { accepts: _, ...device } = this.#peer(request.peer);
        this.#device(request.bytes === null ? device : { ...device, accepts: request.bytes });
        return done;
      }
      case "forget": {
        const device = this.#peer(request.peer);
        this.#scene.devices = devices.filter((other) => other !== device);
        this.emit({ event: "device_gone", id: device.id });
        return done;
      }
      case "send":
        return { reply: "transfers", transfers: request.to.map((to) => this.#send(this.#peer(to), request.content)) };
      case "accept":
        this.#row(request.transfer, (row) =>
          row.text === undefined
            ? { awaits_answer: false, state: "active", rate: 60e6 }
            : { awaits_answer: false, state: "finished" },
        );
        return done;
      case "decline":
        this.#row(request.transfer, () => ({ awaits_answer: false, state: "declined" }));
        return done;
      case "pause":
        this.#row(request.transfer, () => ({ state: "paused", rate: 0 }));
        return done;
      case "resume":
      case "retry":
        this.#row(request.transfer, () => ({ state: "active", rate: 50e6, files_failed: 0 }));
        return done;
      case "cancel":
        this.#row(request.transfer, () => ({ state: "cancelled", rate: 0 }));
        return done;
      case "entries": {
        const transfer = transfers.find((row) => row.transfer === request.transfer);
        if (transfer === undefined) throw fail("failed", "there is no such transfer");
        let all = this.#entries.get(transfer.transfer);
        if (all === undefined) this.#entries.set(transfer.transfer, (all = entriesOf(transfer)));
        return { reply: "entries", ...page(all, request) };
      }
      case "forget_transfer":
        this.#forget(request.transfer);
        return done;
      case "clear_history":
        for (const row of transfers.filter((row) => ["finished", "failed", "cancelled", "declined"].includes(row.state))) {
          this.#forget(row.transfer);
        }
        return done;
      case "own_shares":
        return { reply: "own_shares", shares: this.sharing.own };
      case "add_share":
        return this.sharing.addShare(request);
      case "change_share":
        return this.sharing.changeShare(request);
      case "remove_share":
        this.sharing.removeShare(request.share);
        return done;
      case "share_risks":
        return this.sharing.shareRisks(request, this.#handles.get(request.handle)?.name ?? "");
      case "look":
        return this.sharing.look(request);
      case "watch_folder":
        return this.sharing.watch(request);
      case "stop_watch":
        this.sharing.stopWatch(request.watch);
        return done;
      case "search":
        return this.sharing.search(request);
      case "stop_search":
        this.sharing.stopSearch(request.search);
        return done;
      case "get":
        return { reply: "transfers", transfers: [this.#get(this.#peer(request.peer), request.path, request.names)] };
      case "links":
        return { reply: "links", links: this.links.own };
      case "create_link":
        return this.links.create(request);
      case "stop_link":
        this.links.stop(request.making);
        return done;
      case "remove_link":
        this.links.remove(request.id);
        return done;
      case "preview_link": {
        const refusal = FakeLinks.refusal(request.link);
        // As the engine sends them.
        if (refusal !== null) throw refusal;
        this.#preview();
        return { reply: "offers", offers: [] };
      }
      case "add_to":
        return { reply: "transfers", transfers: [this.#send(this.#peer(request.peer), request.content)] };
      default:
        throw fail("failed", `the fake does not know ${request.request}`);
    }
  }

  chooseFiles(): Promise<Handle[]> {
    return Promise.resolve([
      { handle: this.#name(), name: "Plan of the flat.pdf", bytes: 2_400_000, folder: false },
      { handle: this.#name(), name: "Interview, final cut.mov", bytes: 30_000_000_000, folder: false },
    ]);
  }

  chooseFolder(): Promise<Handle[]> {
    const folder = { handle: this.#name(), name: this.chosenFolder, folder: true };
    this.#handles.set(folder.handle, folder);
    return Promise.resolve([folder]);
  }

  /** Reads it as a browser host does, and keeps what it found for tests. */
  async takeDrop(data: DataTransfer, heard?: Heard): Promise<Handle[]> {
    const items = await takeDropped(data);
    this.dropped.push(...items.map(({ path }) => path));
    const all = items.reduce((sum, { file }) => sum + (file?.size ?? 0), 0);
    for (let done = 0; done < all; done += UPLOADED) {
      heard?.(done, all);
      if (all > UPLOADED) await new Promise((tick) => setTimeout(tick, TICK_MS));
    }
    const tops = new Map<string, Handle>();
    for (const { path, file } of items) {
      const [name = "", ...below] = path.split("/");
      const folder = below.length > 0 || file === undefined;
      const top = tops.get(name) ?? { handle: this.#name(), name, bytes: 0, folder };
      tops.set(name, { ...top, bytes: (top.bytes ?? 0) + (file?.size ?? 0) });
    }
    return [...tops.values()];
  }

  mediaUrl(file: SharedFile): string {
    return mediaAddress(file);
  }

  thumbnailUrl(file: SharedFile): string {
    return thumbnailAddress(file);
  }

  saveShared(file: SharedFile): void {
    Object.assign(window, { shoalSaved: file.path });
  }

  chooseFolderToFetch(): Promise<string> {
    return Promise.resolve(this.#name());
  }

  /** A device comes or goes. */
  setOnline(name: string, online: boolean): void {
    const device = this.#scene.devices.find((other) => other.name === name);
    if (device === undefined) throw new Error(`the scene has no ${name}`);
    this.#device({ ...device, online });
    if (!online) this.sharing.left(device.id);
  }

  reveal(): Promise<void> {
    return Promise.resolve();
  }

  download(transfer: string, entry?: number): void {
    Object.assign(window, { shoalDownloaded: [transfer, entry] });
  }

  chooseInbox(): Promise<void> {
    this.#scene.settings.inbox = this.#scene.identity.inbox = "/media/ana/Large/Shoal";
    this.#saySettings();
    return Promise.resolve();
  }

  chooseFolderFor(): Promise<string> {
    return Promise.resolve(this.#name());
  }

  readonly autostart = {
    get: (): Promise<boolean> => Promise.resolve(this.#onLogin),
    set: (on: boolean): Promise<void> => {
      this.#onLogin = on;
      return Promise.resolve();
    },
  };

  copy(text: string): Promise<void> {
    Object.assign(window, { shoalCopied: text });
    return Promise.resolve();
  }

  readClipboard(): Promise<{ text?: string; handles?: Handle[] }> {
    return Promise.resolve({ text: "From the clipboard" });
  }

  #saySettings(): void {
    this.emit({ event: "settings", ...structuredClone(this.#scene.settings) });
  }

  #name(): string {
    return `handle-${String(this.#made++)}`;
  }

  #peer(id: string): Device {
    const device = this.#scene.devices.find((other) => other.id === id);
    if (device === undefined) throw fail("peer_not_found", "that device is not here");
    return device;
  }

  #device(device: Device): void {
    this.#scene.devices = [...this.#scene.devices.filter((other) => other.id !== device.id), device];
    this.emit({ event: "device", ...device });
  }

  #row(id: string, change: (row: Transfer) => Partial<Transfer>): void {
    const { transfers } = this.#scene;
    const at = transfers.findIndex((row) => row.transfer === id);
    const row = transfers[at];
    if (row === undefined) throw fail("failed", "there is no such transfer");
    const changed = { ...row, ...change(row), since: Math.floor(Date.now() / 1000) };
    transfers[at] = changed;
    this.emit({ event: "transfer", ...changed });
  }

  #forget(transfer: string): void {
    this.#scene.transfers = this.#scene.transfers.filter((row) => row.transfer !== transfer);
    this.emit({ event: "transfer_gone", transfer });
  }

  #row0(peer: Device): Transfer {
    const now = Math.floor(Date.now() / 1000);
    return {
      transfer: "",
      direction: "send",
      peers: [peer.id],
      peer_names: [peer.name],
      name: "",
      state: "waiting",
      files: 0,
      files_done: 0,
      files_failed: 0,
      bytes: 0,
      bytes_done: 0,
      bytes_moved: 0,
      rate: 0,
      awaits_answer: false,
      first_names: [],
      started: now,
      since: now,
    };
  }

  #send(to: Device, content: UiContent): Transfer {
    const made: Transfer = {
      ...this.#row0(to),
      transfer: `sent${String(this.#made++)}`,
      name: content.kind === "text" ? "Text" : "Files",
      files: content.kind === "text" ? 0 : content.handles.length,
      bytes: content.kind === "text" ? content.text.length : 900e6,
      ...(content.kind === "text" ? { text: content.text } : {}),
    };
    this.#scene.transfers.push(made);
    this.emit({ event: "transfer", ...made });
    setTimeout(() => {
      if (made.text === undefined) this.#row(made.transfer, () => ({ state: "active", rate: 70e6 }));
      else this.#row(made.transfer, () => ({ state: "finished" }));
    }, ANSWER_MS);
    return made;
  }

  /** Begins a fetch, which the owner's consent does not keep waiting. */
  #get(from: Device, path: string, names: readonly string[]): Transfer {
    const [first = path.slice(path.lastIndexOf("/") + 1)] = names;
    const made: Transfer = {
      ...this.#row0(from),
      transfer: `got${String(this.#made++)}`,
      direction: "fetch",
      name: names.length > 1 ? `${first} and ${String(names.length - 1)} more` : first,
      state: "active",
      files: Math.max(1, names.length),
      bytes: 900e6,
      rate: 70e6,
      into: "/home/ana/Shoal",
    };
    this.#scene.transfers.push(made);
    this.emit({ event: "transfer", ...made });
    return made;
  }

  /** Shows what a link is of, as an offer. */
  #preview(): void {
    const from = this.#scene.devices[0];
    if (from === undefined) throw fail("peer_not_found", "nobody who has it is in reach");
    const made: Transfer = {
      ...this.#row0(from),
      transfer: `linked${String(this.#made++)}`,
      direction: "fetch",
      name: "Wedding, all pictures",
      awaits_answer: true,
      files: 1_240,
      bytes: 38e9,
      free: 400e9,
      into: "/home/ana/Shoal",
    };
    this.#scene.transfers.push(made);
    this.emit({ event: "offered", peer: from.id, ...made });
  }

  #tick(): void {
    for (const [at, row] of this.#scene.transfers.entries()) {
      if (row.state !== "active") continue;
      const wobble = 1 + Math.sin(Date.now() / 700 + at) * 0.2;
      const rate = Math.max(row.rate, 1e6);
      const bytes_done = Math.min(row.bytes, row.bytes_done + (rate * wobble * TICK_MS) / 1000);
      const moved = { ...row, bytes_done, files_done: Math.floor((row.files * bytes_done) / row.bytes) };
      this.#scene.transfers[at] = moved;
      const { transfer, bytes, files, files_done } = moved;
      this.emit({ event: "progress", transfer, bytes, bytes_done, files, files_done, rate: rate * wobble, eta_s: null });
      if (bytes_done >= bytes) this.#row(transfer, (old) => ({ state: "finished", rate: 0, files_done: old.files }));
    }
  }
}

function fail(code: Failure["code"], message: string): Failure {
  return { code, message };
}
