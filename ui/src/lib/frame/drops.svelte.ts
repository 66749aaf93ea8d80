/** Drops on the window, from the page or past it: which device they hang over, and where they end. */
import type { Shoal } from "../state/shoal.svelte";
import type { View } from "../state/view.svelte";

class Hovering {
  /** Something is being dragged over the window. */
  here = $state(false);
  /** The device under it, by its id. */
  device = $state<string | null>(null);

  over(x: number, y: number): void {
    this.here = true;
    this.device = deviceAt(x, y);
  }

  end(): void {
    this.here = false;
    this.device = null;
  }
}

/** What hangs over the window now. */
export const hovering = new Hovering();

function deviceAt(x: number, y: number): string | null {
  return document.elementFromPoint(x, y)?.closest<HTMLElement>("[data-device]")?.dataset["device"] ?? null;
}

/** Hears drops until the returned function is called. */
export function listenToDrops(view: View, shoal: Shoal): () => void {
  const { backend } = shoal;
  const ended = backend.onDrops?.((drop) => {
    if (drop.phase === "over") hovering.over(drop.x, drop.y);
    else {
      const device = drop.phase === "drop" ? deviceAt(drop.x, drop.y) : null;
      hovering.end();
      if (drop.phase === "drop") void view.drop(drop.handles, device);
    }
  });
  const ofFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  const over = (event: DragEvent): void => {
    // Whatever is dropped here, the window never becomes it.
    event.preventDefault();
    if (backend.takeDrop === undefined || !ofFiles(event)) return;
    if (event.dataTransfer !== null) event.dataTransfer.dropEffect = "copy";
    hovering.over(event.clientX, event.clientY);
  };
  const leave = (event: DragEvent): void => {
    if (event.relatedTarget === null) hovering.end();
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    const device = deviceAt(event.clientX, event.clientY);
    hovering.end();
    const data = event.dataTransfer;
    if (backend.takeDrop === undefined || data === null || !ofFiles(event) || view.refuses()) return;
    const { takeDrop } = backend;
    void view.take((heard) => takeDrop.call(backend, data, heard)).then((handles) => view.drop(handles, device));
  };
  window.addEventListener("dragover", over);
  window.addEventListener("dragleave", leave);
  window.addEventListener("drop", drop);
  return () => {
    ended?.();
    window.removeEventListener("dragover", over);
    window.removeEventListener("dragleave", leave);
    window.removeEventListener("drop", drop);
  };
}
