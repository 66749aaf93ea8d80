/** Somebody at a browser: opens the link of a running Shoal and does with mouse or keyboard what people do. */
import { strict as assert } from "node:assert";
import { chromium } from "playwright-core";

/** For what takes a moment; a build server is slow, and a hang is a failure all the same. */
const SOON_MS = 30_000;

export class Person {
  /** What the page complained of: errors, and what its policy refused. */
  complaints = [];

  constructor(name, browser, page) {
    this.name = name;
    this.browser = browser;
    this.page = page;
    page.setDefaultTimeout(SOON_MS);
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
    // Nothing that a page shows may call up a dialog: names and texts come from anybody.
    page.on("dialog", (dialog) => {
      this.complaints.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }

  /** `program` is the Chromium of the host that this person sits at. */
  static async sitDown({ name, link, program }, args = []) {
    const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", ...args] });
    const context = await browser.newContext({
      viewport: { width: 1200, height: 800 },
      locale: "en-US",
      ignoreHTTPSErrors: true,
    });
    const person = new Person(name, browser, await context.newPage());
    // While somebody listens, dialogs are caught from the first on: asking for the next one alone is slower than a key.
    person.page.on("filechooser", () => {});
    await person.page.goto(link);
    await person.page.getByRole("navigation", { name: "Places" }).waitFor();
    return person;
  }

  async getUp() {
    await this.browser.close();
  }

  async go(place) {
    await this.page.getByRole("navigation", { name: "Places" }).getByText(place, { exact: true }).click();
  }

  /** The card of a device that is here. */
  card(id) {
    return this.page.locator(`[data-device="${id}"]:not(.away)`);
  }

  /** Presses something that asks for files, and chooses these. */
  async choose(button, paths) {
    const chooser = this.page.waitForEvent("filechooser");
    await button.click();
    await (await chooser).setFiles(paths);
  }

  /** Sends files to a device from its own panel. */
  async sendFiles(id, paths) {
    await this.card(id).locator("button.open").click();
    await this.choose(this.page.getByRole("button", { name: "Send files" }), paths);
  }

  /** Opens the menu of everything that can be sent, and takes one way. */
  sendMenu(way) {
    const item = this.page.getByRole("menuitem", { name: way });
    return {
      click: async () => (await this.page.getByRole("button", { name: "Send", exact: true }).first().click(), item.click()),
    };
  }

  /** Drops files that hold these texts on a device. */
  async drop(id, files) {
    const transfer = await this.page.evaluateHandle((files) => {
      const transfer = new DataTransfer();
      for (const [name, content] of files) transfer.items.add(new File([content], name));
      return transfer;
    }, files);
    const box = await this.card(id).boundingBox();
    const at = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
    for (const type of ["dragover", "drop"]) await this.card(id).dispatchEvent(type, { dataTransfer: transfer, ...at });
  }

  /** Drops files and folders of the disk on a device, as a file manager does. */
  async dropFromDisk(id, paths) {
    const box = await this.card(id).boundingBox();
    const browser = await this.page.context().newCDPSession(this.page);
    const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    const data = { items: [], files: paths, dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) await browser.send("Input.dispatchDragEvent", { type, ...at, data });
    await browser.detach();
  }

  async press(...keys) {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** What has the focus, by its accessible text. */
  focused() {
    return this.page.evaluate(() => {
      const element = document.activeElement;
      if (!element?.matches("button, input, select, textarea, summary")) return "";
      return element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.innerText;
    });
  }

  /** Goes on with Tab until something with these words has the focus; what they stand on may still be on its way. */
  async tabTo(words) {
    const until = Date.now() + SOON_MS;
    while (!(await this.focused()).includes(words)) {
      assert.ok(Date.now() < until, `Tab never came to "${words}"`);
      await this.page.keyboard.press("Tab");
    }
  }

  /** Answers the offer with the keyboard alone. */
  async answerByKeys(button) {
    await this.offer().waitFor();
    await this.press("o");
    if (button === "Decline") await this.press("Shift+Tab");
    await this.tabTo(button);
    await this.press("Enter");
    await this.offer().waitFor({ state: "detached" });
  }

  /** Opens a folder that somebody near shares. */
  async openShare(name) {
    await this.go("Shared");
    await this.page.locator(".shelf .share", { hasText: name }).click();
    await this.page.locator(".foot").waitFor();
  }

  /** An item of a folder, or a hit of a search. */
  item(name) {
    return this.page.getByRole("option", { name }).first();
  }

  /** Waits until there is something to see in an image. */
  async picture(image) {
    await image.waitFor();
    const until = Date.now() + SOON_MS;
    while ((await image.evaluate(({ naturalWidth }) => naturalWidth)) === 0) {
      assert.ok(Date.now() < until, "there is no picture");
      await this.page.waitForTimeout(50);
    }
  }

  /** Goes on with Tab until the list has the focus. */
  async tabToList() {
    const until = Date.now() + SOON_MS;
    while (!(await this.page.evaluate(() => document.activeElement?.matches("[role=listbox]")))) {
      assert.ok(Date.now() < until, "Tab never came to the list");
      await this.page.keyboard.press("Tab");
    }
  }

  /** Waits in Transfers until what was fetched is there. */
  async fetched(name) {
    await this.go("Transfers");
    await this.page
      .getByRole("button", { name: new RegExp(`^Save: .*(${name.source})`) })
      .first()
      .waitFor();
  }

  /** The offer that waits for an answer. */
  offer() {
    return this.page.locator("[data-offer]").first();
  }

  async answer(button) {
    await this.offer().getByRole("button", { name: button, exact: true }).click();
    await this.offer().waitFor({ state: "detached" });
  }

  /** A button of a transfer's row; the place must be Transfers. */
  action(action, name) {
    return this.page.getByRole("button", { name: `${action}: ${name}`, exact: true });
  }

  /** The row of a transfer, when it says `words`; `.when` is in it once that is over. */
  row(name, words) {
    return this.page
      .locator(".row")
      .filter({ has: this.page.locator(".name", { hasText: name }) })
      .filter({ hasText: words })
      .first();
  }

  /** What is on the page, for a failure's message. */
  async story() {
    const text = await this.page.locator("body").innerText();
    return `${this.name} sees:\n${text}\ncomplaints: ${JSON.stringify(this.complaints)}`;
  }
}
