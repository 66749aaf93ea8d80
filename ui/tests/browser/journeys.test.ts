/** What people do, by keyboard alone and by dropping; and names that try to be more than names. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { HOSTILE } from "../../src/lib/backend/fake/scenes";
import { printableName } from "../../src/lib/parts/text";
import { close, Lab, type Opening } from "./page";

let lab: Lab;
let page: Page;

beforeAll(async () => {
  lab = await Lab.start();
});
afterEach(async () => {
  await close(page);
  expect(lab.complaints.splice(0)).toEqual([]);
});
afterAll(async () => {
  await lab.stop();
});

async function open(scene: string, more: Partial<Opening> = {}): Promise<void> {
  page = await lab.open({ scene, ...more });
}

interface Asked {
  request: string;
  [key: string]: unknown;
}

/** What the UI asked of its host. */
async function asked(request: string): Promise<Asked[]> {
  const all = await page.evaluate(() => (window as unknown as { shoalFake: { asked: unknown[] } }).shoalFake.asked);
  return (all as Asked[]).filter((one) => one.request === request);
}

async function press(...keys: string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}

/** What has the focus, by its accessible text. */
async function focused(): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!(element instanceof HTMLElement) || !element.matches("button, input, select, textarea, a, summary")) return "";
    const { labels } = element as HTMLInputElement;
    return element.getAttribute("aria-label") ?? labels?.[0]?.textContent ?? element.innerText;
  });
}

/** Goes on with Tab until something with these words has the focus. */
async function tabTo(words: string): Promise<void> {
  for (let n = 0; n < 60; n++) {
    if ((await focused()).includes(words)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never came to "${words}"`);
}

/** Drops a file of the page's own making on a place of the window. */
async function drop(selector: string): Promise<void> {
  await page
    .locator(selector)
    .first()
    .evaluate((element) => {
      const data = new DataTransfer();
      data.items.add(new File(["abc"], "dropped.txt"));
      const { left, top, width, height } = element.getBoundingClientRect();
      const at = { clientX: left + width / 2, clientY: top + height / 2, bubbles: true, cancelable: true, dataTransfer: data };
      element.dispatchEvent(new DragEvent("dragover", at));
      element.dispatchEvent(new DragEvent("drop", at));
    });
}

describe("by keyboard alone", () => {
  test("send files to two devices", async () => {
    await open("few");
    await tabTo("Jonas");
    await press(" ", "ArrowRight", " ", "Control+o");
    await page.locator("dialog").waitFor();
    expect(await page.locator("dialog input:checked").count()).toBe(2);
    await tabTo("Send to 2 devices");
    await press("Enter");
    await page.locator("dialog").waitFor({ state: "detached" });
    const [sent] = await asked("send");
    expect(sent?.["to"]).toHaveLength(2);
    expect(sent?.["content"]).toEqual({ kind: "handles", handles: ["handle-0", "handle-1"] });
  });

  test("arrows go around the grid, Enter opens a device, Escape comes back to it", async () => {
    await open("forty");
    await tabTo("Ana’s desktop");
    await press("ArrowRight", "ArrowDown");
    const before = await focused();
    await press("Enter");
    await page.locator("aside").waitFor();
    await press("Escape");
    await page.locator("aside").waitFor({ state: "detached" });
    expect(await focused()).toBe(before);
  });

  test("write a message from a device's panel", async () => {
    await open("one");
    await tabTo("Mira’s laptop");
    await press("Enter");
    await tabTo("Write to Mira’s laptop");
    await page.keyboard.type("See you at eight");
    await press("Enter");
    await expect.poll(async () => (await asked("send"))[0]?.["content"]).toEqual({ kind: "text", text: "See you at eight" });
    await page.locator(".messages", { hasText: "See you at eight" }).waitFor();
  });

  test("an offer does not take the focus; O goes to it, Enter accepts it", async () => {
    await open("offers");
    expect(await page.evaluate(() => document.activeElement === document.body)).toBe(true);
    await press("o");
    expect(await focused()).toBe("Accept");
    await press("Enter");
    await expect.poll(async () => (await asked("accept"))[0]?.["only"]).toEqual([]);
    expect((await asked("accept"))[0]?.["entries"]).toBeUndefined();
  });

  test("take part of an offer: only the ranges chosen are asked for", async () => {
    await open("offers");
    await tabTo("See what is in it");
    await press("Enter");
    await page.locator("[data-offer] .entry input").first().waitFor();
    // The list is one stop of Tab; inside it the arrows move and Space chooses.
    await page.locator("[data-offer] [data-row='0']").first().focus();
    await press("ArrowDown");
    await expect.poll(() => page.evaluate(() => (document.activeElement as HTMLElement).dataset["row"])).toBe("1");
    await press(" ");
    await tabTo("Accept 212 files");
    await press("Enter");
    await expect
      .poll(async () => (await asked("accept"))[0]?.["entries"])
      .toEqual([
        { start: 0, end: 102 },
        { start: 203, end: 317 },
      ]);
  });

  test("compare signs and trust", async () => {
    await open("few");
    await tabTo("Jonas");
    await press("Enter");
    await tabTo("Compare signs");
    await press("Enter");
    await page.locator("dialog ol").waitFor();
    expect(await page.locator("dialog li").count()).toBe(7);
    expect(await page.locator("dialog .digits").textContent()).toContain("482 913");
    await tabTo("They are the same");
    await press("Enter");
    await expect.poll(async () => (await asked("set_trust"))[0]).toMatchObject({ trust: "verified" });
  });

  test("pause, resume and cancel a transfer, and find it in the history", async () => {
    await open("busy");
    await press("2");
    await tabTo("Pause: Holidays in Galicia");
    await press("Enter");
    await tabTo("Resume: Holidays in Galicia");
    await press("Enter");
    await tabTo("Cancel: Holidays in Galicia");
    await press("Enter");
    await page.locator(".item", { hasText: "Cancelled" }).waitFor();
    await press("Control+f");
    expect(await focused()).toBe("Search the history");
    await page.keyboard.type("galicia mira");
    await expect.poll(() => page.locator(".transfers .main").count()).toBe(1);
    expect((await asked("cancel")).length).toBe(1);
  });

  test("a setting is in force at once", async () => {
    await open("few");
    await press("3");
    await tabTo("Visible to devices");
    await press(" ");
    await expect.poll(async () => (await asked("set_settings"))[0]?.["change"]).toEqual({ discoverable: false });
    await page.locator("[id$=-language]").selectOption("de");
    await page.locator("h1", { hasText: "Einstellungen" }).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("de");
    await page.locator("[id$=-scheme]").selectOption("dark");
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe("dark");
  });

  test("the keys are shown, and a sheet gives the focus back", async () => {
    await open("few");
    await tabTo("Jonas");
    const before = await focused();
    await press("?");
    await page.locator("dialog").waitFor();
    await press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    expect(await focused()).toBe(before);
  });

  test("the clipboard is sent", async () => {
    await open("few");
    await page.evaluate(() => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", "pasted words");
      window.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    });
    await page.locator("dialog textarea").waitFor();
    expect(await page.locator("dialog textarea").inputValue()).toBe("pasted words");
  });
});

describe("drops", () => {
  test("on a device are sent to it", async () => {
    await open("few");
    await drop("[data-device]");
    await expect.poll(async () => (await asked("send")).length).toBe(1);
    expect(await page.locator("dialog").count()).toBe(0);
    await page.locator(".card", { hasText: "Waiting for an answer" }).waitFor();
  });

  test("elsewhere ask who gets it", async () => {
    await open("few");
    await drop("h1");
    await page.locator("dialog", { hasText: "dropped.txt" }).waitFor();
    expect(await asked("send")).toEqual([]);
  });
});

describe("hostile names", () => {
  test.each([1200, 360])("are text, and the layout stays whole (%d px)", async (width) => {
    await open("hostile", { width });
    for (const name of Object.values(HOSTILE)) {
      const shown = await page
        .locator("[data-device] bdi")
        .filter({ hasText: printableName(name).slice(0, 20) })
        .count();
      expect(shown, name.slice(0, 20)).toBeGreaterThan(0);
    }
    for (const n of [0, 1, 2]) {
      await page.locator("nav ul button").nth(n).click();
      await page.waitForTimeout(200);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
      expect(await page.locator("img, iframe, object, embed, #app script, a[href^='http'], a[href^='javascript']").count()).toBe(
        0,
      );
      // No override of direction reaches the screen.
      expect(await page.evaluate(() => document.body.innerText.includes("\u202E"))).toBe(false);
    }
    expect(await page.title()).toBe("Shoal");
  });

  test("a text's links are shown and copied, never opened", async () => {
    await open("offers");
    const link = page.locator("[data-offer] .link");
    expect(await link.textContent()).toBe("https://example.org/somewhere?to=be");
    const before = page.url();
    await link.click();
    expect(page.url()).toBe(before);
    await page.locator("[data-offer] .message button").click();
    expect(await page.evaluate(() => (window as unknown as { shoalCopied: string }).shoalCopied)).toContain(
      "Bring the blue folder.",
    );
  });
});

test("a comparison that another device begins is offered, not thrown over what one does", async () => {
  await open("few");
  await page.evaluate(() => {
    const { shoalFake } = window as unknown as {
      shoalFake: {
        emit: (event: unknown) => void;
        request: (request: unknown) => Promise<{ devices: { id: string; name: string }[] }>;
      };
    };
    return shoalFake.request({ request: "devices" }).then(({ devices }) => {
      const peer = devices.find(({ name }) => name === "Jonas")?.id;
      shoalFake.emit({ event: "verifying", peer, sas_digits: "111 222", sas_emoji: "🐱 🐶 🦁 🐴 🐘 🐼 🐰" });
    });
  });
  const notice = page.locator(".notice", { hasText: "Jonas wants to compare signs" });
  await notice.waitFor();
  expect(await page.locator("dialog").count()).toBe(0);
  await notice.locator("button", { hasText: "Compare" }).click();
  await page.locator("dialog", { hasText: "111 222" }).waitFor();
});

test("German is complete on the screen", async () => {
  await open("busy", { language: "de-AT" });
  await page.locator("h1", { hasText: "In der Nähe" }).waitFor();
  await page.locator(".dock", { hasText: "unterwegs" }).waitFor();
});
