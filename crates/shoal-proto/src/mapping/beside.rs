//! A second name for a file whose own is taken.

use super::MAX_NAME;

/// Longest extension that is kept as one, in bytes: what follows the last dot of a sentence is none.
const MAX_EXTENSION: usize = 16;

/// Extensions of compression: what is before them belongs to the extension too where it is `tar`.
const COMPRESSIONS: [&str; 8] = ["gz", "bz2", "xz", "zst", "lz", "lzma", "br", "z"];

/// `name (2).ext` for `name.ext`: the `n`th name to try, from 2 on.
///
/// As people know it from their file windows: `archive.tar.gz` becomes `archive (2).tar.gz`, `.bashrc` becomes `.bashrc (2)`, and
/// `v1.2 notes` becomes `v1.2 notes (2)`. `name` is a mapped one; the result is legal wherever `name` is, and the stem is cut
/// where it would pass [`MAX_NAME`] bytes.
pub fn beside(name: &str, n: u32) -> String {
    let (stem, extension) = split_extension(name);
    let number = format!(" ({n})");
    let room = MAX_NAME.saturating_sub(number.len() + extension.len());
    format!("{}{number}{extension}", beginning(stem, room))
}

/// The extension with its dot, or nothing.
fn split_extension(name: &str) -> (&str, &str) {
    let Some(dot) = name.rfind('.') else { return (name, "") };
    let (stem, extension) = name.split_at(dot);
    let bare = extension.trim_start_matches('.');
    if stem.trim_start_matches('.').is_empty() || bare.is_empty() || bare.len() > MAX_EXTENSION || bare.contains(' ') {
        return (name, "");
    }
    if COMPRESSIONS.iter().any(|known| bare.eq_ignore_ascii_case(known))
        && let Some(inner) = stem.len().checked_sub(".tar".len())
        && inner > 0
        && stem.get(inner..).is_some_and(|tar| tar.eq_ignore_ascii_case(".tar"))
    {
        return name.split_at(inner);
    }
    (stem, extension)
}

/// As many whole characters as fit into `room` bytes.
fn beginning(stem: &str, room: usize) -> &str {
    let cut = stem.char_indices().map(|(at, character)| at + character.len_utf8()).take_while(|end| *end <= room).last();
    stem.get(..cut.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        mapping::{Rules, hostile},
        name::check_component,
    };
    use proptest::prelude::*;

    #[test]
    fn names_are_what_people_expect() {
        for (name, expected) in [
            ("a.txt", "a (2).txt"),
            ("archive.tar.gz", "archive (2).tar.gz"),
            ("archive.TAR.GZ", "archive (2).TAR.GZ"),
            (".tar.gz", ".tar (2).gz"),
            ("tar.gz", "tar (2).gz"),
            (".bashrc", ".bashrc (2)"),
            ("..", ".. (2)"),
            ("...a", "...a (2)"),
            (".config.json", ".config (2).json"),
            ("folder", "folder (2)"),
            ("v1.2 notes", "v1.2 notes (2)"),
            ("a.", "a. (2)"),
            ("dots..txt", "dots. (2).txt"),
            ("a (2).txt", "a (2) (2).txt"),
            ("写真.jpeg", "写真 (2).jpeg"),
            ("The end. And then came a very long sentence", "The end. And then came a very long sentence (2)"),
        ] {
            assert_eq!(beside(name, 2), expected);
        }
    }

    #[test]
    fn a_long_name_stays_within_its_limit() {
        for name in [format!("{}.txt", "x".repeat(251)), "é".repeat(127), format!("{}.tar.gz", "写".repeat(82))] {
            let second = beside(&name, u32::MAX);
            assert!(second.len() <= MAX_NAME && second.contains(" (4294967295)"), "{second}");
        }
    }

    #[test]
    fn it_is_legal_wherever_the_name_is() {
        for name in hostile::names().into_iter().filter(|name| check_component(name).is_ok()) {
            for rules in Rules::ALL {
                let second = beside(&rules.map(&name).name, 2);
                assert!(hostile::is_legal(rules, &second), "{rules:?}: {second:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_number_gives_another_name(name in "[a-z.é ]{1,300}", a: u32, b: u32) {
            prop_assert_eq!(beside(&name, a) == beside(&name, b), a == b);
        }
    }
}
