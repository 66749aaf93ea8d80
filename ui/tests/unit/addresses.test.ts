import { describe, expect, it } from "vitest";
import { mediaPath, thumbnailPath } from "../../src/lib/backend/addresses";

describe("the address of a shared file", () => {
  it("holds each name by itself, so that none becomes a part of it", () => {
    const file = { peer: "abc", path: "/Films/a b/50% ü?v=2&x#y+z\\..mp4", version: "5-7" };
    const url = new URL(mediaPath(file), "http://127.0.0.1");
    expect(url.pathname.split("/").map(decodeURIComponent)).toEqual([
      "",
      "media",
      "abc",
      "Films",
      "a b",
      "50% ü?v=2&x#y+z\\..mp4",
    ]);
    expect([...url.searchParams]).toEqual([["v", "5-7"]]);
    expect(url.hash).toBe("");
  });

  it("is another when the version is, and says how large a small picture is", () => {
    const file = { peer: "abc", path: "/Pictures/a.jpg", version: "5--7" };
    expect(thumbnailPath(file, 128)).toBe("/thumbnail/abc/Pictures/a.jpg?v=5--7&edge=128");
    expect(thumbnailPath({ ...file, version: "6-8" }, 128)).not.toBe(thumbnailPath(file, 128));
  });
});
