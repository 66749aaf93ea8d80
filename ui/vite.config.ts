import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { staticIcons } from "./icons";

// The fake backend is for development and tests: a production build does not hold it.
export default defineConfig(({ mode }) => ({
  plugins: [staticIcons(), svelte()],
  define: { __FAKE__: JSON.stringify(mode !== "production") },
  build: {
    target: ["es2022", "safari17.5", "chrome123", "firefox121"],
    // The polyfill would be of no use to these browsers, and inlined files would be refused by the content security policy.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
  test: { include: ["tests/unit/**/*.test.ts"], environment: "node" },
}));
