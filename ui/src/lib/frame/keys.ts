/** The keys of the whole window, and pastes. What a list or a menu does with keys is its own. */
import type { Shoal } from "../state/shoal.svelte";
import { PLACES, type View } from "../state/view.svelte";

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
}

/** Hears keys until the returned function is called. */
export function listenToKeys(view: View, shoal: Shoal): () => void {
  const hear = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || document.querySelector("dialog[open]") !== null) return;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (command && key === "f") view.searches += 1;
    else if (event.key === "Escape") {
      if (!view.back()) return;
    } else if (command || event.altKey || typing(event.target)) return;
    else if (event.key === "?") view.sheet = { kind: "keys" };
    else if (key === "/") view.searches += 1;
    else if (key === "t") view.compose([]);
    // Ctrl+O is the browser's own.
    else if (key === "f") void view.composeFiles("files");
    else if (key === "o" && shoal.offers.length > 0) document.querySelector<HTMLElement>("[data-offer] [data-first]")?.focus();
    else {
      const place = PLACES[Number(event.key) - 1];
      if (place === undefined) return;
      view.go(place);
    }
    event.preventDefault();
  };
  window.addEventListener("keydown", hear);
  return () => window.removeEventListener("keydown", hear);
}

/** Hears pastes anywhere but in fields. */
export function listenToPastes(view: View, shoal: Shoal): () => void {
  const hear = (event: ClipboardEvent): void => {
    if (typing(event.target) || document.querySelector("dialog[open]") !== null) return;
    event.preventDefault();
    const data = event.clipboardData;
    const { backend } = shoal;
    if (data !== null && data.files.length > 0 && backend.takeDrop !== undefined) {
      // The data is the browser's only while this event lasts: the host takes it at once.
      if (view.refuses()) return;
      const { takeDrop } = backend;
      void view
        .take((heard) => takeDrop.call(backend, data, heard))
        .then((handles) => (handles.length > 0 ? view.paste({ handles }) : undefined));
    } else if (backend.readClipboard !== undefined && (data === null || data.getData("text/plain") === "")) {
      const read = backend.readClipboard();
      void shoal.said(() => read).then((found) => view.paste(found ?? {}));
    } else void view.paste({ text: data?.getData("text/plain") ?? "" });
  };
  window.addEventListener("paste", hear);
  return () => window.removeEventListener("paste", hear);
}
