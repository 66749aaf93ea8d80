/** What people do in the Shared place, with the mouse and with the keyboard alone. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Hands } from "./hands";
import { fake, openFolder, openShared } from "./shared_views";
import { stage } from "./stage";

const onStage = stage();
let page: Page;
let hands: Hands;

async function open(scene = "shared", width = 1200): Promise<void> {
  ({ page, hands } = await onStage({ scene, width }));
}

function option(name: string): Locator {
  return page.locator(".box").getByRole("option", { name });
}

/** The option that keys mean, by its text. */
function meant(): Promise<string> {
  return page.evaluate(() => {
    const id = document.activeElement?.getAttribute("aria-activedescendant");
    return (id == null ? null : document.getElementById(id))?.querySelector("bdi")?.textContent ?? "";
  });
}

async function goTo(...folders: string[]): Promise<void> {
  await openFolder(page, "Pictures", ...folders);
}

describe("own folders", () => {
  test("a folder is shared for those who were chosen, and its risks are told before", async () => {
    await open();
    await openShared(page);
    await page.evaluate(() => Object.assign((window as unknown as { shoalFake: object }).shoalFake, { chosenFolder: "ana" }));
    await page.getByRole("button", { name: "Share a folder" }).click();
    await page.locator("aside [role=alert]", { hasText: "home folder" }).waitFor();
    await page.getByRole("radio", { name: /Everyone/ }).check();
    await page.getByRole("switch", { name: /Let them add/ }).check();
    await page.locator("aside [role=alert]", { hasText: "Anybody in your network" }).waitFor();
    await page.locator("aside").getByLabel("Name").fill("Letters");
    await page.getByRole("button", { name: "Share all the same" }).click();
    await page.locator("[data-own=Letters]").waitFor();
    const [asked] = await hands.asked("add_share");
    expect(asked).toMatchObject({ handle: "handle-0", name: "Letters", for: ["everyone"], write: true, hidden: false });
    expect(asked).not.toHaveProperty("path");
  });

  test("a share's rights change at once, and it is shared no more only after it was asked", async () => {
    await open();
    await openShared(page);
    await page.locator("[data-own=Recipes]").click();
    await page.getByRole("radio", { name: "Devices that you choose" }).check();
    await page.getByRole("checkbox", { name: "Studio" }).check();
    await expect
      .poll(async () => (await hands.asked("change_share")).map(({ change }) => change))
      .toMatchObject([{ for: [] }, {}]);
    await page.locator("aside").getByLabel("Name").fill("Cooking");
    await hands.press("Enter");
    await page.locator("[data-own=Cooking]", { hasText: "Studio" }).waitFor();
    await page.getByRole("switch", { name: /Pause/ }).check();
    await page.locator("[data-own=Cooking]", { hasText: "Paused" }).waitFor();
    await page.getByRole("button", { name: "Stop sharing…" }).click();
    expect(await hands.asked("remove_share")).toEqual([]);
    await page.getByRole("button", { name: "Stop sharing", exact: true }).click();
    await page.locator("[data-own=Cooking]").waitFor({ state: "detached" });
    expect((await hands.asked("remove_share"))[0]).toMatchObject({ share: "Cooking" });
  });

  test("a page in a browser says which command shares a folder", async () => {
    await open("shared_browser");
    await openShared(page);
    expect(await page.getByRole("button", { name: "Share a folder" }).count()).toBe(0);
    await page.getByRole("button", { name: "Copy the command" }).click();
    expect(await page.evaluate(() => (window as unknown as { shoalCopied: string }).shoalCopied)).toContain("shoal share add");
  });
});

describe("by mouse", () => {
  test("folders open, the way leads back and forward, and what was chosen is fetched", async () => {
    await open();
    await goTo("Holidays in Galicia");
    await option("Beach").click();
    await option("Map of").click({ modifiers: ["Control"] });
    await page.locator(".foot", { hasText: "2 chosen, 3.4 MB" }).waitFor();
    await page.locator(".foot").getByRole("button", { name: "Fetch", exact: true }).click();
    await expect
      .poll(async () => (await hands.asked("get"))[0])
      .toMatchObject({ path: "/Pictures/Holidays in Galicia", names: ["Beach.svg", "Map of the coast.pdf"] });
    await page.locator(".notice", { hasText: "Fetching 2 things from Mira’s laptop" }).waitFor();
    await page.locator(".dock", { hasText: "moving" }).waitFor();
    await page.getByRole("button", { name: "Back", exact: true }).click();
    await option("Budget").waitFor();
    await page.getByRole("button", { name: "Forward", exact: true }).click();
    await option("Beach").waitFor();
    await page.locator("nav[aria-label=Path]").getByRole("button", { name: "Shared" }).click();
    await page.locator(".overview").waitFor();
    // The buttons of the mouse that go back and forward.
    await page.locator(".main h1").evaluate((at) => at.dispatchEvent(new MouseEvent("mouseup", { button: 3, bubbles: true })));
    await option("Beach").waitFor();
  });

  test("Fetch into… puts it into the folder that was chosen; the menu of a file saves it", async () => {
    await open();
    await goTo();
    await option("README").click({ button: "right" });
    await page.getByRole("menuitem", { name: "Fetch into…" }).click();
    await expect.poll(async () => (await hands.asked("get"))[0]).toMatchObject({ names: ["README.md"], into_handle: "handle-0" });
    await option("README").click({ button: "right" });
    await page.getByRole("menuitem", { name: "Save" }).click();
    expect(await page.evaluate(() => (window as unknown as { shoalSaved: string }).shoalSaved)).toBe("/Pictures/README.md");
  });

  test("a folder of 100,000 is sorted by its owner, searched by its owner, and shows any place of it", async () => {
    await open();
    await goTo("Every picture");
    await page.locator(".foot", { hasText: "100,000 things" }).waitFor();
    await page.getByRole("button", { name: "Size" }).click();
    await expect.poll(async () => (await hands.asked("look")).at(-1)).toMatchObject({ sort: "size", descending: true });
    await page.getByRole("button", { name: "Name" }).click();
    await option("IMG_000001.jpg").waitFor();
    await page.locator(".box").evaluate((box) => (box.scrollTop = box.scrollHeight / 2));
    await option("IMG_050000.jpg").waitFor();
    for (const { limit } of await hands.asked("look")) expect(limit).toBeLessThanOrEqual(512);
    await page.getByRole("searchbox", { name: "Find in this folder" }).fill("0999 jpg");
    await page.locator(".foot", { hasText: "118 things" }).waitFor();
    expect((await hands.asked("look")).at(-1)).toMatchObject({ find: "0999 jpg" });
  });

  test("what the owner does is seen at once; what is chosen and where one is stays", async () => {
    await open();
    await goTo("Every picture");
    await page.locator(".box").evaluate((box) => (box.scrollTop = 36 * 500));
    await option("IMG_000505.jpg").click();
    await fake(page, (fake) => fake.sharing.addFile("Mira’s laptop", "/Pictures/Every picture", "AAA.jpg"));
    await page.locator(".foot", { hasText: "1 chosen" }).waitFor();
    await expect.poll(() => option("IMG_000505.jpg").getAttribute("aria-posinset")).toBe("506");
    expect(await option("IMG_000505.jpg").getAttribute("aria-selected")).toBe("true");
    expect(await page.locator(".box").evaluate((box) => box.scrollTop)).toBe(36 * 500);
    expect(await meant()).toBe("IMG_000505.jpg");
  });

  test("a device that goes away comes back by itself; a folder that is not shared any more says so", async () => {
    await open();
    await openFolder(page, "For the team");
    await fake(page, (fake) => fake.setOnline("Mira’s laptop", false));
    await page.locator(".trouble", { hasText: "Mira’s laptop is not here now" }).waitFor();
    await option("Minutes of Monday").waitFor();
    await fake(page, (fake) => fake.setOnline("Mira’s laptop", true));
    await page.locator(".trouble").waitFor({ state: "detached" });
    await fake(page, (fake) => fake.sharing.addFile("Mira’s laptop", "/For the team", "New.txt"));
    await option("New.txt").waitFor();
    await fake(page, (fake) => fake.sharing.unshare("Mira’s laptop", "For the team"));
    await page.locator(".trouble", { hasText: "For the team is not there any more" }).waitFor();
  });

  test("what was found opens its folder, and the way back leads to what was found", async () => {
    await open();
    await openShared(page);
    await page.getByRole("searchbox").fill("song");
    await option("Song of the ferry").waitFor();
    await page.locator(".hit", { hasText: "The same on 2 devices" }).waitFor();
    await page.getByLabel("Any kind").selectOption("document");
    await page.locator(".none", { hasText: "Nothing is called" }).waitFor();
    await page.getByLabel("Any kind").selectOption("audio");
    await option("Song of the ferry").click({ button: "right" });
    await page.getByRole("menuitem", { name: "Open its folder" }).click();
    await option("Harbour").waitFor();
    await page.getByRole("button", { name: "Back", exact: true }).click();
    await option("Song of the ferry").waitFor();
    expect((await hands.asked("search")).at(-1)).toMatchObject({ text: "song", kind: "audio" });
  });

  test("a film plays, and what can't be shown says so in words", async () => {
    await open();
    await goTo("Holidays in Galicia");
    await option("Waves").dblclick();
    const film = page.locator("dialog video");
    await hands.press(" ");
    await expect.poll(() => film.evaluate((video: HTMLVideoElement) => video.currentTime)).toBeGreaterThan(0.1);
    await hands.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Back", exact: true }).click();
    await option("Damaged").dblclick();
    await page.locator("dialog [role=alert]", { hasText: "Damaged.jpg can't be shown here." }).waitFor();
  });
});

describe("drops and pastes", () => {
  let source: string;
  beforeAll(() => {
    source = mkdtempSync(join(tmpdir(), "shoal-shared-"));
    writeFileSync(join(source, "dropped.txt"), "abc");
    mkdirSync(join(source, "Trip"));
    writeFileSync(join(source, "Trip/a.txt"), "abc");
  });
  afterAll(() => rmSync(source, { recursive: true }));

  test("on a folder that takes files are added to it", async () => {
    await open();
    await openFolder(page, "For the team");
    await hands.drop(".box", [join(source, "dropped.txt")]);
    await expect
      .poll(async () => (await hands.asked("add_to"))[0])
      .toMatchObject({ path: "/For the team", content: { kind: "handles", handles: ["handle-0"] } });
    expect(await hands.asked("send")).toEqual([]);
  });

  test("on a folder that takes none say so, and nothing is uploaded", async () => {
    await open();
    await goTo();
    await hands.drop(".box", [join(source, "dropped.txt")]);
    await page.locator(".notice", { hasText: "Pictures takes no files from you" }).waitFor();
    expect(await hands.dropped()).toEqual([]);
  });

  test("of a folder on the place of one's own share it", async () => {
    await open();
    await openShared(page);
    await hands.drop(".overview", [join(source, "Trip")]);
    await page.locator("aside h2", { hasText: "Share a folder" }).waitFor();
    expect(await page.locator("aside").getByLabel("Name").inputValue()).toBe("Trip");
  });

  test("a file dragged out of the list names where it is to be had", async () => {
    await open();
    await goTo();
    const said = (name: string): Promise<string> =>
      option(name).evaluate((at) => {
        const dataTransfer = new DataTransfer();
        at.dispatchEvent(new DragEvent("dragstart", { bubbles: true, cancelable: true, dataTransfer }));
        return dataTransfer.getData("DownloadURL");
      });
    expect(await said("README")).toMatch(/^application\/octet-stream:README\.md:data:.*&save=1$/);
    expect(await said("Every picture")).toBe("");
  });
});

describe("by keyboard alone", () => {
  test("open a folder, choose several, fetch them, and go back", async () => {
    await open();
    await hands.press("2");
    await hands.tabTo("100,573 files");
    await hands.press("Enter");
    await option("Budget").waitFor();
    await page.locator(".box").focus();
    await hands.press("ArrowDown");
    expect(await meant()).toBe("Holidays in Galicia");
    await hands.press("Enter");
    await option("Beach").waitFor();
    await page.locator(".box").focus();
    await hands.press(
      "End",
      "Home",
      "ArrowDown",
      "ArrowDown",
      "ArrowDown",
      "Shift+ArrowDown",
      "Control+ArrowDown",
      "Control+ArrowDown",
    );
    await hands.press("Control+Space");
    await page.locator(".foot", { hasText: "3 chosen" }).waitFor();
    await hands.press("Shift+F10");
    await page.locator("[role=menu]").waitFor();
    await hands.press("Enter");
    await expect
      .poll(async () => (await hands.asked("get"))[0]?.["names"])
      .toEqual(["Beach.svg", "Harbour at night.svg", "IMG_4022.jpg"]);
    await hands.press("Escape");
    await page.locator(".foot", { hasText: "chosen" }).waitFor({ state: "detached" });
    await hands.press("Backspace");
    await option("Budget").waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("listbox");
    expect(await meant()).toBe("Holidays in Galicia");
    await hands.press("Alt+ArrowLeft");
    await option("Beach").waitFor();
    await hands.press("Alt+ArrowUp", "Alt+ArrowUp");
    await option("For the team").waitFor();
  });

  test("letters find in the folder, all is fetched as the folder, and arrows go from file to file", async () => {
    await open();
    await goTo("Holidays in Galicia");
    await page.locator(".box").focus();
    await page.keyboard.type("beach");
    expect(await page.evaluate(() => (document.activeElement as HTMLInputElement).value)).toBe("beach");
    await page.locator(".foot", { hasText: "1 thing" }).waitFor();
    await hands.press("Enter", "Home", "Enter");
    await page.locator("dialog img").waitFor();
    await hands.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("listbox");
    await hands.press("Escape", "Escape");
    await option("Waves").waitFor();
    await hands.press("Control+a");
    await page.locator(".foot", { hasText: "15 chosen" }).waitFor();
    await hands.tabTo("Fetch");
    await page.locator(".foot").getByRole("button", { name: "Fetch", exact: true }).focus();
    await hands.press("Enter");
    await expect
      .poll(async () => (await hands.asked("get"))[0])
      .toMatchObject({ path: "/Pictures/Holidays in Galicia", names: [] });
    await page.locator(".box").focus();
    await hands.press("Home", "ArrowDown", "ArrowDown", "ArrowDown", " ");
    await page.locator("dialog h2", { hasText: "Beach" }).waitFor();
    await hands.press("ArrowRight");
    await page.locator("dialog h2", { hasText: "Harbour" }).waitFor();
    await hands.press("ArrowLeft");
    await page.locator("dialog h2", { hasText: "Beach" }).waitFor();
    await hands.press(" ");
    await page.locator("dialog").waitFor({ state: "detached" });
    expect(await meant()).toBe("Beach.svg");
  });

  test("search everything, look at a hit, and fetch it", async () => {
    await open();
    await hands.press("2", "Control+f");
    await page.keyboard.type("packing");
    await option("Packing list").waitFor();
    await hands.press("ArrowDown");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("listbox");
    await hands.press("Enter");
    await page.locator("dialog pre", { hasText: "Rain jackets" }).waitFor();
    expect(await page.locator("dialog pre b").count()).toBe(0);
    expect(await page.evaluate(() => document.body.innerText.includes("\u202E"))).toBe(false);
    await hands.tabTo("Fetch");
    await hands.press("Enter");
    await expect
      .poll(async () => (await hands.asked("get"))[0])
      .toMatchObject({ path: "/Pictures/Holidays in Galicia", names: ["Packing list.txt"] });
    await page.locator("dialog .notice", { hasText: "Fetching Packing list.txt from Mira’s laptop" }).waitFor();
    await hands.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    await hands.press("Control+Enter");
    await option("Harbour").waitFor();
  });

  test("share a folder, and let it be", async () => {
    await open();
    await hands.press("2");
    await hands.tabTo("Share a folder");
    await hands.press("Enter");
    await page.locator("aside").waitFor();
    await hands.tabTo("Share");
    await page.locator("aside").getByRole("button", { name: "Share", exact: true }).focus();
    await hands.press("Enter");
    await page.locator("[data-own]", { hasText: "Holidays in Galicia" }).waitFor();
    await hands.tabTo("Holidays in Galicia");
    await hands.press("Enter");
    await hands.tabTo("Stop sharing…");
    await hands.press("Enter", "Enter");
    await page.locator("[data-own]", { hasText: "Holidays in Galicia" }).waitFor({ state: "detached" });
  });
});
