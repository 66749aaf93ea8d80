/** The comparison of signs that this window shows. */
import type { Sas } from "../api/generated/api";
import type { Shoal } from "../state/shoal.svelte";

class Verification {
  /** The other device's id. */
  peer = $state<string | null>(null);
  /** What both screens must show; none yet: the other device is being asked. */
  sas = $state.raw<Sas | null>(null);

  /** Asks the other device for signs and shows them. */
  async start(shoal: Shoal, peer: string): Promise<void> {
    this.peer = peer;
    this.sas = null;
    const reply = await shoal.said(() => shoal.request({ request: "verify", peer, wait_s: 10 }));
    if (this.peer !== peer) return;
    if (reply?.reply === "sas") this.sas = { sas_digits: reply.sas_digits, sas_emoji: reply.sas_emoji };
    else this.end(shoal);
  }

  /** Shows the signs of a comparison that the other device began. */
  join(peer: string, sas: Sas): void {
    this.peer = peer;
    this.sas = sas;
  }

  end(shoal: Shoal): void {
    if (this.peer !== null) shoal.endComparison(this.peer);
    this.peer = null;
    this.sas = null;
  }
}

export const verification = new Verification();
