/** Addresses of shared files, below what a host puts before them; see `crates/shoal-api/src/media`. */
import type { SharedFile } from "./backend";

/** The file itself. */
export function mediaPath(file: SharedFile): string {
  return `/media/${place(file)}?v=${encodeURIComponent(file.version)}`;
}

/** A picture of it, `edge` pixels on its longer side. */
export function thumbnailPath(file: SharedFile, edge: number): string {
  return `/thumbnail/${place(file)}?v=${encodeURIComponent(file.version)}&edge=${String(edge)}`;
}

/** Each name is encoded by itself, so that none becomes a part of the address. */
function place({ peer, path }: SharedFile): string {
  return [peer, ...path.split("/").filter((name) => name !== "")].map(encodeURIComponent).join("/");
}
