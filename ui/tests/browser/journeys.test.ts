/** What people do with the mouse; and names that try to be more than names. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HOSTILE } from "../../src/lib/backend/fake/scenes";
import { printableName } from "../../src/lib/parts/text";
import type { Hands } from "./hands";
import type { Opening } from "./page";
import { stage } from "./stage";

const onStage = stage();
let page: Page;
let hands: Hands;

async function open(scene: string, more: Partial<Opening> = {}): Promise<void> {
  ({ page, hands } = await onStage({ scene, ...more }));
}

describe("drops", () => {
  let source: string;
  beforeAll(() => {
    source = mkdtempSync(join(tmpdir(), "shoal-drop-"));
    writeFileSync(join(source, "dropped.txt"), "abc");
    mkdirSync(join(source, "Trip/Day 1"), { recursive: true });
    mkdirSync(join(source, "Trip/empty"));
    // Browsers hand a folder out a hundred at a time.
    for (let n = 0; n < 230; n++) writeFileSync(join(source, `Trip/Day 1/${String(n)}.jpg`), "x");
    writeFileSync(join(source, "Trip/<b>ü.txt"), "abc");
  });
  afterAll(() => rmSync(source, { recursive: true }));

  test("on a device are sent to it", async () => {
    await open("few");
    await hands.drop("[data-device]", [join(source, "dropped.txt")]);
    await expect.poll(async () => (await hands.asked("send")).length).toBe(1);
    expect(await page.locator("dialog").count()).toBe(0);
    await page.locator(".card", { hasText: "Waiting for an answer" }).waitFor();
  });

  test("of a folder are sent whole, with all that is below it", async () => {
    await open("few");
    await hands.drop("[data-device]", [join(source, "Trip"), join(source, "dropped.txt")]);
    await expect
      .poll(async () => (await hands.asked("send"))[0]?.["content"], { timeout: 10_000 })
      .toEqual({
        kind: "handles",
        handles: ["handle-0", "handle-1"],
      });
    const found = await hands.dropped();
    expect(found).toHaveLength(233);
    expect(found).toEqual(
      expect.arrayContaining(["Trip/Day 1/0.jpg", "Trip/Day 1/229.jpg", "Trip/<b>ü.txt", "Trip/empty", "dropped.txt"]),
    );
  });

  test("say how far they are while they go from the browser to the device", async () => {
    await open("few");
    writeFileSync(join(source, "large.bin"), Buffer.alloc(60_000_000));
    await hands.drop("[data-device]", [join(source, "large.bin")]);
    const bar = page.getByRole("progressbar", { name: "Taking it in…" });
    await bar.waitFor();
    await page.locator(".taking", { hasText: /of 60\sMB/ }).waitFor();
    await expect.poll(async () => Number(await bar.getAttribute("aria-valuenow"))).toBeGreaterThan(10);
    await bar.waitFor({ state: "detached" });
    await expect.poll(async () => (await hands.asked("send")).length).toBe(1);
  });

  test("elsewhere ask who gets it", async () => {
    await open("few");
    await hands.drop("h1", [join(source, "dropped.txt")]);
    await page.locator("dialog", { hasText: "dropped.txt" }).waitFor();
    expect(await hands.asked("send")).toEqual([]);
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
    for (const n of [0, 1, 2, 3]) {
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

test("a transfer is found by its name, whoever looks", async () => {
  await open("busy");
  await page.locator("nav ul button").nth(2).click();
  await page.getByRole("listitem", { name: "Holidays in Galicia" }).first().waitFor();
  const row = page.getByRole("button", { name: "Holidays in Galicia", exact: true });
  await row.click();
  await page.getByRole("complementary", { name: "Holidays in Galicia" }).waitFor();
});

test("settings that change elsewhere are shown here at once, but not from under one's fingers", async () => {
  await open("few");
  await page.locator("nav ul button").nth(3).click();
  const elsewhere = (change: Record<string, unknown>): Promise<void> =>
    page.evaluate(async (change) => {
      const { shoalFake } = window as unknown as { shoalFake: { request: (request: unknown) => Promise<unknown> } };
      await shoalFake.request({ request: "set_settings", change });
    }, change);
  const name = page.getByLabel("Name");
  await elsewhere({ name: "Gannet", discoverable: false, colour: 4 });
  await expect.poll(() => name.inputValue()).toBe("Gannet");
  await page.locator("nav .me", { hasText: "Gannet" }).waitFor();
  expect(await page.getByRole("switch", { name: "Visible to devices" }).isChecked()).toBe(false);
  expect(await page.getByRole("radio", { name: "Lime" }).isChecked()).toBe(true);
  await name.fill("Half a na");
  await elsewhere({ name: "Puffin" });
  await page.locator("nav .me", { hasText: "Puffin" }).waitFor();
  expect(await name.inputValue()).toBe("Half a na");
});
