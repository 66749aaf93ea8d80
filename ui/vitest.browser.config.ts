import { defineConfig } from "vitest/config";

/** The built UI with the fake backend in Chromium. One file after the other: frame times are measured. */
export default defineConfig({
  test: {
    include: ["tests/browser/**/*.test.ts"],
    environment: "node",
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
