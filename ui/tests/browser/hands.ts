/** What a person at the window does, and what the fake host heard of it. */
import type { Page } from "playwright-core";

export interface Asked {
  request: string;
  [key: string]: unknown;
}

/** Somebody at one page. */
export class Hands {
  constructor(readonly page: Page) {}

  /** What the UI asked of its host. */
  async asked(request: string): Promise<Asked[]> {
    const all = await this.page.evaluate(() => (window as unknown as { shoalFake: { asked: unknown[] } }).shoalFake.asked);
    return (all as Asked[]).filter((one) => one.request === request);
  }

  /** The paths of what was dropped. */
  dropped(): Promise<string[]> {
    return this.page.evaluate(() => (window as unknown as { shoalFake: { dropped: string[] } }).shoalFake.dropped);
  }

  async press(...keys: string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** What has the focus, by its accessible text. */
  focused(): Promise<string> {
    return this.page.evaluate(() => {
      const element = document.activeElement;
      if (!(element instanceof HTMLElement) || !element.matches("button, input, select, textarea, a, summary")) return "";
      const { labels } = element as HTMLInputElement;
      return element.getAttribute("aria-label") ?? labels?.[0]?.textContent ?? element.innerText;
    });
  }

  /** Goes on with Tab until something with these words has the focus. */
  async tabTo(words: string): Promise<void> {
    for (let n = 0; n < 60; n++) {
      if ((await this.focused()).includes(words)) return;
      await this.page.keyboard.press("Tab");
    }
    throw new Error(`Tab never came to "${words}"`);
  }

  /** Drops files and folders of the disk on a place of the window, as a file manager does. */
  async drop(selector: string, files: readonly string[]): Promise<void> {
    const box = await this.page.locator(selector).first().boundingBox();
    if (box === null) throw new Error(`there is no ${selector}`);
    const browser = await this.page.context().newCDPSession(this.page);
    const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    const data = { items: [], files: [...files], dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      await browser.send("Input.dispatchDragEvent", { type, ...at, data });
    }
    await browser.detach();
  }
}
