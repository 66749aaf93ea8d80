/**
 * Every view, light and dark, wide and narrow: nothing that a checker of accessibility finds, nothing wider than the window, no
 * complaint of the browser, and a picture of each for a person to look at.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { close, Lab, SCREENS } from "./page";
import { VIEWS } from "./views";

let lab: Lab;

beforeAll(async () => {
  mkdirSync(SCREENS, { recursive: true });
  lab = await Lab.start();
});

afterAll(async () => {
  await lab.stop();
});

/** What axe finds. It is put into the page past the page's own policy, as an extension would be. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { axe: checker } = window as unknown as { axe: typeof axe };
    return (await checker.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }))
      .violations;
  });
  return found.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}: ${nodes
        .map((node) => node.target.join(" "))
        .slice(0, 3)
        .join(" | ")}`,
  );
}

for (const scheme of ["light", "dark"] as const) {
  for (const width of [1200, 360]) {
    describe(`${scheme}, ${String(width)} px`, () => {
      test.each(VIEWS)("$name", async ({ name, scene, show }) => {
        const before = lab.complaints.length;
        const page = await lab.open({ scene, scheme, width, height: width === 360 ? 720 : 780 });
        await show?.(page);
        await page.waitForTimeout(400);
        await page.screenshot({ path: join(SCREENS, `${name}-${scheme}-${String(width)}.png`) });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect.soft(wide, "pixels wider than the window").toBeLessThanOrEqual(0);
        expect.soft(await violations(page)).toEqual([]);
        expect.soft(lab.complaints.slice(before)).toEqual([]);
        await close(page);
      });
    });
  }
}
