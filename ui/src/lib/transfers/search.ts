/** Whether a transfer fits what a person types. Pure. */
import type { Transfer } from "../api/generated/api";

/** By its name, the names of the other ends, its text: every word must be somewhere. */
export function fits(transfer: Transfer, find: string): boolean {
  const words = find.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const hay = [transfer.name, ...transfer.peer_names, transfer.text ?? ""].join("\n").toLocaleLowerCase();
  return words.every((word) => hay.includes(word));
}
