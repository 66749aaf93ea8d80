/** Links to files: made, shown, handed on, removed, opened. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import type { Hands } from "./hands";
import { chooseForLink, openShared } from "./shared_views";
import { stage } from "./stage";

const onStage = stage();
let page: Page;
let hands: Hands;

async function open(scene = "shared"): Promise<void> {
  ({ page, hands } = await onStage({ scene }));
  await openShared(page);
}

function copied(): Promise<string> {
  return page.evaluate(() => (window as unknown as { shoalCopied: string }).shoalCopied);
}

describe("own links", () => {
  test("a link is made of what was chosen, for as long as was chosen, and handed on", async () => {
    await open();
    await chooseForLink(page, "To files…");
    await page.getByRole("radio", { name: "for a day" }).check();
    await page.getByRole("switch", { name: /Only on this network/ }).check();
    await page.getByRole("button", { name: "Make a link" }).last().click();
    await page.getByRole("progressbar").waitFor();
    await page.getByRole("heading", { name: "The link is ready" }).waitFor();
    const [asked] = await hands.asked("create_link");
    expect(asked).toMatchObject({ content: { kind: "handles" }, lan_only: true, expires_s: 86_400 });
    expect(asked).not.toHaveProperty("paths");
    await page.getByRole("button", { name: "Copy the link" }).last().click();
    const text = await page.getByLabel("Link", { exact: true }).inputValue();
    expect(text).toMatch(/^shoal:/);
    expect(await copied()).toBe(text);
    await hands.press("Escape");
    await page.locator("[data-link=c0]", { hasText: "only on this network" }).waitFor();
  });

  test("making is stopped when its sheet is closed, and nothing is said of it", async () => {
    await open();
    await chooseForLink(page, "To a folder…");
    await page.getByRole("button", { name: "Make a link" }).last().click();
    await page.getByRole("progressbar").waitFor();
    await hands.press("Escape");
    await expect.poll(() => hands.asked("stop_link")).toMatchObject([{ making: 0 }]);
    await page.waitForTimeout(500);
    expect(await page.locator("[data-link]").count()).toBe(2);
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("what keeps a link from being made is said", async () => {
    await open();
    await page.evaluate(() =>
      Object.assign((window as unknown as { shoalFake: { links: object } }).shoalFake.links, {
        failsWith: "Plan of the flat.pdf changed while it was read: try again",
      }),
    );
    await chooseForLink(page, "To files…");
    await page.getByRole("button", { name: "Make a link" }).last().click();
    await page.getByText("changed while it was read").waitFor();
    expect(await page.locator("dialog").count()).toBe(0);
  });

  test("one is removed only after it was asked, by keys alone", async () => {
    await open();
    await page
      .locator("[data-link=b7]")
      .getByRole("button", { name: /Remove/ })
      .focus();
    await hands.press("Enter");
    expect(await hands.asked("remove_link")).toEqual([]);
    await hands.press("Enter");
    await page.locator("[data-link=b7]").waitFor({ state: "detached" });
    expect(await hands.asked("remove_link")).toMatchObject([{ id: "b7" }]);
  });

  test("a file of it that changed is told of", async () => {
    await open();
    await page.locator("[data-link=a3]", { hasText: "Make a new link" }).waitFor();
  });
});

describe("a link of somebody's", () => {
  async function paste(text: string): Promise<void> {
    await page.locator("nav ul button").first().click();
    await page.getByRole("button", { name: "Add a device", exact: false }).first().click();
    await page.getByLabel("Link or address").fill(text);
    await hands.press("Enter");
  }

  test("it shows what would come, and waits for a person", async () => {
    await open();
    const link = `SHOAL:${"ABCDEFGH".repeat(8)}`;
    await paste(link);
    await page.locator("[data-offer]", { hasText: "by a link: 1,240 files" }).waitFor();
    expect(await hands.asked("preview_link")).toMatchObject([{ link }]);
    expect(await hands.asked("find")).toEqual([]);
    await page.getByRole("button", { name: "Accept" }).click();
    await page.locator("[data-offer]").waitFor({ state: "detached" });
  });

  test("one that is damaged is told from one of a device", async () => {
    await open();
    await paste("shoal:abc");
    await page.getByRole("alert").filter({ hasText: "damaged" }).waitFor();
    await page.getByLabel("Link or address").fill("shoal:peer/abc");
    await page.getByRole("button", { name: "Find" }).waitFor();
  });
});

describe("sending", () => {
  test("everyone nearby gets it at once", async () => {
    await open();
    await page.locator("nav ul button").first().click();
    await page.getByRole("button", { name: "Send", exact: true }).first().click();
    await page.getByRole("menuitem", { name: /text/i }).click();
    await page.locator("dialog textarea").fill("Lunch is ready");
    const everyone = page.getByRole("checkbox", { name: /Everyone nearby/ });
    await everyone.check();
    const count = await page.locator("dialog input[type=checkbox]:checked").count();
    await hands.press("Control+Enter");
    const [asked] = await hands.asked("send");
    expect((asked?.["to"] as string[]).length).toBe(count - 1);
    expect(count).toBeGreaterThan(2);
  });
});
