/**
 * The one road between the UI and the engine. Three hosts implement it: `tauri.ts` (the window), `web.ts` (a browser) and `fake/`
 * (development and tests). Each is a module that exports `open(): Promise<Backend>`; `open.ts` chooses.
 *
 * The UI never names a path on the disk: what it sends or where it puts things is a {@link Handle} that a host gave it.
 */
import type { Event, Failure, Reply, Request, SettingsChange } from "../api/generated/api";

/** Something to send that a host keeps: a file or a folder that a person chose, dropped or pasted. */
export interface Handle {
  /** A random name for it, of no meaning outside its host. */
  handle: string;
  /** The file's or folder's own name; not safe to print. */
  name: string;
  /** Its size, where that is known without reading a tree. */
  bytes?: number;
  folder: boolean;
}

/** What is sent: a text, or things a host keeps. */
export type UiContent = { kind: "text"; text: string } | { kind: "handles"; handles: string[] };

/** A file that a device shares. */
export interface SharedFile {
  /** The device's id. */
  peer: string;
  /** `/SHARE/PATH`, as it travels. */
  path: string;
  /** Becomes another when the file does: `${size}-${modified}`. */
  version: string;
}

/** A {@link Request} that names no path. */
export type UiRequest = WithoutPaths<Request>;

type WithoutPaths<R> = R extends { request: "send" }
  ? Omit<R, "content"> & { content: UiContent }
  : R extends { request: "accept" }
    ? Omit<R, "into"> & { /** From {@link Backend.chooseFolderFor}. */ into_handle?: string }
    : R extends { request: "set_settings" }
      ? Omit<R, "change"> & { change: Omit<SettingsChange, "inbox"> }
      : R extends { request: "add_share" | "share_risks" }
        ? Omit<R, "path"> & { /** A {@link Handle} of a folder: chosen, or dropped. */ handle: string }
        : R extends { request: "get" | "get_link" }
          ? Omit<R, "into"> & { /** From {@link Backend.chooseFolderToFetch}. */ into_handle?: string }
          : R extends { request: "add_to" | "create_link" }
            ? Omit<R, "content"> & { /** Handles only. */ content: UiContent }
            : R;

/** A drop that the window saw and the page did not (Tauri). Coordinates in CSS pixels of the page. */
export type NativeDrop =
  { phase: "over"; x: number; y: number } | { phase: "drop"; x: number; y: number; handles: Handle[] } | { phase: "leave" };

/** What a host can do beyond the engine; the UI shows no button for what it can't. */
export interface Abilities {
  chooseFiles: boolean;
  chooseFolder: boolean;
  showInFolder: boolean;
  openFile: boolean;
  download: boolean;
  autostart: boolean;
  chooseInbox: boolean;
  nativeDrops: boolean;
  badge: boolean;
  /** A page in a browser can't name a folder of the device that it looks at. */
  shareFolders: boolean;
}

/** Hears how much of what was chosen has reached the host, in bytes. */
export type Heard = (done: number, all: number) => void;

export interface Backend {
  /** Rejects with a {@link Failure}. */
  request(request: UiRequest): Promise<Reply>;
  /**
   * Hears every event until the returned function is called. A `snapshot` comes first and after each gap; `state` says
   * whether the engine is reached.
   */
  subscribe(hear: (event: Event) => void, state: (connected: boolean) => void): () => void;
  readonly can: Abilities;
  /** Empty when the person thought better of it. */
  chooseFiles(heard?: Heard): Promise<Handle[]>;
  chooseFolder(heard?: Heard): Promise<Handle[]>;
  /** Takes what the browser dropped or pasted: uploads it. */
  takeDrop?(data: DataTransfer, heard?: Heard): Promise<Handle[]>;
  /** Hears drops that come past the page; returns what ends it. */
  onDrops?(hear: (drop: NativeDrop) => void): () => void;
  /** Shows what was received in the system's file manager. */
  reveal(transfer: string): Promise<void>;
  /** Saves a received file, or all of a transfer, through the browser. */
  download?(transfer: string, entry?: number): void;
  /** Asks for a new inbox and sets it. */
  chooseInbox?(): Promise<void>;
  /** Asks for a folder for one offer; the handle goes into `into_handle`. Empty when the person thought better of it. */
  chooseFolderFor?(transfer: string): Promise<string>;
  /** An address under which this page can show or play the file (`src` of img, video, audio; fetch). Answers ranges. */
  mediaUrl(file: SharedFile): string;
  /** An address of a small picture of an image file, `edge` pixels on its longer side (32 to 512); 404 when there is none. */
  thumbnailUrl(file: SharedFile, edge: number): string;
  /** Saves a shared file through the browser, past the inbox. Browser only. */
  saveShared?(file: SharedFile): void;
  /** Asks for a folder to fetch into, whose handle goes into `into_handle` of `get` and `get_link`. Empty when the person thought better of it. */
  chooseFolderToFetch?(): Promise<string>;
  autostart?: { get(): Promise<boolean>; set(on: boolean): Promise<void> };
  copy(text: string): Promise<void>;
  readClipboard?(): Promise<{ text?: string; handles?: Handle[] }>;
}

/** Whether what a request threw is the engine's own word. */
export function isFailure(error: unknown): error is Failure {
  return typeof error === "object" && error !== null && "code" in error && "message" in error;
}
