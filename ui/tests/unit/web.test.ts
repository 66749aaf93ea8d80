import { afterEach, describe, expect, it, vi } from "vitest";
import type { Handle } from "../../src/lib/backend/backend";
import { reach } from "../../src/lib/backend/web";
import type { Item } from "../../src/lib/backend/web/gather";
import { upload, type Put } from "../../src/lib/backend/web/upload";

const file = (path: string, content = "x"): Item => ({ path, file: new File([content], path) });

/** Takes uploads as the server does: one handle for each name at the top of a batch. */
function server(refuses?: string): { taken: { batch: string; path: string }[]; put: Put } {
  const taken: { batch: string; path: string }[] = [];
  const bytes = new Map<string, number>();
  return {
    taken,
    put: async (url, body, gone) => {
      const query = new URL(url, "http://127.0.0.1").searchParams;
      const [batch, path] = [query.get("batch") ?? "", query.get("path") ?? ""];
      if (path === refuses) throw Object.assign(new Error("no room"), { code: "no_space" });
      taken.push({ batch, path });
      const name = path.split("/", 1)[0] ?? "";
      const handle = `${batch}:${name}`;
      gone(body.size / 2);
      bytes.set(handle, (bytes.get(handle) ?? 0) + body.size);
      // Later answers come earlier.
      await new Promise((resolve) => setTimeout(resolve, 20 / taken.length));
      const answer: Handle = { handle, name, bytes: bytes.get(handle) ?? 0, folder: path.includes("/") };
      return answer;
    },
  };
}

describe("an upload", () => {
  it("gives one handle for each thing that was chosen, with the size of all of it", async () => {
    const { put, taken } = server();
    const handles = await upload(
      [file("a.txt", "12345"), file("trip/1", "12"), file("trip/2", "3456"), { path: "trip/sub" }],
      put,
    );
    expect(handles.map(({ name, bytes, folder }) => [name, bytes, folder]).sort()).toEqual([
      ["a.txt", 5, false],
      ["trip", 6, true],
    ]);
    expect(new Set(taken.map(({ batch }) => batch)).size).toBe(1);
    expect(taken.map(({ path }) => path)).toContain("trip/sub/");
  });

  it("says how far it is, never back and to the end", async () => {
    const said: [number, number][] = [];
    await upload([file("a", "1234"), file("b", "12"), { path: "empty" }], server().put, (...now) => said.push(now));
    expect(said.map(([done]) => done)).toEqual(said.map(([done]) => done).sort((a, b) => a - b));
    expect(said.at(-1)).toEqual([6, 6]);
  });

  it("keeps files of one name apart", async () => {
    const { put, taken } = server();
    const handles = await upload([file("a.txt"), file("a.txt"), file("b.txt")], put);
    expect(handles.length).toBe(3);
    expect(new Set(taken.map(({ batch, path }) => `${batch}/${path}`)).size).toBe(3);
  });

  it("keeps odd names as they are", async () => {
    const { put, taken } = server();
    const names = ["<img src=x onerror=alert(1)>", "a b+c&d=e%20#?.txt", "*", "\u202egpj.exe", "🐟".repeat(60)];
    await upload(
      names.map((name) => file(name)),
      put,
    );
    expect(taken.map(({ path }) => path).sort()).toEqual([...names].sort());
  });

  it("ends with the first thing that is refused", async () => {
    const { put } = server("b");
    await expect(upload([file("a"), file("b"), file("c")], put)).rejects.toMatchObject({ code: "no_space" });
    expect(await upload([], put)).toEqual([]);
  });
});

describe("what the server says", () => {
  afterEach(() => vi.unstubAllGlobals());
  const answers = (answer: () => Promise<Response>): void => void vi.stubGlobal("fetch", vi.fn(answer));

  it("is a failure with its code, whatever went wrong", async () => {
    answers(() => Promise.resolve(new Response('{"code":"no_space","message":"no room"}', { status: 413 })));
    await expect(reach("/", {})).rejects.toMatchObject({ code: "no_space", message: "no room" });
    answers(() => Promise.resolve(new Response("Forbidden", { status: 403 })));
    await expect(reach("/", {})).rejects.toMatchObject({ code: "failed" });
    answers(() => Promise.reject(new TypeError("Failed to fetch")));
    await expect(reach("/", {})).rejects.toMatchObject({ code: "interrupted" });
  });
});
