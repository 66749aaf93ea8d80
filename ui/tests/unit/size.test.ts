/** What people load: the built UI, as it goes over the network. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

/** Bytes, compressed. A window that opens at once is worth more than any library. */
const MOST = 300_000;

test("the built UI is small", () => {
  const files = readdirSync("dist", { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  expect(files.length, "`npm run build` comes first").toBeGreaterThan(2);
  const bytes = files.map((file) => gzipSync(readFileSync(join(file.parentPath, file.name))).length);
  const all = bytes.reduce((sum, each) => sum + each, 0);
  console.log(`figure: the UI, compressed: ${(all / 1000).toFixed(1)} kB`);
  expect(all).toBeLessThan(MOST);
});
