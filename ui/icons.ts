/**
 * Makes plain markup of the icons at build time. As they come, each builds its lines from data whenever it is shown, which a long list
 * that scrolls can't afford.
 */
import { readFile } from "node:fs/promises";
import type { Plugin } from "vite";

const ICON = /\/@lucide\/svelte\/dist\/icons\/[a-z0-9-]+\.svelte$/;

interface IconData {
  node: [tag: string, attributes: Record<string, string>][];
}

export function staticIcons(): Plugin {
  return {
    name: "static-icons",
    enforce: "pre",
    async load(id) {
      if (!ICON.test(id)) return null;
      const data = /const iconData = (\{.*\});/.exec(await readFile(id, "utf8"))?.[1];
      if (data === undefined) return this.error(`${id} is not written as icons were`);
      const { node } = JSON.parse(data) as IconData;
      const lines = node.map(([tag, attributes]) => {
        const written = Object.entries(attributes).map(([name, value]) => ` ${name}="${value}"`);
        return `<${tag}${written.join("")} />`;
      });
      return `<svg viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${lines.join("")}</svg>`;
    },
  };
}
