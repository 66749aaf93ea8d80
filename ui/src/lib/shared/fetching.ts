/** Fetching, saving and adding: what a person does with files in shares. */
import type { UiRequest } from "../backend/backend";
import type { Handle, SharedFile } from "../backend/backend";
import { i18n } from "../i18n/i18n.svelte";
import { printableName } from "../parts/text";
import type { Shoal } from "../state/shoal.svelte";
import type { View } from "../state/view.svelte";
import type { Listing } from "./listing.svelte";
import type { Selection, Chosen } from "./selection.svelte";
import { pathOf, type FolderSpot } from "./spot";

/** Names in one request. */
const NAMES = 1_024;
/** More than so many are not fetched one by one: the folder is, or fewer. */
export const MOST_PICKED = 8 * NAMES;
/** Seconds that a device may take to show up. */
const WAIT_S = 10;

/** Things in one folder of a share. */
export interface Wanted {
  peer: string;
  /** The folder that holds them, `/SHARE/PATH`. */
  path: string;
  /** None: the folder itself. */
  names: readonly string[];
  /** What they are called on the screen. */
  called: string;
}

/** What a file is asked by. */
export function sharedFile(
  peer: string,
  path: string,
  { size, modified }: { size: number | null; modified: number | null },
): SharedFile {
  return { peer, path, version: `${String(size ?? 0)}-${String(modified ?? 0)}` };
}

/** A thing by the path that a search, or a listing, names it by. */
export function wantedAt(peer: string, path: string, shown: string): Wanted {
  const at = path.lastIndexOf("/");
  const called = printableName(shown.slice(shown.lastIndexOf("/") + 1));
  // A share itself has no folder above it.
  return at <= 0 ? { peer, path, names: [], called } : { peer, path: path.slice(0, at), names: [path.slice(at + 1)], called };
}

/** Those that lie in one folder are asked for at once. */
export function together(wanted: readonly Wanted[]): Wanted[] {
  const folders = new Map<string, Wanted>();
  for (const one of wanted) {
    const key = `${one.peer}${one.path}${one.names.length === 0 ? " whole" : ""}`;
    const before = folders.get(key);
    const names = [...new Set([...(before?.names ?? []), ...one.names])];
    const called = names.length > 1 ? i18n.t.send.chosen(names.length) : one.called;
    folders.set(key, { ...one, names, called });
  }
  return [...folders.values()];
}

/** Fetches; with `elsewhere` the person chooses where to. Whether it began. */
export async function fetchAll(shoal: Shoal, view: View, wanted: readonly Wanted[], elsewhere = false): Promise<boolean> {
  const { backend } = shoal;
  let into = {};
  if (elsewhere) {
    const handle = await shoal.said(async () => (await backend.chooseFolderToFetch?.()) ?? "");
    if (handle === undefined || handle === "") return false;
    into = { into_handle: handle };
  }
  let last: string | null = null;
  for (const request of wanted.flatMap((one) => requests(one, into))) {
    const reply = await shoal.said(() => shoal.request(request));
    if (reply?.reply !== "transfers") return false;
    last = reply.transfers[0]?.transfer ?? last;
  }
  const [first] = wanted;
  if (first === undefined) return false;
  const whom = printableName(shoal.device(first.peer)?.name ?? first.peer);
  const count = wanted.reduce((sum, { names }) => sum + Math.max(1, names.length), 0);
  const what = wanted.length === 1 ? first.called : i18n.t.send.chosen(count);
  const show = { label: i18n.t.shared.showTransfer, run: () => (last === null ? view.go("transfers") : view.showTransfer(last)) };
  shoal.notices.info(i18n.t.shared.fetching(what, whom), show);
  return true;
}

function requests({ peer, path, names }: Wanted, into: { into_handle?: string }): UiRequest[] {
  const parts: string[][] = [];
  for (let at = 0; at < Math.max(1, names.length); at += NAMES) parts.push(names.slice(at, at + NAMES));
  return parts.map((part) => ({ request: "get", peer, path, names: part, only: [], replace: false, wait_s: WAIT_S, ...into }));
}

/** What is chosen in a folder; with nothing chosen, all of it. `null`: too many to fetch one by one. */
export async function wantedOf(listing: Listing, selection: Selection<Chosen>): Promise<readonly Wanted[] | null> {
  const { spot, total, find } = listing;
  const path = pathOf(spot);
  const whole = selection.count(total) === 0 || (selection.isAll && selection.some.size === 0 && find === "");
  if (whole && path !== "") {
    return [{ peer: spot.peer, path, names: [], called: printableName(spot.steps.at(-1)?.shown ?? "") }];
  }
  if (selection.count(total) > MOST_PICKED) return null;
  const names = selection.isAll || whole ? (await listing.range(0, total)).map(({ name }) => name) : [...selection.some.keys()];
  const chosen = whole ? names : names.filter((name) => selection.has(name));
  if (path === "") return chosen.map((name) => wantedAt(spot.peer, `/${name}`, `/${name}`));
  const called = chosen.length === 1 ? printableName(chosen[0] ?? "") : i18n.t.send.chosen(chosen.length);
  return [{ peer: spot.peer, path, names: chosen, called }];
}

/** Adds what a person chose, dropped or pasted to a folder of somebody else's. */
export async function addTo(shoal: Shoal, spot: FolderSpot, handles: readonly Handle[]): Promise<void> {
  if (handles.length === 0) return;
  const content = { kind: "handles" as const, handles: handles.map(({ handle }) => handle) };
  const done = await shoal.attempt({ request: "add_to", peer: spot.peer, path: pathOf(spot), content, wait_s: WAIT_S });
  if (!done) return;
  const what = handles.length === 1 ? printableName(handles[0]?.name ?? "") : i18n.t.send.chosen(handles.length);
  shoal.notices.info(i18n.t.shared.adding(what, printableName(spot.steps.at(-1)?.shown ?? "")));
}
