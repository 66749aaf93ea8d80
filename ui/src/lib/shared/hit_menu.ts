/** What can be done with what a search found, as a menu. */
import FolderSearch from "@lucide/svelte/icons/folder-search";
import { i18n } from "../i18n/i18n.svelte";
import type { MenuItem } from "../parts/Menu.svelte";
import type { FoundRow } from "./groups";
import { itemMenu, type Chosen } from "./item_menu";

interface ChosenHits extends Omit<Chosen, "item"> {
  /** What is chosen, when it is one. */
  row: FoundRow | undefined;
  /** Opens the folder that holds it. */
  holder: () => void;
}

export function hitMenu({ row, holder, ...chosen }: ChosenHits): MenuItem[] {
  const items = itemMenu({ ...chosen, item: row?.hit });
  if (row !== undefined) items.splice(1, 0, { label: i18n.t.shared.openHolder, icon: FolderSearch, run: holder });
  return items;
}
