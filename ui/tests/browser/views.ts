/** Every view of the window, and how to come to it. */
import type { Page } from "playwright-core";
import { SHARED_VIEWS } from "./shared_views";

export interface ViewOf {
  name: string;
  scene: string;
  /** Also looked at in German, with more contrast and in forced colours. */
  main?: boolean;
  show?: (page: Page) => Promise<void>;
}

async function place(page: Page, n: number): Promise<void> {
  await page.locator("nav ul button").nth(n).click();
}

/** What is always on the screen where nothing covers it. */
async function openDevice(page: Page): Promise<void> {
  await page.locator("[data-device] .open").first().click();
  await page.locator("aside").waitFor();
}

async function openTransfer(page: Page): Promise<void> {
  await place(page, 2);
  await page.locator(".transfers .main").first().click();
  await page.locator("aside").waitFor();
}

export const VIEWS: readonly ViewOf[] = [
  { name: "nearby-empty", main: true, scene: "empty", show: async (page) => page.waitForTimeout(4_100) },
  { name: "nearby-looking", scene: "looking" },
  { name: "nearby-one", scene: "one" },
  { name: "nearby-few", scene: "few" },
  { name: "nearby-forty", scene: "forty" },
  { name: "nearby-busy", main: true, scene: "busy" },
  { name: "nearby-offline", scene: "offline" },
  { name: "nearby-error", scene: "errors" },
  { name: "nearby-hostile", scene: "hostile" },
  {
    name: "nearby-chosen",
    main: true,
    scene: "few",
    show: async (page) => {
      await page.locator("[data-device] .open").nth(0).focus();
      await page.keyboard.press(" ");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press(" ");
    },
  },
  { name: "device", main: true, scene: "few", show: openDevice },
  { name: "device-busy", scene: "busy", show: openDevice },
  { name: "offers", main: true, scene: "offers" },
  {
    name: "offer-tree",
    main: true,
    scene: "offers",
    show: async (page) => {
      await page.locator("[data-offer] .what").first().click();
      await page.locator("[data-offer] .entry").nth(1).waitFor();
      await page.locator("[data-offer] .entry input").nth(1).click();
    },
  },
  { name: "transfers-empty", scene: "one", show: (page) => place(page, 2) },
  { name: "transfers-busy", main: true, scene: "busy", show: (page) => place(page, 2) },
  { name: "transfers-many", scene: "many_rows", show: (page) => place(page, 2) },
  { name: "transfers-error", main: true, scene: "errors", show: (page) => place(page, 2) },
  { name: "transfers-hostile", scene: "hostile", show: (page) => place(page, 2) },
  { name: "transfer-files", main: true, scene: "busy", show: openTransfer },
  {
    name: "transfer-details",
    main: true,
    scene: "busy",
    show: async (page) => {
      await openTransfer(page);
      await page.waitForTimeout(2_500);
      await page.locator("[role=tab]").nth(1).click();
    },
  },
  {
    name: "transfer-failed",
    scene: "errors",
    show: async (page) => {
      await place(page, 2);
      await page.locator(".transfers .main").nth(1).click();
      await page.locator("aside button.failed").click();
    },
  },
  { name: "settings", main: true, scene: "few", show: (page) => place(page, 3) },
  { name: "settings-error", scene: "errors", show: (page) => place(page, 3) },
  {
    name: "settings-below",
    main: true,
    scene: "few",
    show: async (page) => {
      await place(page, 3);
      await page.locator("#settings-speed").evaluate((heading) => heading.scrollIntoView());
    },
  },
  {
    name: "send",
    main: true,
    scene: "few",
    show: async (page) => {
      await page.keyboard.press("f");
      await page.locator("dialog").waitFor();
    },
  },
  {
    name: "send-text",
    scene: "few",
    show: async (page) => {
      await page.keyboard.press("t");
      await page.locator("dialog").waitFor();
    },
  },
  {
    name: "verify",
    main: true,
    scene: "few",
    show: async (page) => {
      await page.locator("[data-device]", { hasText: "Jonas" }).locator(".open").click();
      await page.locator("aside section .buttons button").first().click();
      await page.locator("dialog ol").waitFor();
    },
  },
  {
    name: "add",
    scene: "few",
    show: async (page) => {
      await page.locator(".around header > button").first().click();
      await page.locator("dialog").waitFor();
    },
  },
  {
    name: "keys",
    scene: "few",
    show: async (page) => {
      await page.keyboard.press("?");
      await page.locator("dialog").waitFor();
    },
  },
  ...SHARED_VIEWS,
];
