/** A browser as host: talks to `shoal serve --web` over HTTP. The cookie came with the link that was opened. */
import type { Event, Reply } from "../api/generated/api";
import { mediaPath, thumbnailPath } from "./addresses";
import type { Abilities, Backend, Handle, Heard, SharedFile, UiRequest } from "./backend";
import { failed, unanswered } from "./web/failures";
import { pickFiles, takeDropped } from "./web/gather";
import { put } from "./web/put";
import { upload } from "./web/upload";

/** Before a stream that the server refused is asked for again. One that was cut off the browser takes up by itself. */
export const AGAIN_AFTER_MS = 3_000;

export function open(): Promise<Backend> {
  return Promise.resolve(new WebBackend());
}

class WebBackend implements Backend {
  readonly can: Abilities = {
    chooseFiles: true,
    chooseFolder: "webkitdirectory" in HTMLInputElement.prototype,
    showInFolder: false,
    openFile: false,
    download: true,
    autostart: false,
    chooseInbox: false,
    nativeDrops: false,
    badge: false,
    shareFolders: false,
  };

  async request(request: UiRequest): Promise<Reply> {
    const answer = await reach("/api/request", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    });
    return (await answer.json()) as Reply;
  }

  subscribe(hear: (event: Event) => void, state: (connected: boolean) => void): () => void {
    let stream: EventSource;
    let again: ReturnType<typeof setTimeout> | undefined;
    const listen = (): void => {
      stream = new EventSource("/api/events");
      stream.onopen = () => state(true);
      stream.onmessage = (message) => hear(JSON.parse(message.data as string) as Event);
      stream.onerror = () => {
        state(false);
        if (stream.readyState === EventSource.CLOSED) again = setTimeout(listen, AGAIN_AFTER_MS);
      };
    };
    listen();
    return () => {
      clearTimeout(again);
      stream.close();
    };
  }

  async chooseFiles(heard?: Heard): Promise<Handle[]> {
    return upload(await pickFiles(false), put, heard);
  }

  async chooseFolder(heard?: Heard): Promise<Handle[]> {
    return upload(await pickFiles(true), put, heard);
  }

  async takeDrop(data: DataTransfer, heard?: Heard): Promise<Handle[]> {
    // A folder with many files takes a while to read.
    heard?.(0, 0);
    return upload(await takeDropped(data), put, heard);
  }

  reveal(): Promise<void> {
    return Promise.reject(new Error("a browser cannot show a folder of the device that it looks at"));
  }

  download(transfer: string, entry?: number): void {
    save(`/api/download/${encodeURIComponent(transfer)}${entry === undefined ? "" : `?entry=${entry}`}`);
  }

  mediaUrl(file: SharedFile): string {
    return `/api${mediaPath(file)}`;
  }

  thumbnailUrl(file: SharedFile, edge: number): string {
    return `/api${thumbnailPath(file, edge)}`;
  }

  saveShared(file: SharedFile): void {
    save(`${this.mediaUrl(file)}&save=1`);
  }

  copy(text: string): Promise<void> {
    return navigator.clipboard.writeText(text);
  }

  async readClipboard(): Promise<{ text?: string }> {
    return { text: await navigator.clipboard.readText() };
  }
}

/** Has the browser save what is at an address. */
function save(address: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = "";
  link.click();
}

/** Asks the server; rejects with its failure, or with one of our own when it does not answer. */
export async function reach(path: string, init: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch {
    throw unanswered();
  }
  if (answer.ok) return answer;
  throw failed(answer.status, await answer.json().catch(() => null));
}
