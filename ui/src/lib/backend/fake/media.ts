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

export function thumbnailAddress(file: SharedFile): string {
  return mediaAddress(file);
}

function bytes(): string {
  return `data:application/octet-stream;base64,${btoa("\0\u0001\u0002\0".repeat(64))}`;
}

/** A landscape, another for each path. */
function picture(path: string): string {
  let mixed = 7;
  for (let at = 0; at < path.length; at++) mixed = (Math.imul(mixed, 31) + path.charCodeAt(at)) >>> 0;
  const hue = mixed % 360;
  const sun = 20 + (mixed % 7) * 18;
  const hill = 60 + (mixed % 5) * 6;
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
