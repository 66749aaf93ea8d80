/** Where the person is in the window, and what they have in hand. Nothing here is the engine's. */
import { SvelteSet } from "svelte/reactivity";
import type { OwnLink } from "../api/generated/api";
import type { Handle, Heard, UiContent } from "../backend/backend";
import { i18n } from "../i18n/i18n.svelte";
import { printableName } from "../parts/text";
import { Links } from "../links/links.svelte";
import { SharedView } from "../shared/shared.svelte";
import type { Shoal } from "./shoal.svelte";
import { Taking } from "./taking.svelte";

export const PLACES = ["nearby", "shared", "transfers", "settings"] as const;
export type Place = (typeof PLACES)[number];

/** What lies over the place. */
export type Sheet =
  | { kind: "send"; handles: readonly Handle[]; text: string; to: readonly string[] }
  | { kind: "add" }
  | { kind: "keys" }
  /** A link that is to be made of these, or one that is there. */
  | { kind: "link"; handles: readonly Handle[]; made: OwnLink | null };

/** What is open and may take what is dropped or pasted, before anybody is asked who gets it. */
export interface Catcher {
  takes: boolean;
  /** What it does with it; or why it takes nothing. */
  words: string;
  take: (handles: readonly Handle[]) => void;
}

/** Seconds that a device may take to show up before a send fails. */
export const WAIT_S = 10;

export class View {
  place = $state<Place>("nearby");
  /** The device whose panel is open, by its id. */
  device = $state<string | null>(null);
  /** The transfer whose details are open. */
  transfer = $state<string | null>(null);
  sheet = $state.raw<Sheet | null>(null);
  /** Asked for by the keyboard: the place's search field takes the focus when this grows. */
  searches = $state(0);
  catcher = $state.raw<Catcher | null>(null);
  /** What is on its way to the host. */
  readonly taking = new Taking();
  /** Devices chosen to get the next thing. */
  readonly chosen = new SvelteSet<string>();
  readonly shared: SharedView;
  readonly links: Links;

  #latest: Catcher | null = null;
  readonly #shoal: Shoal;

  constructor(shoal: Shoal) {
    this.#shoal = shoal;
    this.shared = new SharedView(shoal);
    this.links = new Links(shoal);
  }

  go(place: Place): void {
    this.place = place;
  }

  showTransfer(transfer: string): void {
    this.place = "transfers";
    this.transfer = transfer;
  }

  /** One step back: what lies on top goes first. Whether there was one. */
  back(): boolean {
    if (this.sheet !== null) this.sheet = null;
    else if (this.place === "nearby" && this.device !== null) this.device = null;
    else if (this.place === "shared" && this.shared.escape()) return true;
    else if (this.place === "transfers" && this.transfer !== null) this.transfer = null;
    else if (this.chosen.size > 0) this.chosen.clear();
    else return false;
    return true;
  }

  /** Opens the sheet that asks who gets it. */
  compose(handles: readonly Handle[], text = "", to: readonly string[] = [...this.chosen]): void {
    this.sheet = { kind: "send", handles, text, to };
  }

  async composeFiles(pick: "files" | "folder"): Promise<void> {
    const handles = await this.pick(pick);
    if (handles.length > 0) this.compose(handles);
  }

  /** Asks how a link to what is chosen is to be. */
  async linkTo(pick: "files" | "folder"): Promise<void> {
    const handles = await this.pick(pick);
    if (handles.length > 0) this.sheet = { kind: "link", handles, made: null };
  }

  /** What the person chose in the host's dialog. */
  async pick(pick: "files" | "folder"): Promise<Handle[]> {
    const { backend } = this.#shoal;
    return this.take((heard) => (pick === "files" ? backend.chooseFiles(heard) : backend.chooseFolder(heard)));
  }

  /** Waits for what a host takes in; what went wrong is said. */
  async take(take: (heard: Heard) => Promise<Handle[]>): Promise<Handle[]> {
    return (await this.#shoal.said(() => this.taking.run(take))) ?? [];
  }

  /** Chooses in the host's dialog and sends to a device. */
  async pickFor(device: string, pick: "files" | "folder"): Promise<void> {
    const handles = await this.pick(pick);
    if (handles.length > 0) await this.send([device], handles, "");
  }

  /** Sends what is on the clipboard: to the open device or the chosen ones when there are any, else asks. */
  async paste(found: { text?: string; handles?: Handle[] }): Promise<void> {
    const { handles = [], text = "" } = found;
    if (handles.length > 0 && this.catcher !== null) this.#catch(this.catcher, handles);
    else if (handles.length === 0 && text === "") this.#shoal.notices.info(i18n.t.send.nothing);
    else this.compose(handles, handles.length > 0 ? "" : text, this.#aimed());
  }

  /** Says that what is open takes nothing. Whether it is so: a browser uploads nothing then. */
  refuses(): boolean {
    if (this.catcher === null || this.catcher.takes) return false;
    this.#shoal.notices.info(this.catcher.words);
    return true;
  }

  /** Takes what is dropped or pasted from now on, until the returned function is called. */
  catchWith(catcher: Catcher): () => void {
    this.catcher = this.#latest = catcher;
    return () => {
      // Another may have taken its place already. Svelte's state would be as it was before, here.
      if (this.#latest === catcher) this.catcher = this.#latest = null;
    };
  }

  #catch(catcher: Catcher, handles: readonly Handle[]): void {
    if (!this.refuses()) catcher.take(handles);
  }

  #aimed(): string[] {
    if (this.place === "nearby" && this.device !== null) return [this.device];
    return [...this.chosen];
  }

  /** What was dropped: on a device it is sent, elsewhere the person is asked. */
  async drop(handles: readonly Handle[], device: string | null): Promise<void> {
    if (handles.length === 0) return;
    if (this.catcher !== null) this.#catch(this.catcher, handles);
    else if (device === null) this.compose(handles);
    else await this.send(this.chosen.has(device) ? [...this.chosen] : [device], handles, "");
  }

  /** Offers things, or a text, or both. Whether it was done. */
  async send(to: readonly string[], handles: readonly Handle[], text: string): Promise<boolean> {
    const contents: UiContent[] = [];
    if (handles.length > 0) contents.push({ kind: "handles", handles: handles.map(({ handle }) => handle) });
    if (text.trim() !== "") contents.push({ kind: "text", text });
    for (const content of contents) {
      if (!(await this.#shoal.attempt({ request: "send", to: [...to], content, wait_s: WAIT_S }))) return false;
    }
    const whom = i18n.list(to.map((id) => printableName(this.#shoal.device(id)?.name ?? id)));
    const [first] = handles;
    if (first === undefined) this.#shoal.notices.info(i18n.t.send.sentText(whom));
    else {
      const what = handles.length === 1 ? printableName(first.name) : i18n.t.send.chosen(handles.length);
      this.#shoal.notices.info(i18n.t.send.sent(what, whom));
    }
    this.chosen.clear();
    return true;
  }
}
