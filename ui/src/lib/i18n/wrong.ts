/** What went wrong, in the language of the page. */
import type { Code } from "../api/generated/api";
import { printable } from "../parts/text";
import { i18n } from "./i18n.svelte";

/** Codes that say no more than that something went wrong: the engine's sentence goes with them. */
const VAGUE: readonly Code[] = ["failed", "usage"];

/** The engine's own sentence is English and more exact; where the page speaks another language, the kind of it is what people read. */
export function wrong(code: Code | undefined, sentence: string): string {
  const exact = printable(sentence);
  const words = i18n.t.errors;
  if (words === null) return exact;
  const kind = code ?? "failed";
  return VAGUE.includes(kind) ? `${words[kind]} (${exact})` : words[kind];
}
