/** What a device's mark looks like, from its id: a fish of one of many kinds, in one of many colours. Pure. */

export interface Mark {
  /** Degrees on the colour wheel. */
  hue: number;
  body: number;
  tail: number;
  fin: number;
  pattern: number;
  /** Swims to the left. */
  turned: boolean;
}

const HUES = 18;
/** Colours that a person can choose for a device, an equal step apart on the wheel. */
export const PALETTE = 12;
export const BODIES = 4;
export const TAILS = 4;
export const FINS = 4;
export const PATTERNS = 5;

/** The same for the same id, everywhere and always; in the colour that its owner chose, an index of the palette, where there is one. */
export function markOf(id: string, colour: number | null = null): Mark {
  const mark = derived(id);
  const chosen = colour !== null && Number.isInteger(colour) && colour >= 0 && colour < PALETTE;
  return chosen ? { ...mark, hue: colour * (360 / PALETTE) } : mark;
}

function derived(id: string): Mark {
  let bits = mixed(id);
  const take = (choices: number): number => {
    const taken = bits % choices;
    bits = Math.floor(bits / choices);
    return taken;
  };
  return {
    hue: take(HUES) * (360 / HUES),
    body: take(BODIES),
    tail: take(TAILS),
    fin: take(FINS),
    pattern: take(PATTERNS),
    turned: take(2) === 1,
  };
}

/** 32 bits in which each character of the id has a part (FNV-1a with a finish that spreads them). */
function mixed(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
