/** What a screen reader hears by itself: offers and endings, never progress. */
import { i18n } from "../i18n/i18n.svelte";
import { wrong } from "../i18n/wrong";
import { printableName } from "../parts/text";
import type { Shoal } from "../state/shoal.svelte";
import { summary, title, who } from "../transfers/status";

export function speakOfEndings(shoal: Shoal): () => void {
  const names = new Map<string, { name: string; who: string }>();
  return shoal.onEvent((event) => {
    const { t } = i18n;
    if (event.event === "snapshot") {
      for (const row of event.transfers) names.set(row.transfer, { name: title(row), who: who(row) });
    } else if (event.event === "offered") {
      names.set(event.transfer, { name: title(event), who: who(event) });
      if (event.direction !== "receive" || !event.awaits_answer) return;
      if (event.text !== undefined) shoal.notices.speak(t.offers.spokenText(who(event)));
      else shoal.notices.speak(t.offers.spoken(who(event), `${printableName(event.name)}, ${summary(event)}`));
    } else if (event.event === "transfer") {
      names.set(event.transfer, { name: title(event), who: who(event) });
    } else if (event.event === "finished" || event.event === "failed") {
      const known = names.get(event.transfer);
      if (known === undefined) return;
      const name = printableName(known.name);
      if (event.event === "finished") shoal.notices.speak(t.transfers.spokenDone(name, known.who));
      else shoal.notices.speak(t.transfers.spokenFailed(name, wrong(event.code, event.error)));
    }
  });
}
