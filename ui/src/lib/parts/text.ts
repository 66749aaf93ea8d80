/** What peers wrote, made fit for a screen. The engine does so with names; texts and file names from the host come raw. Pure. */

/** Control characters but tab and line feed, and the characters that change the direction of text unseen. */
const UNSEEN = /(?![\t\n])\p{Cc}|[\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069\uFEFF]/gu;

/** The same with unseen characters shown as a replacement character. */
export function printable(text: string): string {
  return text.replace(UNSEEN, "\uFFFD");
}

/** A name on one line. */
export function printableName(name: string): string {
  return printable(name).replace(/[\t\n]/g, " ");
}

/** A piece of a text: plain, or a link, which is shown and never opened. */
export interface Piece {
  text: string;
  link: boolean;
}

const LINK = /\bhttps?:\/\/[^\s<>"“”]+[^\s<>"“”.,;:!?)\]]/gu;

/** Cuts a text at its links. */
export function pieces(text: string): Piece[] {
  const cut: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    if (match.index > at) cut.push({ text: text.slice(at, match.index), link: false });
    cut.push({ text: match[0], link: true });
    at = match.index + match[0].length;
  }
  if (at < text.length) cut.push({ text: text.slice(at), link: false });
  return cut;
}
