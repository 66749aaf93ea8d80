/** Motion says where things went, and none is where people want none. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { close, Lab } from "./page";

let lab: Lab;

beforeAll(async () => {
  lab = await Lab.start();
});
afterAll(async () => {
  await lab.stop();
});

/** What makes something move. */
const MOVES: readonly [what: string, scene: string, act: (page: Page) => Promise<void>][] = [
  ["devices show up, as somebody looks around", "joining", () => Promise.resolve()],
  ["an offer comes in", "offers", () => Promise.resolve()],
  ["a panel opens", "few", (page) => page.locator("[data-device] .open").first().click()],
  ["a sheet opens", "few", (page) => page.keyboard.press("?")],
  ["a notice is shown", "few", (page) => page.keyboard.press("Control+v")],
  ["a transfer moves", "busy", (page) => page.keyboard.press("2")],
];

/** The names of what moved within a second; a change of colour is none. */
async function moved(page: Page, act: (page: Page) => Promise<void>): Promise<string[]> {
  await page.evaluate(() => {
    const seen = new Set<string>();
    Object.assign(window, { shoalMoved: seen });
    const look = (): void => {
      for (const animation of document.getAnimations()) {
        const lasts = Number(animation.effect?.getComputedTiming().duration ?? 0);
        const { animationName, transitionProperty } = animation as CSSAnimation & CSSTransition;
        const moves = animationName !== undefined || transitionProperty === "transform" || animation.constructor === Animation;
        if (lasts > 0 && moves) seen.add(animationName ?? transitionProperty ?? "script");
      }
      requestAnimationFrame(look);
    };
    look();
  });
  await act(page);
  await page.waitForTimeout(1_000);
  return page.evaluate(() => [...(window as unknown as { shoalMoved: Set<string> }).shoalMoved]);
}

describe("when", () => {
  test.each(MOVES)("%s, something moves, and with reduced motion nothing does", async (_what, scene, act) => {
    const lively = await lab.open({ scene, reducedMotion: "no-preference" });
    expect(await moved(lively, act)).not.toEqual([]);
    await close(lively);
    const calm = await lab.open({ scene, reducedMotion: "reduce" });
    expect(await moved(calm, act)).toEqual([]);
    await close(calm);
  });
});
