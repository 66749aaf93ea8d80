/** The part of the fake that makes links. */
import type { Event, Failure, OwnLink, Reply } from "../../api/generated/api";
import type { UiRequest } from "../backend";

type Asked<R extends UiRequest["request"]> = Extract<UiRequest, { request: R }>;

/** How long reading takes, in milliseconds, and in how many steps it is told. */
const STEP_MS = 200;
const STEPS = 5;
const BYTES = 4_200_000_000;

const NOW_S = (): number => Math.floor(Date.now() / 1000);
const TEXT = "shoal:aghvoz3lnruw4zzanzxxiidcmuqhg2djobzsa33omuqge33pnmqhi3zam5sxi2djmfwg6zlomuqho2lunaqgcidmnfxgw";

function link(id: string, name: string, more: Partial<OwnLink>): OwnLink {
  return {
    id,
    link: TEXT + id,
    root: "9c".repeat(32),
    name,
    files: 1,
    bytes: BYTES,
    paths: [`/home/ana/${name}`],
    lan_only: false,
    trackers: [],
    created: NOW_S(),
    used: 0,
    outdated: false,
    ...more,
  };
}

export class FakeLinks {
  own: OwnLink[];
  /** The making of the next one fails with this sentence, for tests. */
  failsWith: string | null = null;
  readonly #stopped = new Set<number>();
  #number = 0;

  constructor(
    private readonly emit: (event: Event) => void,
    has: boolean,
  ) {
    const day = 86_400;
    this.own = has
      ? [
          link("b7", "Wedding, all pictures", { files: 1_240, bytes: 38_000_000_000, expires: NOW_S() + 5 * day, used: 12 }),
          link("a3", "Plan of the flat.pdf", { bytes: 2_400_000, lan_only: true, used: 1, outdated: true }),
        ]
      : [];
  }

  create({ lan_only, expires_s }: Asked<"create_link">): Reply {
    const making = this.#number++;
    const fails = this.failsWith;
    let step = 0;
    const next = (): void => {
      step += 1;
      if (this.#stopped.has(making)) this.emit({ event: "link_failed", making, error: "it was stopped" });
      else if (fails !== null) this.emit({ event: "link_failed", making, error: fails });
      else if (step <= STEPS) {
        this.emit({ event: "making_link", making, bytes_done: (BYTES * step) / STEPS, bytes: BYTES });
        setTimeout(next, STEP_MS);
      } else {
        const ends = expires_s === undefined ? {} : { expires: NOW_S() + expires_s };
        const made = link(`c${String(making)}`, "Plan of the flat.pdf", { files: 2, lan_only, ...ends });
        this.own = [made, ...this.own];
        this.emit({ event: "link_made", making, ...made });
        this.emit({ event: "links_changed" });
      }
    };
    setTimeout(next, STEP_MS);
    return { reply: "making_link", making };
  }

  stop(making: number): void {
    this.#stopped.add(making);
  }

  remove(id: string): void {
    this.own = this.own.filter((other) => other.id !== id);
    this.emit({ event: "links_changed" });
  }

  /** What opening fails with, if it does. */
  static refusal(text: string): Failure | null {
    if (text.length < 40) return { code: "usage", message: "the link is damaged: copy all of it, from shoal: on" };
    return null;
  }
}
