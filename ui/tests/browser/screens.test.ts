/**
 * Every view, light and dark, wide and narrow, and the main ones in German, with more contrast and in forced colours: nothing that a
 * checker of accessibility finds, nothing wider than the window, no complaint of the browser, and a picture of each for a person to
 * look at.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { close, Lab, SCREENS, type Opening } from "./page";
import { VIEWS, type ViewOf } from "./views";

let lab: Lab;

beforeAll(async () => {
  mkdirSync(SCREENS, { recursive: true });
  lab = await Lab.start();
});

afterAll(async () => {
  await lab.stop();
});

/** Buttons and fields of one header, toolbar or row of buttons that lie on one another or have words that do not fit. */
function overlaps(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    for (const group of document.querySelectorAll("header, footer, .buttons, .tools, .tabs, nav ul")) {
      const parts = [...group.querySelectorAll<HTMLElement>("button, input, h1, .sum")].filter((part) => part.checkVisibility());
      const boxes = parts.map((part) => part.getBoundingClientRect());
      for (const [n, a] of boxes.entries()) {
        const words = parts[n]?.textContent.trim() ?? "";
        if (parts[n] !== undefined && parts[n].scrollWidth > parts[n].clientWidth + 1) found.push(`"${words}" does not fit`);
        for (const [m, b] of boxes.slice(n + 1).entries()) {
          const [wide, high] = [
            Math.min(a.right, b.right) - Math.max(a.left, b.left),
            Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top),
          ];
          if (wide > 1 && high > 1) found.push(`"${words}" lies on "${parts[n + 1 + m]?.textContent.trim() ?? ""}"`);
        }
      }
    }
    return found;
  });
}

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

interface Look extends Omit<Opening, "scene"> {
  name: string;
  views: readonly ViewOf[];
}

const main = VIEWS.filter(({ main }) => main);
const schemes = ["light", "dark"] as const;
const LOOKS: readonly Look[] = [
  ...schemes.flatMap((scheme) =>
    [1200, 360].map((width) => ({ name: `${scheme}-${String(width)}`, scheme, width, views: VIEWS })),
  ),
  // Three columns in the least room that they have.
  { name: "light-1000", width: 1000, views: VIEWS.filter(({ name }) => /^(device|transfer)/.test(name)) },
  ...[1200, 360].map((width) => ({ name: `german-${String(width)}`, language: "de-DE", width, views: main })),
  ...schemes.map((scheme) => ({ name: `contrast-${scheme}`, scheme, contrast: "more" as const, views: main })),
  ...schemes.map((scheme) => ({ name: `forced-${scheme}`, scheme, forcedColors: "active" as const, views: main })),
];

for (const { name: look, views, ...opening } of LOOKS) {
  describe(look, () => {
    test.each(views)("$name", async ({ name, scene, show }) => {
      const before = lab.complaints.length;
      const page = await lab.open({ scene, ...opening, height: opening.width === 360 ? 720 : 780 });
      await show?.(page);
      await page.waitForTimeout(400);
      await page.screenshot({ path: join(SCREENS, `${name}-${look}.png`) });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect.soft(wide, "pixels wider than the window").toBeLessThanOrEqual(0);
      expect.soft((await overlaps(page)).join("\n"), "buttons and fields that lie on one another, or stick out").toBe("");
      expect.soft((await violations(page)).join("\n")).toBe("");
      expect.soft(lab.complaints.slice(before)).toEqual([]);
      await close(page);
    });
  });
}
