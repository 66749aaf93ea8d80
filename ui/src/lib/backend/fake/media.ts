/** What the fake's files hold: drawn, made or written when they are looked at, as addresses that hold their data. */
import type { SharedFile } from "../backend";
import { FILM } from "./film";
import { mediaOf } from "./tree";

/** Of the long text, in lines: longer than what a preview reads. */
const LINES = 2_000;
const RATE = 8_000;

export function mediaAddress({ path }: SharedFile): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  switch (mediaOf(name)) {
    case "image":
      return name === "Damaged.jpg" ? "data:image/jpeg;base64,AAAA" : picture(path);
    case "video":
      return `data:video/webm;base64,${FILM}`;
    case "audio":
      return `data:audio/wav;base64,${sound()}`;
    case "document":
      return /\.(txt|md)$/.test(name) ? `data:text/plain;charset=utf-8,${encodeURIComponent(text(name))}` : bytes();
    default:
      return bytes();
  }
}

/** Small ones are of pixels, as an owner makes them: what is drawn anew for each takes a browser long. */
export function thumbnailAddress({ path }: SharedFile): string {
  if (path.endsWith("/Damaged.jpg")) return "data:image/jpeg;base64,AAAA";
  const kind = mixed(path) % THUMBNAILS;
  let made = thumbnails.get(kind);
  if (made === undefined) thumbnails.set(kind, (made = pixels(kind)));
  return made;
}

const THUMBNAILS = 24;
const thumbnails = new Map<number, string>();

/** Sky, a sun and a hill in 96 by 72 pixels (BMP). */
function pixels(kind: number): string {
  const [wide, high, head] = [96, 72, 54];
  const bmp = new DataView(new ArrayBuffer(head + wide * high * 3));
  bmp.setUint16(0, 0x424d);
  bmp.setUint32(2, bmp.byteLength, true);
  bmp.setUint32(10, head, true);
  bmp.setUint32(14, 40, true);
  bmp.setInt32(18, wide, true);
  bmp.setInt32(22, high, true);
  bmp.setUint16(26, 1, true);
  bmp.setUint16(28, 24, true);
  const shade = (turn: number, light: number): number[] =>
    [0, 2, 4].map((part) => Math.round(255 * (light + 0.18 * Math.sin(kind * 0.9 + turn + part))));
  const [sky, sun, hill] = [shade(0, 0.72), shade(1, 0.82), shade(3, 0.36)];
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const up = 24 + 10 * Math.sin(x / 18 + kind);
      const isSun = (x - 20 - (kind % 6) * 10) ** 2 + (y - 52) ** 2 < 70;
      const colour = (y < up ? hill : isSun ? sun : sky) ?? [];
      colour.forEach((value, part) => bmp.setUint8(head + (y * wide + x) * 3 + part, value));
    }
  }
  let binary = "";
  for (let n = 0; n < bmp.byteLength; n++) binary += String.fromCharCode(bmp.getUint8(n));
  return `data:image/bmp;base64,${btoa(binary)}`;
}

function mixed(path: string): number {
  let bits = 7;
  for (let at = 0; at < path.length; at++) bits = (Math.imul(bits, 31) + path.charCodeAt(at)) >>> 0;
  return bits;
}

function bytes(): string {
  return `data:application/octet-stream;base64,${btoa("\0\u0001\u0002\0".repeat(64))}`;
}

/** A landscape, another for each path. */
function picture(path: string): string {
  const bits = mixed(path);
  const hue = bits % 360;
  const sun = 20 + (bits % 7) * 18;
  const hill = 60 + (bits % 5) * 6;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 120" width="1600" height="1200">
<rect width="160" height="120" fill="hsl(${String(hue)} 55% 78%)"/><circle cx="${String(sun)}" cy="34" r="13" fill="hsl(${String((hue + 40) % 360)} 90% 88%)"/>
<path d="M0 ${String(hill)}q40-30 80 0t80-8v68H0z" fill="hsl(${String((hue + 150) % 360)} 32% 48%)"/><path d="M0 96q50-24 90-6t70-10v40H0z" fill="hsl(${String((hue + 170) % 360)} 36% 32%)"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function text(name: string): string {
  if (name === "README.md") {
    const line = "What is shared here, line by line, and longer than a preview reads.";
    return Array.from({ length: LINES }, (_, n) => `${String(n + 1)}. ${line}`).join("\n");
  }
  return `${name}\n\n- Rain jackets, both\n- Tickets for the ferry\n- The map: <b>not</b> the old one\n\u202Etxt.exe\n`;
}

/** Two seconds of a tone. */
function sound(): string {
  const samples = 2 * RATE;
  const wav = new DataView(new ArrayBuffer(44 + samples));
  const word = (at: number, letters: string): void => [...letters].forEach((c, n) => wav.setUint8(at + n, c.charCodeAt(0)));
  word(0, "RIFF");
  wav.setUint32(4, 36 + samples, true);
  word(8, "WAVEfmt ");
  wav.setUint32(16, 16, true);
  wav.setUint16(20, 1, true);
  wav.setUint16(22, 1, true);
  wav.setUint32(24, RATE, true);
  wav.setUint32(28, RATE, true);
  wav.setUint16(32, 1, true);
  wav.setUint16(34, 8, true);
  word(36, "data");
  wav.setUint32(40, samples, true);
  for (let n = 0; n < samples; n++) wav.setUint8(44 + n, 128 + Math.round(40 * Math.sin((n * 2 * Math.PI * 330) / RATE)));
  let binary = "";
  for (let n = 0; n < wav.byteLength; n++) binary += String.fromCharCode(wav.getUint8(n));
  return btoa(binary);
}
