/** What there is to say about a device. Pure but for the language. */
import type { Device } from "../api/generated/api";
import { i18n } from "../i18n/i18n.svelte";

/** Whether it is in this network, as far as can be told. */
export function near(device: Device): boolean {
  return device.paths.some(({ via }) => via === "mdns");
}

/** How far it is, in words. */
export function reach(device: Device): string {
  if (!device.online) return i18n.t.reach.offline;
  return near(device) ? i18n.t.reach.near : i18n.t.reach.far;
}

/** What it runs and how far it is: "macOS · this network". */
export function about(device: Device): string {
  const platform = device.platform === undefined ? [] : [i18n.t.platform[device.platform]];
  return [...platform, reach(device)].join(" · ");
}
