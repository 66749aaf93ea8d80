/** Where a transfer stands, in words, and what can be done with it now. Pure. */
import type { Transfer } from "../api/generated/api";
import type { Abilities } from "../backend/backend";
import { i18n } from "../i18n/i18n.svelte";
import { wrong } from "../i18n/wrong";
import { printableName } from "../parts/text";
import { isOver } from "../state/table";

export type Tone = "moving" | "still" | "attention";

/** The other ends as one phrase. */
export function who(transfer: Transfer): string {
  return i18n.list(transfer.peer_names.map(printableName));
}

export function part(transfer: Transfer): number {
  return transfer.bytes > 0 ? transfer.bytes_done / transfer.bytes : transfer.state === "finished" ? 1 : 0;
}

export function tone(transfer: Transfer): Tone {
  if (transfer.state === "failed" || transfer.files_failed > 0) return "attention";
  return transfer.state === "active" || transfer.state === "waiting" ? "moving" : "still";
}

/** What a transfer is called on the screen. */
export function title(transfer: Transfer): string {
  return transfer.text === undefined ? transfer.name : i18n.t.transfers.message;
}

/** One line that says where it stands. */
export function status(transfer: Transfer): string {
  const { t } = i18n;
  switch (transfer.state) {
    case "waiting":
      return transfer.direction !== "receive" ? t.status.asking(who(transfer)) : t.status.queued;
    case "active": {
      if (transfer.rate < 1) return t.status.active;
      const rate = i18n.rate(transfer.rate);
      return transfer.eta_s === undefined ? rate : `${rate}, ${i18n.left(transfer.eta_s)}`;
    }
    case "paused":
      return `${t.status.paused}, ${i18n.percent(transfer.bytes_done, transfer.bytes)}`;
    case "interrupted":
      return t.status.interrupted(who(transfer));
    case "finished":
      if (transfer.files_failed > 0) return t.status.someFailed(i18n.count(transfer.files_failed), transfer.files);
      return summary(transfer);
    case "failed":
      return transfer.error === undefined ? t.status.failed : wrong(transfer.code, transfer.error);
    case "cancelled":
      return t.status.cancelled;
    case "declined":
      return t.status.declined;
  }
}

/** How much it is. */
export function summary(transfer: Transfer): string {
  if (transfer.text !== undefined) return printableName(transfer.text.slice(0, 120));
  const size = i18n.bytes(transfer.bytes);
  return transfer.files === 1 ? size : `${i18n.t.common.files(transfer.files)}, ${size}`;
}

export type Action = "pause" | "resume" | "cancel" | "retry" | "reveal" | "save" | "copy" | "forget";

/** What makes sense now, the likeliest first. */
export function actions(transfer: Transfer, can: Abilities): Action[] {
  const found: Action[] = [];
  const { state, direction } = transfer;
  const failed = transfer.files_failed > 0;
  if (transfer.text !== undefined) found.push("copy");
  if (state === "active" || state === "interrupted") found.push("pause");
  if (state === "paused") found.push("resume");
  if (!isOver(transfer)) return [...found, "cancel"];
  if (state === "failed" || (state === "finished" && failed) || (state === "declined" && direction === "send"))
    found.push("retry");
  if (direction !== "send" && transfer.text === undefined && transfer.files_done > 0) {
    if (can.showInFolder) found.push("reveal");
    else if (can.download) found.push("save");
  }
  return [...found, "forget"];
}
