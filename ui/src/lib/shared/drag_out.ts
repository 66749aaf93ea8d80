/** Dragging a file out of the window, where a web view lets one: Chromium fetches the address that goes with the drag. */
import type { Backend, SharedFile } from "../backend/backend";

/** What a drag says of the file; the page it comes from is a browser's. `undefined`: nothing can be dragged out here. */
export function dragOut(
  backend: Backend,
  fileAt: (at: number) => { file: SharedFile; name: string } | null,
): ((at: number, event: DragEvent) => void) | undefined {
  // A window of the system has no downloads; other browsers than Chromium do not know what is said here.
  if (backend.saveShared === undefined || !("chrome" in window)) return undefined;
  return (at, event) => {
    const found = fileAt(at);
    if (found === null || event.dataTransfer === null) {
      event.preventDefault();
      return;
    }
    const address = new URL(`${backend.mediaUrl(found.file)}&save=1`, location.href).href;
    // Colons part the fields.
    event.dataTransfer.setData("DownloadURL", `application/octet-stream:${found.name.replaceAll(":", " ")}:${address}`);
    event.dataTransfer.effectAllowed = "copy";
  };
}
