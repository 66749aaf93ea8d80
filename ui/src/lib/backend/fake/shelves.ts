/** What the fake's devices share. */
import type { OwnShare } from "../../api/generated/api";
import { HOSTILE } from "./scenes";
import { file, folder, once, type Folder, type Share } from "./tree";

const MB = 1_000_000;
const GB = 1000 * MB;

/** The same content on several devices. */
const SAME = "9f3c".repeat(16);

const pictures = (from: number, n: number): ReturnType<typeof file>[] =>
  Array.from({ length: n }, (_, at) => file(`IMG_${String(from + at)}.jpg`, 2 * MB + ((at * 7919) % 900) * 1000, 30 + at));

/** So many that no page holds them: 100,000. */
const everything = once((): Folder => ({
  revision: 1,
  items: Array.from({ length: 100_000 }, (_, n) =>
    file(`IMG_${String(n + 1).padStart(6, "0")}.${n % 50 === 7 ? "mp4" : "jpg"}`, 1 * MB + ((n * 7919) % 9000) * 1000, n % 900),
  ),
  inside: new Map(),
}));

const galicia = folder(
  [
    file("Beach.svg", 48_000, 12),
    file("Harbour at night.svg", 51_000, 11),
    file("Map of the coast.pdf", 3.4 * MB, 40),
    file("Packing list.txt", 1_840, 45),
    file("Waves.webm", 184 * MB, 10),
    file("Song of the ferry.wav", 4.2 * MB, 10, SAME),
    ...pictures(4021, 6),
  ],
  [
    ["Day 1, Santiago", { files: 312, size: 1.2 * GB }, folder(pictures(5000, 312))],
    ["Day 2, the coast", { files: 204, size: 0.9 * GB }, folder(pictures(6000, 204))],
    ["Drafts", null, folder([])],
  ],
);

const home = folder(
  [file("README.md", 2_300, 2), file("Budget 2026.odt", 88_000, 6), file("Damaged.jpg", 1 * MB, 4), file("core.bin", 12 * MB, 9)],
  [
    ["Holidays in Galicia", { files: 562, size: 2.5 * GB }, galicia],
    ["Every picture", { files: 100_000, size: 550 * GB }, everything],
    ["Names", { files: 7, size: 7 * MB }, folder(Object.values(HOSTILE).map((name) => file(name, MB)))],
  ],
);

const dropBox = folder([file("Minutes of Monday.md", 4_100, 1)]);

const films = folder([
  file("Interview, final cut.mp4", 30 * GB, 8),
  file("Waves.webm", 184 * MB, 10),
  file("Song of the ferry.wav", 4.2 * MB, 20, SAME),
  ...Array.from({ length: 12 }, (_, n) => file(`Lesson ${String(n + 1)}.mp4`, (1 + n) * 400 * MB, 90 + n)),
]);

/** By the devices' names. */
export const SHELVES = (): Record<string, Share[]> => ({
  "Mira’s laptop": [
    { name: "Pictures", write: false, root: home, files: 100_573, size: 552 * GB },
    { name: "For the team", write: true, root: dropBox, files: 1, size: 4_100 },
  ],
  "NAS in the cupboard": [
    { name: "Films", write: false, root: films, files: 15, size: 61 * GB },
    {
      name: "Music",
      write: false,
      root: folder([
        file("Song of the ferry.wav", 4.2 * MB, 200, SAME),
        ...Array.from({ length: 60 }, (_, n) => file(`Track ${String(n + 1)}.mp3`, 6 * MB, 300)),
      ]),
      files: 61,
      size: 0.4 * GB,
    },
    { name: "Still being read", write: false, root: folder([]) },
  ],
  Studio: [],
});

export const OWN_SHARES = (chosen: readonly string[]): OwnShare[] => [
  {
    share: "Recipes",
    path: "/home/ana/Documents/Recipes",
    for: ["known"],
    write: false,
    files: 214,
    bytes: 88 * MB,
    indexed: true,
    paused: false,
    hidden: false,
    ignore: [],
    there: true,
    risks: [],
  },
  {
    share: "Photos",
    path: "/home/ana/Pictures",
    for: ["verified"],
    write: false,
    files: 48_211,
    bytes: 190 * GB,
    indexed: false,
    paused: false,
    hidden: false,
    ignore: ["*.tmp"],
    there: true,
    risks: [],
  },
  {
    share: "Drop box",
    path: "/home/ana/Drop",
    for: ["everyone"],
    write: true,
    files: 3,
    bytes: 12 * MB,
    indexed: true,
    paused: false,
    hidden: false,
    ignore: [],
    there: true,
    risks: [{ code: "strangers_add", message: "strangers may fill the drive" }],
  },
  {
    share: "Old backups",
    path: "/media/ana/Blue disk/Backups",
    for: [...chosen],
    write: false,
    files: 8_120,
    bytes: 310 * GB,
    indexed: true,
    paused: false,
    hidden: true,
    ignore: [],
    there: false,
    risks: [],
  },
  {
    share: "Slides",
    path: "/home/ana/Slides",
    for: [],
    write: false,
    files: 40,
    bytes: 900 * MB,
    indexed: true,
    paused: true,
    hidden: false,
    ignore: [],
    there: true,
    risks: [],
  },
];
