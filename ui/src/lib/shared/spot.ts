/** Where one is in the Shared place, and the way that led there. Pure. */

/** One name on a path: as it travels, and as it may be shown. */
export interface Step {
  name: string;
  shown: string;
}

/** A folder in what a device shares; with no steps, the list of its shares. */
export interface FolderSpot {
  at: "folder";
  /** The device's id. */
  peer: string;
  steps: readonly Step[];
}

export type Spot = { at: "overview" } | { at: "search" } | FolderSpot;

export const OVERVIEW: Spot = { at: "overview" };

/** `/SHARE/PATH`, as the API wants it; empty: the device's shares. */
export function pathOf({ steps }: Pick<FolderSpot, "steps">): string {
  return steps.map(({ name }) => `/${name}`).join("");
}

/** The folder that holds what a search found; its names are shown as far as they are printable. */
export function spotOf(peer: string, path: string, shown: string): FolderSpot {
  const names = path.split("/").filter((name) => name !== "");
  // Names are shown one for one: a slash is never put into one of them.
  const shownNames = shown.split("/").filter((name) => name !== "");
  const steps = names.slice(0, -1).map((name, n) => ({ name, shown: shownNames[n] ?? name }));
  return { at: "folder", peer, steps };
}

/** One step up; from a device's shares to the overview. */
export function above(spot: Spot): Spot {
  if (spot.at !== "folder" || spot.steps.length === 0) return OVERVIEW;
  return { ...spot, steps: spot.steps.slice(0, -1) };
}

export function isSame(a: Spot, b: Spot): boolean {
  if (a.at !== "folder" || b.at !== "folder") return a.at === b.at;
  return a.peer === b.peer && pathOf(a) === pathOf(b);
}

/** A spot on the way, and what was looked at there: the row, which is shown again when one comes back. */
export interface Stop {
  spot: Spot;
  row: number;
}

/** Stops kept on each side. */
export const MOST_STOPS = 100;

/** The way back and forward, as in a file manager. Nothing in it changes: each step makes a new one. */
export class Trail {
  private constructor(
    private readonly before: readonly Stop[],
    readonly here: Stop,
    private readonly after: readonly Stop[],
  ) {}

  static readonly START = new Trail([], { spot: OVERVIEW, row: 0 }, []);

  get canBack(): boolean {
    return this.before.length > 0;
  }

  get canForward(): boolean {
    return this.after.length > 0;
  }

  /** Goes somewhere; what lay ahead is forgotten. */
  to(spot: Spot, row = 0): Trail {
    if (isSame(spot, this.here.spot)) return this;
    return new Trail([...this.before, this.here].slice(-MOST_STOPS), { spot, row }, []);
  }

  /** Notes the row that is looked at. */
  at(row: number): Trail {
    return row === this.here.row ? this : new Trail(this.before, { ...this.here, row }, this.after);
  }

  back(): Trail {
    const last = this.before.at(-1);
    return last === undefined ? this : new Trail(this.before.slice(0, -1), last, [this.here, ...this.after]);
  }

  forward(): Trail {
    const [next, ...rest] = this.after;
    return next === undefined ? this : new Trail([...this.before, this.here], next, rest);
  }

  /** The row that was looked at when one was last there. */
  rowOf(spot: Spot): number {
    return this.before.findLast((stop) => isSame(stop.spot, spot))?.row ?? 0;
  }
}
