/** What a file of journeys has around each: one lab for all, a page for each, and no complaint of a page left unheard. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { Hands } from "./hands";
import { close, Lab, type Opening } from "./page";

/** Sets that up for the file that calls it, and returns how a journey opens its page. */
export function stage(): (opening: Opening) => Promise<{ page: Page; hands: Hands }> {
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
  return async (opening) => {
    page = await lab.open(opening);
    return { page, hands: new Hands(page) };
  };
}
