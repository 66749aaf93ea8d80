/** Carries out what a person chose for a transfer. */
import type { Transfer } from "../api/generated/api";
import { i18n } from "../i18n/i18n.svelte";
import type { Shoal } from "../state/shoal.svelte";
import type { Action } from "./status";

export async function act(shoal: Shoal, transfer: Transfer, action: Action): Promise<void> {
  const id = transfer.transfer;
  switch (action) {
    case "pause":
    case "resume":
    case "cancel":
    case "retry":
      await shoal.attempt({ request: action, transfer: id });
      break;
    case "forget":
      await shoal.attempt({ request: "forget_transfer", transfer: id });
      break;
    case "reveal":
      await shoal.said(() => shoal.backend.reveal(id));
      break;
    case "save":
      shoal.backend.download?.(id);
      break;
    case "copy":
      if ((await shoal.said(async () => (await shoal.backend.copy(transfer.text ?? ""), true))) === true) {
        shoal.notices.info(i18n.t.common.copied);
      }
      break;
  }
}

/** The words of an action's button. */
export function label(transfer: Transfer, action: Action): string {
  const { transfers } = i18n.t;
  if (action === "copy") return transfers.copyText;
  if (action === "retry" && transfer.files_failed > 0) return transfers.retryFailed;
  return transfers[action];
}
