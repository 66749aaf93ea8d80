/** What is a matter of this window and not of the engine: language and appearance. Kept in the browser's storage. */
import { chooseLanguage, i18n } from "../i18n/i18n.svelte";

export type Scheme = "system" | "light" | "dark";

const SCHEME = "shoal.scheme";
const LANGUAGE = "shoal.language";

/** Storage may be forbidden: then a choice lasts as long as the page. */
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // As above.
  }
}

class Preferences {
  scheme = $state<Scheme>("system");
  /** A language's tag; none: as the system says. */
  language = $state<string | null>(null);

  /** Reads what was chosen and puts it in force. */
  apply(): void {
    const scheme = read(SCHEME);
    this.setScheme(scheme === "light" || scheme === "dark" ? scheme : "system");
    this.setLanguage(read(LANGUAGE));
  }

  setScheme(scheme: Scheme): void {
    this.scheme = scheme;
    write(SCHEME, scheme === "system" ? null : scheme);
    if (scheme === "system") delete document.documentElement.dataset["scheme"];
    else document.documentElement.dataset["scheme"] = scheme;
  }

  setLanguage(language: string | null): void {
    this.language = language;
    write(LANGUAGE, language);
    i18n.tag = chooseLanguage(language === null ? navigator.languages : [language]);
    document.documentElement.lang = i18n.tag;
  }
}

export const preferences = new Preferences();
