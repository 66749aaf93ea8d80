/** What can be done with what is chosen in a folder, as a menu. */
import Check from "@lucide/svelte/icons/check-check";
import Download from "@lucide/svelte/icons/download";
import Eye from "@lucide/svelte/icons/eye";
import FolderInput from "@lucide/svelte/icons/folder-input";
import FolderOpen from "@lucide/svelte/icons/folder-open";
import Plus from "@lucide/svelte/icons/plus";
import Save from "@lucide/svelte/icons/hard-drive-download";
import type { Item } from "../api/generated/api";
import type { Backend, SharedFile } from "../backend/backend";
import { i18n } from "../i18n/i18n.svelte";
import type { MenuItem } from "../parts/Menu.svelte";

export interface Chosen {
  /** What is chosen, when it is one. */
  item: Pick<Item, "kind"> | undefined;
  /** How many; 0: the folder itself is meant. */
  count: number;
  open: () => void;
  fetch: (elsewhere: boolean) => void;
  backend: Pick<Backend, "saveShared" | "chooseFolderToFetch">;
  /** The files among what is chosen. */
  saved: readonly SharedFile[];
  all?: () => void;
  add?: (() => void) | undefined;
}

/** A browser asks about each file that a page saves: more are fetched, not saved. */
const MOST_SAVED = 10;

export function itemMenu({ item, count, open, fetch, backend, saved, all, add }: Chosen): MenuItem[] {
  const { shared: t } = i18n.t;
  const items: MenuItem[] = [];
  if (item?.kind === "file") items.push({ label: t.look, icon: Eye, run: open });
  else if (item !== undefined) items.push({ label: t.open, icon: FolderOpen, run: open });
  items.push({ label: count > 0 ? t.fetch : t.fetchAll, icon: Download, run: () => fetch(false) });
  if (backend.chooseFolderToFetch !== undefined) items.push({ label: t.fetchInto, icon: FolderInput, run: () => fetch(true) });
  if (backend.saveShared !== undefined && saved.length === count && count > 0 && count <= MOST_SAVED) {
    const save = (): void => {
      for (const file of saved) backend.saveShared?.(file);
    };
    items.push({ label: t.save, icon: Save, run: save });
  }
  if (add !== undefined) items.push({ label: t.addFiles, icon: Plus, run: add });
  if (all !== undefined) items.push({ label: t.chooseAll, icon: Check, run: all });
  return items;
}
