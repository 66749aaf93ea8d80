/** What shares are called in words. Pure but for the language. */
import type { Item, OwnShare, ShareRisk } from "../api/generated/api";
import { i18n } from "../i18n/i18n.svelte";
import { printableName } from "../parts/text";
import type { Shoal } from "../state/shoal.svelte";

/** For whom a share is: "devices you know", "Mira’s laptop and Studio". */
export function audience(shoal: Shoal, words: readonly string[]): string {
  const { t } = i18n;
  const [first] = words;
  if (first === undefined) return t.shared.nobody;
  if (first === "everyone" || first === "known" || first === "verified") return t.shared.audience[first];
  return i18n.list(words.map((id) => printableName(shoal.device(id)?.name ?? t.shared.unknownDevice)));
}

/** How much is in a folder, as far as it is known. */
export function holds({ files, size }: Pick<Item, "files" | "size">): string {
  if (size === null) return "";
  return files === undefined ? i18n.bytes(size) : `${i18n.t.common.files(files)}, ${i18n.bytes(size)}`;
}

/** Where an own share stands. */
export function standing(share: OwnShare): string {
  const { t } = i18n;
  if (!share.there) return t.shared.notThere;
  const much = holds({ files: share.files, size: share.bytes });
  if (share.paused) return `${t.shared.paused}, ${much}`;
  return share.indexed ? much : t.shared.reading(much);
}

export function risk({ code }: ShareRisk): string {
  return i18n.t.shared.risks[code];
}
