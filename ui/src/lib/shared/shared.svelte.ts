/** The Shared place: where one is in it, what is searched, looked at and edited. Kept while other places are open. */
import type { Handle } from "../backend/backend";
import type { Shoal } from "../state/shoal.svelte";
import { Finding } from "./finding.svelte";
import type { Order } from "./listing.svelte";
import { OwnShares } from "./own.svelte";
import type { Looked, Sequence } from "./preview";
import { Shelves } from "./shelves.svelte";
import { above, OVERVIEW, Trail, type Spot } from "./spot";

/** What the panel at the side is about: a folder that is to be shared, or a share by its name. */
export type Panel = { about: "new"; folder: Handle } | { about: "share"; share: string };

/** The file that is looked at, and the list that it stands in. */
export interface Look {
  file: Looked;
  row: number;
  sequence: Sequence;
  /** Told where the look has come to. */
  moved: (row: number) => void;
}

export class SharedView {
  trail = $state.raw(Trail.START);
  order = $state.raw<Order>({ sort: "name", descending: false });
  grid = $state(false);
  panel = $state.raw<Panel | null>(null);
  look = $state.raw<Look | null>(null);
  readonly own: OwnShares;
  readonly shelves: Shelves;
  readonly finding: Finding;

  constructor(shoal: Shoal) {
    this.own = new OwnShares(shoal);
    this.shelves = new Shelves(shoal);
    this.finding = new Finding(shoal);
  }

  get spot(): Spot {
    return this.trail.here.spot;
  }

  /** Goes to a spot; one that was on the way opens at the row that was looked at there. */
  go(spot: Spot): void {
    this.trail = this.trail.to(spot, this.trail.rowOf(spot));
  }

  up(): void {
    if (this.spot.at === "folder") this.go(above(this.spot));
    else if (this.spot.at === "search") this.search("");
  }

  back(): void {
    this.trail = this.trail.back();
  }

  forward(): void {
    this.trail = this.trail.forward();
  }

  /** Notes the row that is looked at. */
  note(row: number): void {
    this.trail = this.trail.at(row);
  }

  /** Searches everything; nothing to search for leads back to where one was. */
  search(words: string): void {
    this.finding.type(words);
    if (!this.finding.isEmpty) this.go({ at: "search" });
    else if (this.spot.at === "search") this.trail = this.trail.canBack ? this.trail.back() : this.trail.to(OVERVIEW);
  }

  /** One step back out of what lies on top. Whether there was one. */
  escape(): boolean {
    if (this.panel !== null) this.panel = null;
    else if (this.trail.canBack) this.back();
    else return false;
    return true;
  }
}
