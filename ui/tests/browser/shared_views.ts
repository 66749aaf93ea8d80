/** Every view of the Shared place, and how to come to it. */
import type { Page } from "playwright-core";
import type { ViewOf } from "./views";

export async function openShared(page: Page): Promise<void> {
  await page.locator("nav ul button").nth(1).click();
  await page.locator(".overview").waitFor();
}

/** Opens a share of a device, and folders in it, by their names. */
export async function openFolder(page: Page, share: string, ...folders: string[]): Promise<void> {
  await openShared(page);
  await page.locator(".shelf .share", { hasText: share }).click();
  for (const folder of folders) {
    await page.getByRole("option", { name: folder }).dblclick();
  }
  await page.locator(".foot").waitFor();
}

/** Asks the fake for what only other devices can do. */
export function fake(page: Page, act: (fake: Fake) => void): Promise<void> {
  return page.evaluate(`(${act.toString()})(window.shoalFake)`);
}

export interface Fake {
  setOnline(name: string, online: boolean): void;
  sharing: {
    addFile(device: string, path: string, name: string, size?: number): void;
    change(device: string, path: string, change: (items: { name: string; shown: string }[]) => unknown[]): void;
    unshare(device: string, share: string): void;
  };
}

/** Opens the sheet for a link, by the place among the ways in the menu: words differ by language. */
export async function chooseForLink(page: Page, way: string): Promise<void> {
  await page.locator("header button[aria-haspopup]").first().click();
  const items = page.getByRole("menuitem");
  const named = items.filter({ hasText: way });
  await ((await named.count()) > 0 ? named : items).first().click();
  await page.locator("dialog").waitFor();
}

const GALICIA = ["Pictures", "Holidays in Galicia"] as const;

async function search(page: Page, words: string): Promise<void> {
  await openShared(page);
  await page.keyboard.press("Control+f");
  await page.keyboard.type(words);
  await page.locator(".state", { hasText: /found|No answer/ }).waitFor();
}

async function look(page: Page, name: string): Promise<void> {
  await openFolder(page, ...GALICIA);
  // It may be below what a narrow window shows.
  await page.locator(".end input").fill(name);
  await page.getByRole("option", { name }).dblclick();
  await page.locator("dialog").waitFor();
}

async function choose(page: Page, name: string): Promise<void> {
  await openShared(page);
  await page.evaluate(
    (name) => Object.assign((window as unknown as { shoalFake: object }).shoalFake, { chosenFolder: name }),
    name,
  );
  await page.getByRole("button", { name: "Share a folder" }).click();
  await page.locator("aside").waitFor();
}

async function openOwn(page: Page, n: number): Promise<void> {
  await openShared(page);
  await page.locator("[data-own]").nth(n).click();
  await page.locator("aside").waitFor();
}

export const SHARED_VIEWS: readonly ViewOf[] = [
  { name: "shared", main: true, scene: "shared", show: openShared },
  { name: "shared-empty", scene: "empty", show: openShared },
  { name: "shared-browser", scene: "shared_browser", show: openShared },
  { name: "shared-offline", scene: "offline", show: openShared },
  { name: "shared-own", main: true, scene: "shared", show: (page) => openOwn(page, 3) },
  {
    name: "shared-own-stop",
    scene: "shared",
    show: async (page) => {
      await openOwn(page, 0);
      await page.locator(".leave .button").click();
    },
  },
  { name: "shared-new", scene: "shared", show: (page) => choose(page, "Letters") },
  {
    name: "shared-risky",
    scene: "shared",
    show: async (page) => {
      await choose(page, "ana");
      await page.getByRole("radio").first().click();
      await page.locator("aside [role=alert]").waitFor();
    },
  },
  {
    name: "folder",
    main: true,
    scene: "shared",
    show: async (page) => {
      await openFolder(page, ...GALICIA);
      await page.getByRole("option", { name: "Harbour" }).click();
      await page.keyboard.press("Shift+ArrowDown");
    },
  },
  {
    name: "folder-grid",
    main: true,
    scene: "shared",
    show: async (page) => {
      await openFolder(page, ...GALICIA);
      await page.locator(".bar button[aria-pressed]").click();
      await page.getByRole("option", { name: "Beach" }).click();
      await page.waitForTimeout(400);
    },
  },
  { name: "folder-many", scene: "shared", show: (page) => openFolder(page, "Pictures", "Every picture") },
  {
    name: "folder-menu",
    scene: "shared",
    show: async (page) => {
      await openFolder(page, ...GALICIA);
      await page.getByRole("option", { name: "Beach" }).click({ button: "right" });
      await page.locator("[role=menu]").waitFor();
    },
  },
  { name: "folder-empty", scene: "shared", show: (page) => openFolder(page, ...GALICIA, "Drafts") },
  { name: "folder-add", scene: "shared", show: (page) => openFolder(page, "For the team") },
  { name: "folder-hostile", scene: "shared", show: (page) => openFolder(page, "Pictures", "Names") },
  {
    name: "folder-device",
    scene: "shared",
    show: async (page) => {
      await openShared(page);
      await page.locator(".shelf .head", { hasText: "NAS" }).click();
      await page.getByRole("option", { name: "Films" }).waitFor();
    },
  },
  {
    name: "folder-away",
    main: true,
    scene: "shared",
    show: async (page) => {
      await openFolder(page, ...GALICIA);
      await fake(page, (fake) => fake.setOnline("Mira’s laptop", false));
      await page.locator(".trouble").waitFor();
    },
  },
  {
    name: "folder-gone",
    scene: "shared",
    show: async (page) => {
      await openFolder(page, "For the team");
      await fake(page, (fake) => fake.sharing.unshare("Mira’s laptop", "For the team"));
      await page.locator(".trouble").waitFor();
    },
  },
  { name: "look-image", main: true, scene: "shared", show: (page) => look(page, "Beach") },
  { name: "look-video", scene: "shared", show: (page) => look(page, "Waves") },
  { name: "look-audio", scene: "shared", show: (page) => look(page, "Song of") },
  { name: "look-text", scene: "shared", show: (page) => look(page, "Packing") },
  { name: "look-other", scene: "shared", show: (page) => look(page, "Map of") },
  {
    name: "look-damaged",
    scene: "shared",
    show: async (page) => {
      await openFolder(page, "Pictures");
      await page.getByRole("option", { name: "Damaged" }).dblclick();
      await page.locator("dialog [role=alert]").waitFor();
    },
  },
  {
    name: "search",
    main: true,
    scene: "shared",
    show: async (page) => {
      await openShared(page);
      await page.keyboard.press("Control+f");
      await page.keyboard.type("wa");
      await page.locator(".box [role=option]").first().waitFor();
      await page.waitForTimeout(700);
    },
  },
  {
    name: "search-groups",
    scene: "shared",
    show: async (page) => {
      await search(page, "song");
      await page.locator(".box [role=option]").first().click();
      await page.keyboard.press("ArrowRight");
      await page.waitForTimeout(700);
    },
  },
  {
    name: "search-more",
    scene: "shared",
    show: async (page) => {
      await search(page, "img");
      await page.waitForTimeout(700);
    },
  },
  {
    name: "search-nothing",
    scene: "shared",
    show: async (page) => {
      await openShared(page);
      await page.keyboard.press("Control+f");
      await page.keyboard.type("zebra crossing");
      await page.locator("p.none").waitFor();
    },
  },
  {
    name: "link-new",
    main: true,
    scene: "shared",
    show: async (page) => {
      await openShared(page);
      await chooseForLink(page, "To files…");
    },
  },
  {
    name: "link-made",
    main: true,
    scene: "shared",
    show: async (page) => {
      await openShared(page);
      await page.locator("[data-link] button").nth(1).click();
      await page.locator("dialog").waitFor();
    },
  },
  {
    name: "link-removing",
    scene: "shared",
    show: async (page) => {
      await openShared(page);
      await page.locator("[data-link] button").nth(2).click();
    },
  },
];
