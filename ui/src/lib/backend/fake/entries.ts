/** What a fake transfer holds: folders of a hundred files under one folder, or one file. Answers pages as the engine does. */
import type { Entry, EntryState, Transfer } from "../../api/generated/api";
import type { UiRequest } from "../backend";
import { HOSTILE } from "./scenes";

const IN_A_FOLDER = 100;

type Page = Extract<UiRequest, { request: "entries" }>;

/** Every entry, folders before what is in them. */
export function entriesOf(transfer: Transfer): Entry[] {
  const { files, bytes, name } = transfer;
  const share = Math.floor(bytes / Math.max(1, files));
  if (files === 1) return [file(transfer, 0, name, "", bytes, 0)];
  if (transfer.first_names.length > 2) {
    return transfer.first_names.map((first, n) => file(transfer, n, first, "", share, n));
  }
  const entries: Entry[] = [folder(0, name, "", files, bytes)];
  let left = files;
  for (let n = 1; left > 0; n++) {
    const here = Math.min(IN_A_FOLDER, left);
    const label = `Day ${String(n)}`;
    const at = entries.push(folder(entries.length, label, name, here, here * share)) - 1;
    for (let f = 0; f < here; f++) {
      const nth = files - left + f;
      entries.push(file(transfer, entries.length, `IMG_${String(10_000 + nth)}.jpg`, `${name}/${label}`, share, nth));
    }
    left -= here;
    close(entries, at);
  }
  close(entries, 0);
  return entries;
}

/** The last search and what it found: scrolling asks for it again and again. */
let last: { all: readonly Entry[]; asked: string; rows: Entry[] } | null = null;

export function page(all: readonly Entry[], request: Page): { entries: Entry[]; total: number } {
  const { folder: inside = null, offset, limit, state = null, find = null } = request;
  let rows: Entry[] = [];
  if (state !== null || find !== null) {
    const wanted = find?.toLowerCase() ?? "";
    const asked = JSON.stringify([state, wanted]);
    if (last?.all !== all || last.asked !== asked) {
      const found = all.filter(
        (e) => !e.folder && (state === null || e.state === state) && e.name.toLowerCase().includes(wanted),
      );
      last = { all, asked, rows: found };
    }
    rows = last.rows;
  } else {
    const first = inside === null ? 0 : inside + 1;
    const end = inside === null ? all.length : (all[inside]?.end ?? 0);
    for (let at = first; at < end;) {
      const entry = all[at];
      if (entry === undefined) break;
      rows.push(entry);
      at = entry.end;
    }
  }
  return { entries: rows.slice(offset, offset + limit), total: rows.length };
}

function folder(index: number, name: string, path: string, files: number, bytes: number): Entry {
  return { index, end: index + 1, name, path, folder: true, files, bytes, bytes_done: 0, state: "waiting" };
}

function file(transfer: Transfer, index: number, name: string, path: string, bytes: number, nth: number): Entry {
  const state = stateOf(transfer, nth);
  const done = state === "done" ? bytes : state === "active" ? Math.floor(bytes / 2) : 0;
  const error =
    state === "failed" ? { error: `${name === HOSTILE.markup ? name : "The file"} could not be read: permission denied` } : {};
  return { index, end: index + 1, name, path, folder: false, files: 1, bytes, bytes_done: done, state, ...error };
}

function stateOf(transfer: Transfer, nth: number): EntryState {
  if (transfer.files_failed > 0 && nth % 400 === 3) return "failed";
  if (nth < transfer.files_done) return "done";
  if (transfer.state === "active" && nth < transfer.files_done + 3) return "active";
  return "waiting";
}

/** A folder's end, bytes and state follow from what is in it. */
function close(entries: Entry[], at: number): void {
  const of = entries[at];
  if (of === undefined) return;
  of.end = entries.length;
  const inside = entries.slice(at + 1);
  of.bytes_done = inside.reduce((sum, entry) => sum + (entry.folder ? 0 : entry.bytes_done), 0);
  const has = (state: EntryState): boolean => inside.some((entry) => entry.state === state);
  of.state = has("active") ? "active" : has("failed") ? "failed" : has("waiting") ? "waiting" : "done";
}
