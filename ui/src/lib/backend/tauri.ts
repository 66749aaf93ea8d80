/** The window's host: the shell's own commands, and nothing else of Tauri's. */
import { Channel, invoke } from "@tauri-apps/api/core";
import type { Event, Reply } from "../api/generated/api";
import { mediaPath, thumbnailPath } from "./addresses";
import type { Backend, Handle, NativeDrop, UiRequest } from "./backend";

/** What the shell sends at once; see `src-tauri/src/stream.rs`. */
interface Batch {
  connected: boolean;
  events: Event[];
}

/** What is put before the addresses of shared files; see `src-tauri/src/media.rs`. */
interface Places {
  files: string;
  thumbnails: string;
}

/** Opens the window's host. */
export async function open(): Promise<Backend> {
  const places = await invoke<Places>("media_places");
  const drops = new Set<(drop: NativeDrop) => void>();
  const channel = new Channel<NativeDrop>((drop) => {
    for (const hear of drops) hear(drop);
  });
  let attended = false;
  // Tray and notifications speak as the page does, whenever that changes.
  const speak = (): void => void invoke("speak", { language: document.documentElement.lang || navigator.language });
  new MutationObserver(speak).observe(document.documentElement, { attributeFilter: ["lang"] });
  speak();

  return {
    request: (request: UiRequest) => invoke<Reply>("request", { request }),
    subscribe,
    can: {
      chooseFiles: true,
      chooseFolder: true,
      showInFolder: true,
      openFile: false,
      download: false,
      autostart: true,
      chooseInbox: true,
      nativeDrops: true,
      badge: false,
      shareFolders: true,
    },
    chooseFiles: () => invoke<Handle[]>("choose_files"),
    chooseFolder: () => invoke<Handle[]>("choose_folder"),
    onDrops(hear) {
      drops.add(hear);
      // Not before somebody listens: what came in earlier waits in the shell.
      if (!attended) {
        attended = true;
        void invoke("attend", { channel });
      }
      return () => drops.delete(hear);
    },
    reveal: (transfer) => invoke("reveal", { transfer }),
    chooseInbox: () => invoke("choose_inbox"),
    chooseFolderFor: (transfer) => invoke<string>("choose_folder_for", { transfer }),
    mediaUrl: (file) => places.files + mediaPath(file),
    thumbnailUrl: (file, edge) => places.thumbnails + thumbnailPath(file, edge),
    chooseFolderToFetch: () => invoke<string>("choose_folder_to_fetch"),
    autostart: {
      get: () => invoke<boolean>("autostart"),
      set: (on) => invoke("set_autostart", { on }),
    },
    copy: (text) => invoke("copy", { text }),
    readClipboard: () => invoke<{ text?: string; handles?: Handle[] }>("read_clipboard"),
  } satisfies Backend;
}

/** Each batch is answered once it was dealt with: a page that is busy gets fewer and larger ones, and after a gap a snapshot. */
function subscribe(hear: (event: Event) => void, state: (connected: boolean) => void): () => void {
  let ended = false;
  let connected: boolean | undefined;
  let number: number | undefined;
  const channel = new Channel<Batch>((batch) => {
    if (ended) return;
    if (batch.connected !== connected) state((connected = batch.connected));
    for (const event of batch.events) hear(event);
    void started.then((stream) => invoke("heard", { stream }));
  });
  const started = invoke<number>("subscribe", { channel }).then((stream) => {
    number = stream;
    if (ended) void invoke("unsubscribe", { stream });
    return stream;
  });
  return () => {
    ended = true;
    if (number !== undefined) void invoke("unsubscribe", { stream: number });
  };
}
