/** What a person chose, dropped or pasted, as files with paths. */

/** One file, or a folder with nothing in it, by the path that it has below what was chosen. */
export interface Item {
  path: string;
  /** None: an empty folder. */
  file?: File;
}

/** Asks for files, or for a folder with all that is in it. Empty when the person thought better of it. */
export function pickFiles(folder: boolean): Promise<Item[]> {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.webkitdirectory = folder;
  // Part of the page while its dialog is open: nothing else holds it, and one that is collected answers nobody.
  input.hidden = true;
  document.body.append(input);
  return new Promise<Item[]>((resolve) => {
    input.addEventListener("cancel", () => resolve([]));
    input.addEventListener("change", () => resolve(ofList(input.files)));
    input.click();
  }).finally(() => input.remove());
}

/** Takes what was dropped or pasted. The list of it is empty after the event, so nothing is waited for before it is read. */
export async function takeDropped(data: DataTransfer): Promise<Item[]> {
  const entries = [...data.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry());
  // What is pasted may be an image that lies on no disk: a file, and no entry.
  if (entries.includes(null)) return ofList(data.files);
  const items: Item[] = [];
  for (const entry of entries) if (entry !== null) await walk(entry, items);
  return items;
}

function ofList(files: FileList | null): Item[] {
  return [...(files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** One after another: a folder may hold a hundred thousand. */
async function walk(entry: FileSystemEntry, items: Item[]): Promise<void> {
  const path = entry.fullPath.replace(/^\/+/, "");
  if (isFile(entry)) {
    items.push({ path, file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)) });
  } else if (isFolder(entry)) {
    const reader = entry.createReader();
    let empty = true;
    for (;;) {
      // Browsers give a hundred at a time, and none at the end.
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) break;
      empty = false;
      for (const child of some) await walk(child, items);
    }
    if (empty) items.push({ path });
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
