/** The scenes of the fake: what is there when it opens. */
import type {
  Device,
  Direction,
  HealthNote,
  Identity,
  Platform,
  Settings,
  State,
  Transfer,
  Trust,
} from "../../api/generated/api";

export interface Scene {
  identity: Identity;
  devices: Device[];
  transfers: Transfer[];
  settings: Settings;
  health: HealthNote[];
  /** Devices that show up later: milliseconds after the beginning. */
  later?: { after: number; device: Device }[];
  /** Whether the engine is reached. */
  connected: boolean;
  /** Progress moves by itself. Off where a picture is wanted that is always the same. */
  alive: boolean;
  /** Devices share folders, and so does this one. */
  shares?: boolean;
  /** Whether folders of this device can be chosen; left out: they can. */
  shareFolders?: boolean;
}

const MIB = 1_000_000;
const GIB = 1_000_000_000;

/** Names that peers may send. The engine replaces control and bidi characters; the UI must not depend on it. */
export const HOSTILE = {
  markup: `<img src=x onerror="document.title='owned'">`,
  override: "invoice\u202Efdp.exe",
  emoji: "🐟".repeat(255),
  star: "*",
  spaces: "a          b",
  long: "An extraordinarily-long-name-without-any-place-to-break-it".repeat(4),
  rtl: "מסמך חשוב מאוד.pdf",
};

/** 10,000 rows of history start at this moment, in seconds since 1970. */
function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

function id(n: number): string {
  // Looks like an id of the engine: 52 characters of base32.
  let bits = (n + 1) * 2654435761;
  let made = "";
  for (let at = 0; at < 52; at++) {
    bits = (Math.imul(bits ^ (bits >>> 15), 0x2c1b3c6d) + at) >>> 0;
    made += "abcdefghijklmnopqrstuvwxyz234567"[bits % 32] ?? "a";
  }
  return made;
}

function device(n: number, name: string, trust: Trust, platform?: Platform, more: Partial<Device> = {}): Device {
  return {
    id: id(n),
    name,
    trust,
    online: true,
    paths: [{ via: "mdns", address: `192.168.1.${String(20 + (n % 200))}:47800` }],
    rtt_ms: 0.4 + (n % 7),
    colour: null,
    ...(platform === undefined ? {} : { platform }),
    ...more,
  };
}

interface Row {
  n: number;
  with: Device[];
  name: string;
  direction?: Direction;
  state?: State;
  files?: number;
  bytes?: number;
  done?: number;
  rate?: number;
  ago?: number;
  more?: Partial<Transfer>;
}

function transfer({
  n,
  with: peers,
  name,
  direction = "send",
  state = "active",
  files = 1,
  bytes = GIB,
  done = 0,
  rate = 0,
  ago = 60,
  more,
}: Row): Transfer {
  const over = state === "finished" || state === "failed" || state === "cancelled" || state === "declined";
  const part = state === "finished" ? 1 : done;
  return {
    transfer: `t${id(100_000 + n).slice(0, 15)}`,
    direction,
    peers: peers.map((peer) => peer.id),
    peer_names: peers.map((peer) => peer.name),
    name,
    state,
    files,
    files_done: Math.floor(files * part),
    files_failed: 0,
    bytes,
    bytes_done: Math.floor(bytes * part),
    bytes_moved: Math.floor(bytes * part),
    rate,
    awaits_answer: false,
    first_names: [name],
    started: seconds() - ago - (over ? 30 : 0),
    since: seconds() - ago,
    ...(direction === "receive" ? { into: "/home/ana/Shoal", free: 212 * GIB } : {}),
    ...more,
  };
}

function offer(row: Omit<Row, "direction" | "state">): Transfer {
  const made = transfer({ ...row, direction: "receive", state: "waiting" });
  return { ...made, awaits_answer: true, ...row.more };
}

const mira = device(1, "Mira’s laptop", "verified", "macos");
const nas = device(2, "NAS in the cupboard", "known", "linux", { accepts: 10 * GIB });
const phone = device(3, "Jonas", "stranger", "windows");
const studio = device(4, "Studio", "verified", "linux", { colour: 10 });
const kiosk = device(5, "Classroom 12", "known", "windows", {
  online: false,
  paths: [{ via: "remembered", address: "192.168.1.90:47800" }],
});
const office = device(6, "Office in Lisbon", "verified", "linux", {
  paths: [{ via: "manual", address: "[2001:db8::42]:47800" }],
  rtt_ms: 48,
});

function scene(part: Partial<Scene> = {}): Scene {
  const me = id(0);
  return {
    identity: {
      id: me,
      name: "Tern",
      addresses: ["192.168.1.17:47800", "[fe80::5054:ff:fe12:3456]:47800"],
      link: `shoal:peer/${me}?at=192.168.1.17:47800&name=Tern`,
      inbox: "/home/ana/Shoal",
    },
    devices: [],
    transfers: [],
    settings: {
      name: "Tern",
      inbox: "/home/ana/Shoal",
      accept: "ask",
      discoverable: true,
      interfaces: [
        { name: "wlp2s0", addresses: ["192.168.1.17", "fe80::5054:ff:fe12:3456"], used: true },
        { name: "tun0", addresses: ["10.8.0.2"], used: false },
      ],
      limits: { up: null, down: null },
      colour: null,
    },
    health: [],
    connected: true,
    alive: true,
    ...part,
  };
}

function busy(): Scene {
  return scene({
    devices: [mira, nas, phone, studio, kiosk, office],
    transfers: [
      transfer({
        n: 1,
        with: [mira],
        name: "Holidays in Galicia",
        files: 3112,
        bytes: 18.4 * GIB,
        done: 0.42,
        rate: 84 * MIB,
        more: { first_names: ["Holidays in Galicia/0001.jpg"] },
      }),
      transfer({
        n: 2,
        with: [studio],
        name: "Interview, final cut.mov",
        direction: "receive",
        bytes: 30 * GIB,
        done: 0.71,
        rate: 41 * MIB,
      }),
      transfer({ n: 3, with: [phone], name: "Tickets.pdf", bytes: 0.3 * MIB, state: "waiting", ago: 4 }),
      transfer({
        n: 4,
        with: [kiosk],
        name: "Lesson image",
        files: 12,
        bytes: 4.1 * GIB,
        done: 0.3,
        state: "interrupted",
        ago: 300,
        more: { error: "Classroom 12 does not answer any more" },
      }),
      transfer({
        n: 5,
        with: [nas],
        name: "Backup of the blue disk",
        files: 88_120,
        bytes: 412 * GIB,
        done: 0.12,
        state: "paused",
        ago: 4000,
      }),
      ...history([mira, nas, studio, office], 14),
    ],
  });
}

function history(peers: Device[], rows: number): Transfer[] {
  const names = [
    "Scans",
    "Slides for Monday.key",
    "Tax 2025",
    "Demo.mp4",
    "Album, rough mixes",
    "Keys.kdbx",
    "Recipes",
    "Fonts",
    "Plan of the flat.pdf",
  ];
  return Array.from({ length: rows }, (_, n) => {
    const peer = peers[n % peers.length] ?? mira;
    const name = names[n % names.length] ?? "Files";
    const direction: Direction = n % 3 === 0 ? "receive" : "send";
    const ago = 900 + n * 5400;
    if (n === 2) {
      const text = "The Wi-Fi is “Pelican”, and the map is at https://example.org/map?x=1&y=2\nSee you at eight!";
      return transfer({
        n: 1000 + n,
        with: [peer],
        name: "Text",
        direction: "receive",
        state: "finished",
        files: 0,
        bytes: text.length,
        ago,
        more: { text },
      });
    }
    const row = {
      n: 1000 + n,
      with: [peer],
      name: n < names.length ? name : `${name} ${String(n)}`,
      direction,
      ago,
    } satisfies Row;
    if (n === 4) return transfer({ ...row, state: "declined", bytes: 2 * GIB, more: { error: `${peer.name} declined ${name}` } });
    if (n === 6) {
      return transfer({
        ...row,
        state: "finished",
        files: 3112,
        bytes: 3 * GIB,
        more: { files_failed: 7, error: "7 files could not be read" },
      });
    }
    return transfer({ ...row, state: "finished", files: 1 + (n % 5) * 31, bytes: (1 + (n % 9)) * 137 * MIB });
  });
}

function offers(): Scene {
  return {
    ...busy(),
    devices: [mira, nas, phone, studio],
    transfers: [
      offer({
        n: 20,
        with: [mira],
        name: "Holidays in Galicia",
        files: 312,
        bytes: 1.2 * GIB,
        ago: 8,
        more: { first_names: ["Holidays in Galicia/0001.jpg"] },
      }),
      offer({
        n: 21,
        with: [phone],
        name: "Text",
        files: 0,
        bytes: 120,
        ago: 5,
        more: { text: "Here is the address:\nhttps://example.org/somewhere?to=be\nBring the blue folder." },
      }),
      offer({ n: 22, with: [phone], name: "Whole disk.img", bytes: 900 * GIB, ago: 2 }),
    ],
  };
}

function forty(): Scene {
  const given = ["Ana", "Bo", "Chidi", "Dörte", "Emre", "Fatou", "Goran", "Hana", "Ivo", "Jun"];
  const things = ["laptop", "desktop", "tablet", "studio"];
  const trusts: Trust[] = ["stranger", "known", "verified", "known"];
  const platforms: Platform[] = ["linux", "windows", "macos"];
  const devices = Array.from({ length: 40 }, (_, n) =>
    device(
      n + 50,
      `${given[n % 10] ?? ""}’s ${things[Math.floor(n / 10)] ?? ""}`,
      trusts[n % 4] ?? "known",
      platforms[n % 3],
      n > 34 ? { online: false } : {},
    ),
  );
  return scene({ devices });
}

function errors(): Scene {
  return scene({
    devices: [mira, { ...kiosk, trust: "blocked" }, { ...nas, online: false }],
    health: [
      { code: "inbox_not_writable", detail: "/home/ana/Shoal: Permission denied" },
      { code: "little_space", detail: "112 MB" },
    ],
    transfers: [
      transfer({
        n: 30,
        with: [nas],
        name: "Archive",
        files: 3112,
        bytes: 40 * GIB,
        done: 0.9,
        state: "interrupted",
        ago: 40,
        more: { error: "NAS in the cupboard is asleep or out of reach" },
      }),
      transfer({
        n: 31,
        with: [mira],
        name: "Raw footage",
        direction: "receive",
        files: 3112,
        bytes: 80 * GIB,
        done: 0.4,
        state: "failed",
        ago: 400,
        more: { files_failed: 7, code: "no_space", error: "There is no room left in /home/ana/Shoal: free 12 GB and try again" },
      }),
      transfer({
        n: 32,
        with: [mira],
        name: "Letters",
        files: 40,
        bytes: 9 * MIB,
        state: "finished",
        ago: 800,
        more: { files_failed: 7, error: "7 files could not be read" },
      }),
      transfer({
        n: 33,
        with: [kiosk],
        name: "Lesson image",
        bytes: 4 * GIB,
        state: "declined",
        ago: 1800,
        more: { error: "Classroom 12 declined Lesson image" },
      }),
      transfer({ n: 34, with: [mira], name: "Draft.odt", bytes: 2 * MIB, state: "cancelled", done: 0.5, ago: 3800 }),
    ],
  });
}

function hostile(): Scene {
  const names = Object.values(HOSTILE);
  const devices = names.map((name, n) => device(n + 200, name, n % 2 === 0 ? "stranger" : "known", "linux"));
  const peers = (n: number): Device[] => devices.slice(n % devices.length, (n % devices.length) + 1);
  return scene({
    devices,
    transfers: [
      ...names.map((name, n) =>
        transfer({
          n: 300 + n,
          with: peers(n),
          name,
          direction: "receive",
          bytes: GIB,
          done: 0.4,
          rate: MIB * 3,
          more: { first_names: names },
        }),
      ),
      ...names.map((name, n) =>
        transfer({
          n: 320 + n,
          with: peers(n + 1),
          name,
          state: n % 2 === 0 ? "failed" : "finished",
          bytes: GIB,
          more: { error: `${name} could not be read` },
        }),
      ),
      offer({ n: 350, with: peers(0), name: HOSTILE.markup, files: names.length, bytes: GIB, more: { first_names: names } }),
      offer({
        n: 351,
        with: peers(1),
        name: "Text",
        files: 0,
        bytes: 60,
        more: { text: `${names.join("\n")}\njavascript:alert(1)\nhttps://example.org/<b>` },
      }),
    ],
  });
}

const old = seconds() - 86_400;

/** The scenes by their names. */
export const SCENES: Record<string, () => Scene> = {
  empty: () => scene({ health: [{ code: "vpn_only", detail: "tun0" }] }),
  looking: () => scene({ later: [{ after: 60_000, device: mira }] }),
  joining: () =>
    scene({
      later: [
        { after: 300, device: mira },
        { after: 700, device: nas },
      ],
    }),
  one: () => scene({ devices: [mira] }),
  few: () => scene({ devices: [mira, nas, phone, studio, office, kiosk], transfers: history([mira], 5) }),
  forty,
  busy,
  offers,
  errors,
  offline: () => ({ ...busy(), connected: false, alive: false }),
  many_files: () =>
    scene({
      devices: [mira],
      transfers: [
        transfer({
          n: 40,
          with: [mira],
          name: "Holidays in Galicia",
          direction: "receive",
          files: 100_000,
          bytes: 400 * GIB,
          done: 0.3,
          rate: 91 * MIB,
        }),
      ],
    }),
  many_rows: () =>
    scene({
      devices: [mira, nas, studio],
      transfers: [
        ...busy().transfers.slice(0, 2),
        ...history([mira, nas, studio], 10_000).map((row) => ({ ...row, since: row.since - (seconds() - old) + 86_400 })),
      ],
    }),
  hostile,
  shared: () => scene({ devices: [mira, nas, studio, office, kiosk], shares: true }),
  shared_browser: () => scene({ devices: [mira, nas], shares: true, shareFolders: false }),
  shared_busy: () => ({ ...busy(), shares: true }),
};
