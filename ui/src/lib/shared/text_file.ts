/** Whether bytes are a text, and which. Pure. */

/** As much of a file is looked at, in bytes. */
export const READ = 64 * 1024;
/** Bytes that may be missing at the end of a character that was cut through. */
const CUT = 3;
/** Of 100 characters, so many may be control characters in what is still a text. */
const CONTROLS = 2;

/** The text; `null`: it is none. Understands UTF-8, and UTF-16 with a mark at its beginning. */
export function asText(bytes: Uint8Array): string | null {
  const [a, b] = bytes;
  if (a === 0xff && b === 0xfe) return decoded(bytes.subarray(0, bytes.length & ~1), "utf-16le");
  if (a === 0xfe && b === 0xff) return decoded(bytes.subarray(0, bytes.length & ~1), "utf-16be");
  if (bytes.includes(0)) return null;
  // What was cut off in the middle of a character is one without its last bytes.
  for (let cut = 0; cut <= CUT; cut++) {
    if (cut > 0 && bytes.length < READ) break;
    const text = decoded(bytes.subarray(0, bytes.length - cut), "utf-8");
    if (text !== null) return text;
  }
  return null;
}

function decoded(bytes: Uint8Array, as: string): string | null {
  try {
    const text = new TextDecoder(as, { fatal: true }).decode(bytes);
    const controls = text.match(/(?![\t\n\r\f])\p{Cc}/gu)?.length ?? 0;
    return controls * 100 > text.length * CONTROLS ? null : text.replaceAll("\r\n", "\n");
  } catch {
    return null;
  }
}
