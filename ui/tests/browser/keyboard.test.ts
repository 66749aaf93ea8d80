/** Each thing that people do, with the keyboard alone. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import type { Hands } from "./hands";
import { stage } from "./stage";

const onStage = stage();
let page: Page;
let hands: Hands;

async function open(scene: string): Promise<void> {
  ({ page, hands } = await onStage({ scene }));
}

describe("by keyboard alone", () => {
  test("send files to two devices", async () => {
    await open("few");
    await hands.tabTo("Jonas");
    await hands.press(" ", "ArrowRight", " ", "f");
    await page.locator("dialog").waitFor();
    expect(await page.locator("dialog input:checked").count()).toBe(2);
    await hands.tabTo("Send to 2 devices");
    await hands.press("Enter");
    await page.locator("dialog").waitFor({ state: "detached" });
    const [sent] = await hands.asked("send");
    expect(sent?.["to"]).toHaveLength(2);
    expect(sent?.["content"]).toEqual({ kind: "handles", handles: ["handle-0", "handle-1"] });
  });

  test("arrows go around the grid, Enter opens a device, Escape comes back to it", async () => {
    await open("forty");
    await hands.tabTo("Ana’s desktop");
    await hands.press("ArrowRight", "ArrowDown");
    const before = await hands.focused();
    await hands.press("Enter");
    await page.locator("aside").waitFor();
    await hands.press("Escape");
    await page.locator("aside").waitFor({ state: "detached" });
    expect(await hands.focused()).toBe(before);
  });

  test("write a message from a device's panel", async () => {
    await open("one");
    await hands.tabTo("Mira’s laptop");
    await hands.press("Enter");
    await hands.tabTo("Write to Mira’s laptop");
    await page.keyboard.type("See you at eight");
    await hands.press("Enter");
    await expect
      .poll(async () => (await hands.asked("send"))[0]?.["content"])
      .toEqual({ kind: "text", text: "See you at eight" });
    await page.locator(".messages", { hasText: "See you at eight" }).waitFor();
  });

  test("an offer does not take the focus; O goes to it, Enter accepts it", async () => {
    await open("offers");
    expect(await page.evaluate(() => document.activeElement === document.body)).toBe(true);
    await hands.press("o");
    expect(await hands.focused()).toBe("Accept");
    await hands.press("Enter");
    await expect.poll(async () => (await hands.asked("accept"))[0]?.["only"]).toEqual([]);
    expect((await hands.asked("accept"))[0]?.["entries"]).toBeUndefined();
  });

  test("take part of an offer: only the ranges chosen are asked for", async () => {
    await open("offers");
    await hands.tabTo("See what is in it");
    await hands.press("Enter");
    await page.locator("[data-offer] .entry input").first().waitFor();
    // The list is one stop of Tab; inside it the arrows move and Space chooses.
    await page.locator("[data-offer] [data-row='0']").first().focus();
    await hands.press("ArrowDown");
    await expect.poll(() => page.evaluate(() => (document.activeElement as HTMLElement).dataset["row"])).toBe("1");
    await hands.press(" ");
    await hands.tabTo("Accept 212 files");
    await hands.press("Enter");
    await expect
      .poll(async () => (await hands.asked("accept"))[0]?.["entries"])
      .toEqual([
        { start: 0, end: 102 },
        { start: 203, end: 317 },
      ]);
  });

  test("compare signs and trust", async () => {
    await open("few");
    await hands.tabTo("Jonas");
    await hands.press("Enter");
    await hands.tabTo("Compare signs");
    await hands.press("Enter");
    await page.locator("dialog ol").waitFor();
    expect(await page.locator("dialog li").count()).toBe(7);
    expect(await page.locator("dialog .digits").textContent()).toContain("482 913");
    await hands.tabTo("They are the same");
    await hands.press("Enter");
    await expect.poll(async () => (await hands.asked("set_trust"))[0]).toMatchObject({ trust: "verified" });
  });

  test("pause, resume and cancel a transfer, and find it in the history", async () => {
    await open("busy");
    await hands.press("3");
    await hands.tabTo("Pause: Holidays in Galicia");
    await hands.press("Enter");
    await hands.tabTo("Resume: Holidays in Galicia");
    await hands.press("Enter");
    await hands.tabTo("Cancel: Holidays in Galicia");
    await hands.press("Enter");
    await page.locator(".item", { hasText: "Cancelled" }).waitFor();
    await hands.press("Control+f");
    expect(await hands.focused()).toBe("Search the history");
    await page.keyboard.type("galicia mira");
    await expect.poll(() => page.locator(".transfers .main").count()).toBe(1);
    expect((await hands.asked("cancel")).length).toBe(1);
  });

  test("a setting is in force at once", async () => {
    await open("few");
    await hands.press("4");
    await hands.tabTo("Visible to devices");
    await hands.press(" ");
    await expect.poll(async () => (await hands.asked("set_settings"))[0]?.["change"]).toEqual({ discoverable: false });
    await hands.tabTo("Language");
    await page.keyboard.type("Deu");
    await page.locator("h1", { hasText: "Einstellungen" }).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("de");
    await hands.tabTo("Aussehen");
    await hands.press("End");
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe("dark");
  });

  test("the keys are shown, and a sheet gives the focus back", async () => {
    await open("few");
    await hands.tabTo("Jonas");
    const before = await hands.focused();
    await hands.press("?");
    await page.locator("dialog").waitFor();
    await hands.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    expect(await hands.focused()).toBe(before);
  });

  test("paste what is on the clipboard", async () => {
    await open("few");
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.evaluate(() => navigator.clipboard.writeText("pasted words"));
    await hands.press("Control+v");
    await page.locator("dialog textarea").waitFor();
    expect(await page.locator("dialog textarea").inputValue()).toBe("pasted words");
    await hands.tabTo("Jonas");
    await hands.press(" ");
    await hands.press("Control+Enter");
    await expect.poll(async () => (await hands.asked("send"))[0]?.["content"]).toEqual({ kind: "text", text: "pasted words" });
  });

  test("send files to one device", async () => {
    await open("few");
    await hands.tabTo("Jonas");
    await hands.press("Enter");
    await hands.tabTo("Send files");
    await hands.press("Enter");
    await expect.poll(async () => ((await hands.asked("send"))[0]?.["to"] as string[] | undefined)?.length).toBe(1);
  });

  test("decline an offer, and block who sent another", async () => {
    await open("offers");
    await hands.press("o");
    await hands.press("Shift+Tab");
    expect(await hands.focused()).toContain("Decline");
    await hands.press("Enter");
    await expect.poll(async () => (await hands.asked("decline")).length).toBe(1);
    await page.locator("[data-offer]").nth(2).waitFor({ state: "detached" });
    await hands.press("o");
    await hands.tabTo("More actions");
    await hands.press("Shift+Tab");
    await hands.tabTo("More actions");
    await hands.press("Enter");
    await page.locator("[role=menu]").waitFor();
    await hands.press("End", "Enter");
    await expect.poll(async () => (await hands.asked("set_trust"))[0]).toMatchObject({ trust: "blocked" });
    await expect.poll(async () => (await hands.asked("decline")).length).toBe(2);
  });

  test("block a device, and take it back", async () => {
    await open("few");
    await hands.tabTo("Jonas");
    await hands.press("Enter");
    await hands.tabTo("Block");
    await hands.press("Enter");
    await page.locator(".notice", { hasText: "Jonas is blocked" }).waitFor();
    await hands.tabTo("Unblock");
    await hands.press("Enter");
    await expect.poll(async () => (await hands.asked("set_trust")).map(({ trust }) => trust)).toEqual(["blocked", "known"]);
  });

  test("try what failed again", async () => {
    await open("errors");
    await hands.press("3");
    // The list is one stop of Tab; inside it the arrows go from row to row.
    await hands.tabTo("Pause: Archive");
    await hands.press("ArrowDown");
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Raw footage");
    await hands.tabTo("Try the failed ones again: Raw footage");
    await hands.press("Enter");
    await expect.poll(async () => (await hands.asked("retry")).length).toBe(1);
    await hands.tabTo("Pause: Raw footage");
  });

  test("arrows go through transfers, Enter opens one, and its files and details are reached", async () => {
    await open("busy");
    await hands.press("3");
    await page.locator(".transfers [data-row='1']").focus();
    await hands.press("ArrowDown", "Enter");
    await page.locator("aside").waitFor();
    await hands.tabTo("Files");
    await hands.press("ArrowRight");
    await page.locator("aside dt", { hasText: "Over the network" }).waitFor();
    await hands.press("Escape");
    await page.locator("aside").waitFor({ state: "detached" });
  });

  test("choose this device's colour", async () => {
    await open("few");
    await hands.press("4");
    await hands.tabTo("Its own");
    await hands.press("ArrowRight", "ArrowRight");
    await expect
      .poll(async () => (await hands.asked("set_settings")).map(({ change }) => change))
      .toEqual([{ colour: 0 }, { colour: 1 }]);
    const drawn = page.locator("nav .me svg");
    await expect.poll(() => drawn.evaluate((mark) => mark.style.getPropertyValue("--hue"))).toBe("30");
    await hands.press("ArrowLeft", "ArrowLeft");
    await expect.poll(async () => (await hands.asked("set_settings")).at(-1)?.["change"]).toEqual({ colour: null });
  });
});
