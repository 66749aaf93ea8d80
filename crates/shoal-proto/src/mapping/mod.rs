//! Names for the target's filesystem: what it would refuse is written in a readable way, and can be read back.
//!
//! [`Rules::map`] takes any component that a [`crate::RelativePath`] may have and gives a name that is legal on the system;
//! different components always give different names. [`Rules::unmap`] undoes it, so that a file goes through a Windows disk and
//! out again under its own name. What a disk makes of upper and lower case is [`Rules::clash_key`]'s business, and bytes that are
//! not Unicode are [`crate::name`]'s: the caller's way is `to_os(map(component))` to the disk, `unmap(from_os(name))` back.
//!
//! # The scheme
//! - A character that the system refuses becomes one that looks alike and is rare: `a:b` is kept as `a꞉b`. See [`Rules`].
//! - Where the look-alike itself occurs in a name it gets the *mark* `‛` (U+201B) before it, and the mark itself is doubled.
//! - A reserved device name gets a mark at its end: `CON.txt` is kept as `CON‛.txt`.
//! - A byte that is not Unicode, where the system takes Unicode only, is kept as `‛xE9;`.
//!
//! # What is too long
//! is shortened, the only case in which the original cannot be read back: its beginning, `‛~`, 24 characters (120 bits) of the
//! whole component's BLAKE3, and its extension. No other rule writes `‛~`, so it meets no other name. The caller keeps the original
//! under the shortened name in its database, which is enough: the hash in it makes it the name of one component only.
//!
//! # What is on the disk already
//! was not made by `map` as a rule. `unmap` changes a name only if `map` would give exactly that name back; yet then two names on
//! one disk may unmap to one (`a‛b` and `a‛‛b`, both made by other programs, on Windows). Whoever lists a folder takes the one that
//! `map` makes, and leaves the other out.

mod beside;
#[doc(hidden)]
pub mod hostile;

use crate::{
    name::{check_component, escaped_byte, unescape},
    peer_id::BASE32,
};
use unicode_normalization::UnicodeNormalization;

pub use beside::beside;

/// Longest name on each system: bytes on Linux (`NAME_MAX`) and macOS, UTF-16 units on Windows.
pub const MAX_NAME: usize = 255;

/// Stands before what is meant as it is written.
const MARK: char = '‛';
/// Follows the mark where a name was shortened.
const SHORTENED: char = '~';
/// Bytes of the hash in a shortened name: 24 characters.
const SHORTENED_HASH: usize = 15;
/// Longest extension that survives shortening, in the system's units, without its dot.
const MAX_KEPT_EXTENSION: usize = 32;

/// The family of filesystems that a name must suit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rules {
    /// NTFS, exFAT and FAT through Win32 (Microsoft, "Naming Files, Paths, and Namespaces"): no `< > : " \ | ? *`, no control
    /// characters U+0001–1F, no dot or space at the end, no device names with or without extension; 255 UTF-16 units.
    Windows,
    /// APFS and HFS+: `:` is the Finder's separator; Unicode only and no noncharacters; names are kept as they are but compared
    /// without regard to normalisation and case. The length is counted in bytes of UTF-8: Apple says "255 UTF-8 characters" of
    /// APFS, HFS+ has 255 UTF-16 units, and 255 bytes is within both.
    MacOs,
    /// ext4, XFS, Btrfs, tmpfs: everything but `/` and NUL; 255 bytes.
    Linux,
}

/// A component as it is written on the target's filesystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// A name that is legal there.
    pub name: String,
    /// Whether it was too long, so that [`Rules::unmap`] cannot give the component back.
    pub shortened: bool,
}

impl Rules {
    /// The rules of the system that this build runs on.
    pub const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "macos") {
        Self::MacOs
    } else {
        Self::Linux
    };

    /// All of them, for tests.
    pub const ALL: [Self; 3] = [Self::Windows, Self::MacOs, Self::Linux];

    /// The legal name for `component`, which is one that [`check_component`] takes. (Of any other text it makes a legal name too,
    /// which need not be its alone.)
    pub fn map(self, component: &str) -> Mapped {
        let name = match self {
            Self::Linux => mark_shortened(component),
            Self::Windows => mark_device(written(self, component)),
            Self::MacOs => written(self, component),
        };
        if self.units(&name) <= MAX_NAME {
            Mapped { name, shortened: false }
        } else {
            Mapped { name: self.shorten(component, &name), shortened: true }
        }
    }

    /// The component that `name` stands for. A name that [`Self::map`] does not make (and a shortened one) stands for itself.
    pub fn unmap(self, name: &str) -> String {
        let component = match self {
            Self::Linux => unmark_shortened(name),
            Self::Windows | Self::MacOs => read(self, name),
        };
        let exact =
            check_component(&component).is_ok() && self.map(&component) == Mapped { name: name.to_owned(), shortened: false };
        if exact { component } else { name.to_owned() }
    }

    /// Whether a name may stand on that system's disk as it is.
    pub fn is_legal(self, name: &str) -> bool {
        if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) || self.units(name) > MAX_NAME {
            return false;
        }
        let refused = |c: char| self.look_alike(c).is_some() || self.is_numbered(c);
        match self {
            Self::Linux => true,
            Self::Windows | Self::MacOs => {
                let end = name.chars().next_back().and_then(|last| self.look_alike_at_end(last));
                !name.contains(refused) && end.is_none() && !(self == Self::Windows && is_device(stem(name)))
            }
        }
    }

    /// The key under which two names are one file on that system: without regard to case and normalisation on Windows and macOS,
    /// the name itself on Linux.
    ///
    /// It is coarser than any one filesystem (NTFS keeps normalisation forms apart, each system folds by its own table): names
    /// with different keys never meet, names with the same key nearly always do.
    pub fn clash_key(self, name: &str) -> String {
        match self {
            Self::Linux => name.to_owned(),
            // Through upper case, as it makes one of more letters that lower case keeps apart (ſ and s, ς and σ, ß and ss).
            Self::Windows | Self::MacOs => {
                name.nfd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfd().collect::<String>().nfc().collect()
            }
        }
    }

    /// Length of a name as the system counts it against [`MAX_NAME`].
    fn units(self, name: &str) -> usize {
        match self {
            Self::Windows => name.encode_utf16().count(),
            Self::MacOs => name.len(),
            Self::Linux => unescape(name).len(),
        }
    }

    fn shorten(self, component: &str, name: &str) -> String {
        let hash = blake3::hash(component.as_bytes());
        let hash = BASE32.encode(hash.as_bytes().get(..SHORTENED_HASH).unwrap_or_default());
        let extension = match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() && (1..=MAX_KEPT_EXTENSION).contains(&self.units(extension)) => {
                format!(".{extension}")
            }
            _ => String::new(),
        };
        let tail = format!("{MARK}{SHORTENED}{hash}{extension}");
        let room = MAX_NAME - self.units(&tail).min(MAX_NAME);
        // A mark before ours would double it.
        format!("{}{tail}", self.beginning(name, room).trim_end_matches(MARK))
    }

    /// As many whole characters of `name` as fit into `room` units.
    fn beginning(self, name: &str, room: usize) -> &str {
        let mut units = 0;
        let cut = name.char_indices().find(|(at, character)| {
            units += self.units(name.get(*at..at + character.len_utf8()).unwrap_or_default());
            units > room
        });
        cut.map_or(name, |(at, _)| name.get(..at).unwrap_or_default())
    }

    /// The character that stands for one that the system refuses anywhere in a name.
    fn look_alike(self, refused: char) -> Option<char> {
        Some(match (self, refused) {
            (Self::Windows | Self::MacOs, ':') => '꞉',
            (Self::Windows, '<') => '﹤',
            (Self::Windows, '>') => '﹥',
            (Self::Windows, '"') => '＂',
            (Self::Windows, '\\') => '⧹',
            (Self::Windows, '|') => '∣',
            (Self::Windows, '?') => '﹖',
            (Self::Windows, '*') => '∗',
            (Self::Windows, '\u{1}'..='\u{1f}') => char::from_u32(0x2400 + u32::from(refused))?,
            _ => return None,
        })
    }

    /// Undoes [`Self::look_alike`].
    fn looks_like(self, character: char) -> Option<char> {
        let refused = match character {
            '꞉' => ':',
            '﹤' => '<',
            '﹥' => '>',
            '＂' => '"',
            '⧹' => '\\',
            '∣' => '|',
            '﹖' => '?',
            '∗' => '*',
            '\u{2401}'..='\u{241f}' => char::from_u32(u32::from(character) - 0x2400)?,
            _ => return None,
        };
        self.look_alike(refused).map(|_| refused)
    }

    /// As [`Self::look_alike`], for the end of a name.
    fn look_alike_at_end(self, refused: char) -> Option<char> {
        match (self, refused) {
            (Self::Windows, '.') => Some('．'),
            (Self::Windows, ' ') => Some('␠'),
            _ => None,
        }
    }

    /// Undoes [`Self::look_alike_at_end`].
    fn looks_like_at_end(self, character: char) -> Option<char> {
        match (self, character) {
            (Self::Windows, '．') => Some('.'),
            (Self::Windows, '␠') => Some(' '),
            _ => None,
        }
    }

    /// Whether a character is kept as its number.
    fn is_numbered(self, character: char) -> bool {
        escaped_byte(character).is_some() || (self == Self::MacOs && is_noncharacter(character))
    }
}

/// A component on a system with refused characters; device names and length are still to do.
fn written(rules: Rules, component: &str) -> String {
    let mut out = String::with_capacity(component.len());
    let mut characters = component.chars().peekable();
    while let Some(character) = characters.next() {
        let last = characters.peek().is_none();
        let at_end = |found: Option<char>| found.filter(|_| last);
        if let Some(instead) = rules.look_alike(character).or_else(|| at_end(rules.look_alike_at_end(character))) {
            out.push(instead);
        } else if rules.is_numbered(character) {
            out.push_str(&numbered(character));
        } else if matches!(character, '/' | '\0') {
            // In no component; a legal name all the same.
            out.push(char::REPLACEMENT_CHARACTER);
        } else {
            let doubtful = rules.looks_like(character).or_else(|| at_end(rules.looks_like_at_end(character)));
            if doubtful.is_some() || character == MARK {
                out.push(MARK);
            }
            out.push(character);
        }
    }
    out
}

/// Undoes [`written`] and [`mark_device`] for what they wrote; anything for anything else.
fn read(rules: Rules, name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name.chars();
    while let Some(character) = rest.next() {
        if character == MARK {
            match rest.clone().next() {
                // The mark of a device name.
                None | Some('.') => {}
                Some('x') => match rest.as_str().split_once(';') {
                    Some((number, after)) => {
                        out.extend(from_number(number));
                        rest = after.chars();
                    }
                    None => return name.to_owned(),
                },
                Some(meant) => {
                    out.push(meant);
                    rest.next();
                }
            }
        } else {
            let last = rest.as_str().is_empty();
            let refused = rules.looks_like(character).or_else(|| rules.looks_like_at_end(character).filter(|_| last));
            out.push(refused.unwrap_or(character));
        }
    }
    out
}

/// `‛xE9;` for the character that stands for the byte E9, `‛xFFFE;` for U+FFFE.
fn numbered(character: char) -> String {
    match escaped_byte(character) {
        Some(byte) => format!("{MARK}x{byte:02X};"),
        None => format!("{MARK}x{:04X};", u32::from(character)),
    }
}

/// The character that [`numbered`] wrote as `xE9` or `xFFFE`.
fn from_number(number: &str) -> Option<char> {
    let digits = number.strip_prefix('x')?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    char::from_u32(if digits.len() == 2 { 0x10_ff00 + number } else { number })
}

/// Unicode 15, §23.7.
fn is_noncharacter(character: char) -> bool {
    let number = u32::from(character);
    (0xfdd0..=0xfdef).contains(&number) || number & 0xfffe == 0xfffe
}

/// Puts a mark behind a device name, which Windows recognises by what stands before the first dot, spaces at its end left out.
fn mark_device(mut name: String) -> String {
    let stem = stem(&name);
    if is_device(stem) {
        let end = stem.len();
        name.insert(end, MARK);
    }
    name
}

/// What stands before the first dot.
fn stem(name: &str) -> &str {
    name.split_once('.').map_or(name, |(stem, _)| stem)
}

/// Whether Windows takes a file of this name, extension left out, for a device.
fn is_device(stem: &str) -> bool {
    let stem = stem.trim_end_matches(' ').to_ascii_uppercase();
    match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$" => true,
        _ => stem
            .strip_prefix("COM")
            .or_else(|| stem.strip_prefix("LPT"))
            .is_some_and(|number| matches!(number, "¹" | "²" | "³") || matches!(number.as_bytes(), [b'0'..=b'9'])),
    }
}

/// Whether a name may be one that was shortened, so that its original is worth looking for.
pub fn looks_shortened(name: &str) -> bool {
    name.contains(&two(MARK, SHORTENED))
}

/// On Linux only what looks shortened is changed: marks before `~` get one more.
fn mark_shortened(component: &str) -> String {
    component.replace(&two(MARK, SHORTENED), &format!("{MARK}{MARK}{SHORTENED}"))
}

/// Undoes [`mark_shortened`].
fn unmark_shortened(name: &str) -> String {
    name.replace(&format!("{MARK}{MARK}{SHORTENED}"), &two(MARK, SHORTENED))
}

fn two(first: char, second: char) -> String {
    [first, second].iter().collect()
}

#[cfg(test)]
mod tests;
