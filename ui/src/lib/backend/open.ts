/** Chooses the host that this page runs in. */
import type { Backend } from "./backend";

interface Host {
  open(): Promise<Backend>;
}

const hosts = import.meta.glob<Host>(["./tauri.ts", "./web.ts"]);

/**
 * Opens the backend of this page's host: the fake where the build has it and the address asks for it (`?fake=SCENE`), else the
 * window, else a browser.
 */
export async function openBackend(): Promise<Backend> {
  if (__FAKE__) {
    const scene = new URLSearchParams(location.search).get("fake");
    if (scene !== null) return (await import("./fake/fake")).open(scene);
  }
  const name = "__TAURI_INTERNALS__" in window ? "./tauri.ts" : "./web.ts";
  const host = hosts[name];
  if (host === undefined) throw new Error(`this build has no host ${name}`);
  return (await host()).open();
}
