//! The words of tray and notifications, in the language that the page speaks. A language is one table here.

use std::sync::{PoisonError, RwLock};
use tauri::{AppHandle, Manager};

/// One language.
#[derive(Debug)]
pub(crate) struct Words {
    /// The beginning of its tag (BCP 47).
    tag: &'static str,
    pub(crate) open: &'static str,
    pub(crate) send_files: &'static str,
    pub(crate) pause_all: &'static str,
    pub(crate) resume_all: &'static str,
    pub(crate) quit: &'static str,
    pub(crate) nothing_moves: &'static str,
    pub(crate) one_moves: &'static str,
    /// `{}` is how many.
    pub(crate) many_move: &'static str,
    pub(crate) accept: &'static str,
    pub(crate) decline: &'static str,
    /// `{peer}`, `{name}`.
    pub(crate) offers: &'static str,
    /// `{peer}`.
    pub(crate) sent_text: &'static str,
    /// `{peer}`, `{name}`.
    pub(crate) received: &'static str,
    /// `{peer}`, `{name}`.
    pub(crate) sent: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) stays_title: &'static str,
    pub(crate) stays: &'static str,
}

/// Picks one of the words, in whatever language.
pub(crate) type Word = fn(&Words) -> &'static str;

const ENGLISH: Words = Words {
    tag: "en",
    open: "Open Shoal",
    send_files: "Send files…",
    pause_all: "Pause everything",
    resume_all: "Go on with everything",
    quit: "Quit",
    nothing_moves: "Nothing moves",
    one_moves: "1 transfer moves",
    many_move: "{} transfers move",
    accept: "Accept",
    decline: "Decline",
    offers: "{peer} wants to send {name}",
    sent_text: "{peer} sent a text",
    received: "{name} is here, from {peer}",
    sent: "{peer} has {name}",
    failed: "{name} did not get through",
    stays_title: "Shoal stays in reach",
    stays: "The window is closed, and devices nearby can still send to you. Quit from the tray to end Shoal.",
};

const GERMAN: Words = Words {
    tag: "de",
    open: "Shoal öffnen",
    send_files: "Dateien senden …",
    pause_all: "Alles anhalten",
    resume_all: "Alles fortsetzen",
    quit: "Beenden",
    nothing_moves: "Nichts unterwegs",
    one_moves: "1 Übertragung läuft",
    many_move: "{} Übertragungen laufen",
    accept: "Annehmen",
    decline: "Ablehnen",
    offers: "{peer} möchte {name} senden",
    sent_text: "{peer} hat einen Text gesendet",
    received: "{name} ist da, von {peer}",
    sent: "{peer} hat {name}",
    failed: "{name} kam nicht durch",
    stays_title: "Shoal bleibt erreichbar",
    stays: "Das Fenster ist zu, und Geräte in der Nähe können weiter senden. Beenden lässt sich Shoal im Infobereich.",
};

const LANGUAGES: &[&Words] = &[&ENGLISH, &GERMAN];

/// The language in use.
#[derive(Debug)]
pub(crate) struct Language(RwLock<&'static Words>);

impl Language {
    /// The account's own, as far as it can be told before the page speaks.
    pub(crate) fn of_account() -> Self {
        let tag =
            ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
        Self(RwLock::new(named(&tag.unwrap_or_default())))
    }

    pub(crate) fn words(&self) -> &'static Words {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Words from now on.
pub(crate) fn speak(app: &AppHandle, tag: &str) {
    let language = app.state::<Language>();
    let words = named(tag);
    let before = std::mem::replace(&mut *language.0.write().unwrap_or_else(PoisonError::into_inner), words);
    if before.tag != words.tag {
        crate::tray::translate(app);
    }
}

/// The words in use.
pub(crate) fn of(app: &AppHandle) -> &'static Words {
    app.state::<Language>().words()
}

fn named(tag: &str) -> &'static Words {
    let found = LANGUAGES.iter().find(|words| tag.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(words.tag)));
    found.copied().unwrap_or(&ENGLISH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_found_by_its_tag_and_english_stands_in_for_others() {
        for (tag, found) in
            [("de", "de"), ("de-AT", "de"), ("de_DE.UTF-8", "de"), ("en-GB", "en"), ("fr", "en"), ("", "en"), ("é", "en")]
        {
            assert_eq!(named(tag).tag, found, "{tag}");
        }
    }

    #[test]
    fn sentences_have_their_places_in_every_language() {
        for words in LANGUAGES {
            assert!(words.many_move.contains("{}"), "{}", words.tag);
            for sentence in [words.offers, words.received, words.sent] {
                assert!(sentence.contains("{peer}") && sentence.contains("{name}"), "{sentence}");
            }
            assert!(words.failed.contains("{name}") && words.sent_text.contains("{peer}"), "{}", words.tag);
        }
    }
}
