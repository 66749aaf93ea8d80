/** Chromium and a server that sends the test build with the policy that the real hosts send. */
import { createReadStream, existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";

const UI = fileURLToPath(new URL("../..", import.meta.url));
const BUILT = join(UI, "test-results/dist");
export const SCREENS = join(UI, "test-results/screens");

/** As strict as that of the hosts, but for what the fake's files hold, which their addresses do (`data:`). */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src data:; connect-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

export interface Opening {
  scene: string;
  width?: number;
  height?: number;
  scheme?: "light" | "dark";
  language?: string;
  reducedMotion?: "reduce" | "no-preference";
  contrast?: "more" | "no-preference";
  forcedColors?: "active" | "none";
}

/** A browser with a server beside it. */
export class Lab {
  /** What the pages complained of: errors, and what the policy refused. */
  readonly complaints: string[] = [];

  private constructor(
    private readonly browser: Browser,
    private readonly server: Server,
  ) {}

  static async start(): Promise<Lab> {
    const server = createServer((request, response) => {
      const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
      const file = join(BUILT, path === "/" ? "index.html" : path);
      if (!file.startsWith(BUILT) || !existsSync(file)) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, {
        "content-type": TYPES[extname(file)] ?? "application/octet-stream",
        "content-security-policy": POLICY,
      });
      createReadStream(file).pipe(response);
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const browser = await chromium.launch({
      executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--no-sandbox"],
    });
    return new Lab(browser, server);
  }

  async open({ scene, width = 1200, height = 780, scheme = "light", language = "en", ...rest }: Opening): Promise<Page> {
    const context = await this.browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      locale: language,
      reducedMotion: rest.reducedMotion ?? "reduce",
      contrast: rest.contrast ?? "no-preference",
      forcedColors: rest.forcedColors ?? "none",
    });
    const page = await context.newPage();
    page.on("pageerror", (error) => this.complaints.push(`${scene}: ${String(error)}`));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.complaints.push(`${scene}: ${message.text()}`);
    });
    const { port } = this.server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${String(port)}/?fake=${scene}`);
    await page.locator("nav").first().waitFor();
    return page;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await new Promise((closed) => this.server.close(closed));
  }
}

export async function close(page: Page): Promise<void> {
  await page.context().close();
}
