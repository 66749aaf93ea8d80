/** Uploads what was gathered, file by file, to the device that this page comes from. */
import type { Handle, Heard } from "../backend";
import type { Item } from "./gather";

/** Files on their way at once. */
const AT_ONCE = 4;

/** Sends a body to a path of the server; hears how many bytes of it have gone. Rejects with a failure. */
export type Put = (path: string, body: Blob, gone: (bytes: number) => void, signal: AbortSignal) => Promise<unknown>;

/** Uploads all of it and returns a handle for each top-level name. The first failure ends the rest. */
export async function upload(items: readonly Item[], put: Put, heard: Heard = () => undefined): Promise<Handle[]> {
  const handles = new Map<string, Handle>();
  const stop = new AbortController();
  const all = items.reduce((sum, { file }) => sum + (file?.size ?? 0), 0);
  let done = 0;
  if (items.length > 0) heard(done, all);
  const waiting = named(items).values();
  const worker = async (): Promise<void> => {
    for (const { item, batch } of waiting) {
      const size = item.file?.size ?? 0;
      let counted = 0;
      const gone = (bytes: number): void => {
        done += bytes - counted;
        counted = bytes;
        heard(done, all);
      };
      const handle = await one(item, batch, put, gone, stop.signal);
      gone(size);
      // Answers overtake each other; the sum of a folder only grows.
      if ((handles.get(handle.handle)?.bytes ?? -1) < (handle.bytes ?? 0)) handles.set(handle.handle, handle);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } catch (error) {
    stop.abort();
    throw error;
  }
  return [...handles.values()];
}

/** A batch holds each top-level name once: a second file of the same name, from another folder, goes into another. */
function named(items: readonly Item[]): { item: Item; batch: string }[] {
  const batches: string[] = [];
  const seen = new Map<string, number>();
  return items.map((item) => {
    const top = item.path.split("/", 1)[0] ?? "";
    const isAlone = !item.path.includes("/");
    const count = (seen.get(top) ?? 0) + (isAlone ? 1 : 0);
    seen.set(top, count);
    const index = Math.max(0, count - 1);
    batches[index] ??= crypto.randomUUID();
    return { item, batch: batches[index] };
  });
}

async function one(item: Item, batch: string, put: Put, gone: (bytes: number) => void, signal: AbortSignal): Promise<Handle> {
  signal.throwIfAborted();
  const { path, file } = item;
  const query = new URLSearchParams({ batch, path: file === undefined ? `${path}/` : path });
  if (file !== undefined) query.set("modified", String(file.lastModified));
  return (await put(`/api/upload?${query}`, file ?? new Blob(), gone, signal)) as Handle;
}
