/** What every component may reach without being handed it. */
import { createContext } from "svelte";
import type { Shoal } from "./shoal.svelte";
import type { View } from "./view.svelte";

export const [useShoal, setShoal] = createContext<Shoal>();
export const [useView, setView] = createContext<View>();
