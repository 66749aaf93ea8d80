//! Names and relative paths as they travel.
//!
//! A [`RelativePath`] is checked once, where it enters; after that no code asks again whether it could leave its folder. It is
//! neutral of systems: what the target's filesystem makes of a component is [`crate::mapping`]'s business, and what a screen may
//! show of it is [`crate::display`]'s. A newline, a backslash, a leading dash or a bidi control is therefore an ordinary character
//! here.
//!
//! # Names that are not Unicode
//! A name on a Unix disk is a string of bytes. [`from_os`] writes each byte that is no part of valid UTF-8 as the private-use
//! character U+10FF00 + byte (always U+10FF80 or above, since every ASCII byte is valid). A character of U+10FF00 to U+10FFFF that
//! really occurs in a name is written as its four bytes in the same way, so [`to_os`] undoes it for every string of bytes. On
//! Windows the bytes are those of WTF-8, so that a lone surrogate becomes three such characters and a Unix peer can keep it too.
//!
//! A peer could spell `/` or an ordinary letter in this way. Such components are refused ([`NameError::Escape`]): only what
//! [`from_os`] writes is taken.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{
    borrow::Cow,
    cmp::Ordering,
    ffi::{OsStr, OsString},
    fmt,
};

/// Longest component, in bytes: a name of 255 bytes of which none is Unicode takes 1020.
pub const MAX_COMPONENT: usize = 1024;

/// Longest path, in bytes.
pub const MAX_PATH: usize = 32 * 1024;

/// Most components in a path.
pub const MAX_DEPTH: usize = 128;

/// Why a text is not a path or a component of one. It never quotes the text, which is hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No component, or an empty one: this covers absolute paths and doubled or trailing separators.
    #[error("an empty name")]
    Empty,
    /// `.` or `..`.
    #[error("a name of dots that means another folder")]
    Dots,
    /// A `/` inside a component.
    #[error("a name with a path separator in it")]
    Separator,
    /// A NUL character.
    #[error("a name with a NUL character in it")]
    Nul,
    /// A component above [`MAX_COMPONENT`].
    #[error("a name longer than {MAX_COMPONENT} bytes")]
    ComponentTooLong,
    /// A path above [`MAX_PATH`].
    #[error("a path longer than {MAX_PATH} bytes")]
    PathTooLong,
    /// More components than [`MAX_DEPTH`].
    #[error("a path deeper than {MAX_DEPTH} folders")]
    TooDeep,
    /// Private-use characters that stand for bytes which need no such writing.
    #[error("a name with a false escape for bytes in it")]
    Escape,
}

/// A path of one or more components, none of which is empty, `.`, `..` or holds `/` or NUL; joined by `/`.
///
/// It has no `Display`: what goes to a screen goes through [`crate::display::shown`].
///
/// # Order
/// Component by component, that is as if `/` were the lowest character, so that a folder is followed at once by everything in it:
/// `a`, `a/b`, `a-b`. Within a component the order is that of the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelativePath(Box<str>);

impl RelativePath {
    /// The path of these components.
    ///
    /// # Errors
    /// [`NameError`], for the first component that is refused or the limit that is passed.
    pub fn from_components<'a>(components: impl IntoIterator<Item = &'a str>) -> Result<Self, NameError> {
        let mut path = String::new();
        for (depth, component) in components.into_iter().enumerate() {
            check_component(component)?;
            if depth >= MAX_DEPTH {
                return Err(NameError::TooDeep);
            }
            if depth > 0 {
                path.push('/');
            }
            path.push_str(component);
            if path.len() > MAX_PATH {
                return Err(NameError::PathTooLong);
            }
        }
        if path.is_empty() { Err(NameError::Empty) } else { Ok(Self(path.into())) }
    }

    /// Reads a path, split at each `/`.
    ///
    /// # Errors
    /// [`NameError`]
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.len() > MAX_PATH {
            return Err(NameError::PathTooLong);
        }
        for (depth, component) in text.split('/').enumerate() {
            if depth >= MAX_DEPTH {
                return Err(NameError::TooDeep);
            }
            check_component(component)?;
        }
        Ok(Self(text.into()))
    }

    /// The path as it travels.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The components from the outermost folder to the name.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// The folder that it is in; none for a path of one component.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.into()))
    }

    /// Number of components, from 1 to [`MAX_DEPTH`].
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// The path of `component` in this folder.
    ///
    /// # Errors
    /// [`NameError`]
    pub fn join(&self, component: &str) -> Result<Self, NameError> {
        Self::from_components(self.components().chain([component]))
    }

    /// Whether it is `folder` or lies in it.
    pub fn starts_with(&self, folder: &Self) -> bool {
        self.0.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Ord for RelativePath {
    fn cmp(&self, other: &Self) -> Ordering {
        // NUL occurs in no path, so it can stand for the separator.
        let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
        self.0.bytes().map(rank).cmp(other.0.bytes().map(rank))
    }
}

impl PartialOrd for RelativePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for RelativePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RelativePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = RelativePath;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a relative path")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RelativePath, E> {
                RelativePath::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// Whether `text` can be a component of a [`RelativePath`].
///
/// # Errors
/// [`NameError`]
pub fn check_component(text: &str) -> Result<(), NameError> {
    match text {
        "" => return Err(NameError::Empty),
        "." | ".." => return Err(NameError::Dots),
        _ if text.len() > MAX_COMPONENT => return Err(NameError::ComponentTooLong),
        _ => {}
    }
    // Every character that stands for a byte begins with 0xf4, which begins little else: most names are done after one pass.
    let mut may_escape = false;
    for byte in text.bytes() {
        match byte {
            b'/' => return Err(NameError::Separator),
            0 => return Err(NameError::Nul),
            0xf4 => may_escape = true,
            _ => {}
        }
    }
    if may_escape && escape(&unescape(text)) != text { Err(NameError::Escape) } else { Ok(()) }
}

/// The component that stands for a name on this system's disk.
///
/// # Errors
/// [`NameError`], when it can be no component: `.` and `..`, or (Windows only) so many lone surrogates that the limit is passed.
pub fn from_os(name: &OsStr) -> Result<String, NameError> {
    let component = escape(&os_bytes(name)).into_owned();
    check_component(&component)?;
    Ok(component)
}

/// The name on this system's disk that a component stands for: undoes [`from_os`]. Nothing is mapped here.
pub fn to_os(component: &str) -> OsString {
    os_string(&unescape(component), component)
}

#[cfg(unix)]
fn os_bytes(name: &OsStr) -> Cow<'_, [u8]> {
    Cow::Borrowed(std::os::unix::ffi::OsStrExt::as_bytes(name))
}

#[cfg(unix)]
fn os_string(bytes: &[u8], _component: &str) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

#[cfg(windows)]
fn os_bytes(name: &OsStr) -> Cow<'_, [u8]> {
    Cow::Owned(wtf8_from_wide(std::os::windows::ffi::OsStrExt::encode_wide(name)))
}

#[cfg(windows)]
fn os_string(bytes: &[u8], component: &str) -> OsString {
    match wide_from_wtf8(bytes) {
        Some(wide) => std::os::windows::ffi::OsStringExt::from_wide(&wide),
        // Bytes that no Windows name can hold, from a Unix peer: the characters that stand for them are legal names.
        None => OsString::from(component),
    }
}

/// First character of the block that stands for bytes.
const ESCAPE_BASE: u32 = 0x10_ff00;

/// The character that stands for `byte`.
fn escaped(byte: u8) -> char {
    char::from_u32(ESCAPE_BASE + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The byte that a character of a component stands for, if it is one of those that do.
pub(crate) fn escaped_byte(character: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(character).checked_sub(ESCAPE_BASE)?).ok()?;
    // An ASCII byte is never written so: were it read, a peer could spell a separator.
    (byte >= 0x80).then_some(byte)
}

/// Bytes as text that [`unescape`] turns into the same bytes.
fn escape(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(is_reserved) => return Cow::Borrowed(text),
        _ => {}
    }
    let mut out = String::with_capacity(bytes.len().saturating_mul(2));
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_reserved(character) {
                out.extend(character.encode_utf8(&mut [0; 4]).bytes().map(escaped));
            } else {
                out.push(character);
            }
        }
        out.extend(chunk.invalid().iter().copied().map(escaped));
    }
    Cow::Owned(out)
}

fn is_reserved(character: char) -> bool {
    u32::from(character) >= ESCAPE_BASE
}

/// The bytes that a component stands for.
pub(crate) fn unescape(text: &str) -> Cow<'_, [u8]> {
    if !text.chars().any(is_reserved) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut out = Vec::with_capacity(text.len());
    for character in text.chars() {
        match escaped_byte(character) {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(out)
}

/// UTF-16 that may hold lone surrogates, as WTF-8 (<https://simonsapin.github.io/wtf-8/>).
#[cfg(any(windows, test))]
fn wtf8_from_wide(wide: impl Iterator<Item = u16>) -> Vec<u8> {
    let mut out = Vec::new();
    for unit in char::decode_utf16(wide) {
        match unit {
            Ok(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(lone) => {
                let [high, low] = lone.unpaired_surrogate().to_be_bytes();
                out.extend_from_slice(&[0xed, 0x80 | (high & 0x0f) << 2 | low >> 6, 0x80 | low & 0x3f]);
            }
        }
    }
    out
}

/// Undoes [`wtf8_from_wide`]; none for bytes that are not WTF-8.
#[cfg(any(windows, test))]
fn wide_from_wtf8(bytes: &[u8]) -> Option<Vec<u16>> {
    let mut out = Vec::new();
    let mut lone = Vec::new();
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_empty() {
            if !lone.is_empty() {
                return None;
            }
            out.extend(chunk.valid().encode_utf16());
        }
        lone.extend_from_slice(chunk.invalid());
        if let [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf] = *lone.as_slice() {
            out.push(0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f));
            lone.clear();
        }
    }
    lone.is_empty().then_some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> RelativePath {
        RelativePath::parse(text).unwrap()
    }

    #[test]
    fn what_could_leave_the_folder_is_refused() {
        use NameError::*;
        for (text, why) in [
            ("", Empty),
            ("/", Empty),
            ("/etc", Empty),
            ("a//b", Empty),
            ("a/", Empty),
            (".", Dots),
            ("a/../b", Dots),
            ("..", Dots),
            ("a\0b", Nul),
            ("\u{10ff2f}", Escape),           // '/'
            ("\u{10ff2e}\u{10ff2e}", Escape), // '..'
            ("\u{10ffc3}\u{10ffa9}", Escape), // 'é', which needs no escape
        ] {
            assert_eq!(RelativePath::parse(text), Err(why), "{text:?}");
        }
        assert_eq!(RelativePath::from_components(["a/b"]), Err(Separator));
        assert_eq!(RelativePath::from_components([]), Err(Empty));
    }

    #[test]
    fn each_limit_is_exact() {
        let component = "x".repeat(MAX_COMPONENT);
        assert!(RelativePath::parse(&component).is_ok());
        assert_eq!(RelativePath::parse(&format!("{component}x")), Err(NameError::ComponentTooLong));
        let deep = vec!["a"; MAX_DEPTH];
        assert_eq!(RelativePath::from_components(deep.iter().copied()).unwrap().depth(), MAX_DEPTH);
        assert_eq!(RelativePath::from_components(deep.iter().copied().chain(["a"])), Err(NameError::TooDeep));
        assert_eq!(RelativePath::parse(&["a"; MAX_DEPTH + 1].join("/")), Err(NameError::TooDeep));
        let long = vec![component.as_str(); MAX_PATH / (MAX_COMPONENT + 1) + 1];
        assert_eq!(RelativePath::from_components(long.iter().copied()), Err(NameError::PathTooLong));
        assert_eq!(RelativePath::parse(&long.join("/")), Err(NameError::PathTooLong));
    }

    #[test]
    fn parts_of_a_path() {
        let inner = path("a/b/c");
        assert_eq!(inner.file_name(), "c");
        assert_eq!(inner.parent(), Some(path("a/b")));
        assert_eq!(path("a").parent(), None);
        assert_eq!(path("a").join("b"), Ok(path("a/b")));
        assert_eq!(path("a").join(".."), Err(NameError::Dots));
        assert!(inner.starts_with(&path("a/b")) && inner.starts_with(&inner) && !path("ab").starts_with(&path("a")));
        assert_eq!(inner.components().rev().collect::<Vec<_>>(), ["c", "b", "a"]);
    }

    #[test]
    fn a_folder_is_followed_at_once_by_everything_in_it() {
        let mut paths = ["a b", "a/z", "a", "a\u{1}", "a/b", "a-b", "a.b", "a/b/c", "b"].map(path);
        paths.sort();
        assert_eq!(paths.each_ref().map(RelativePath::as_str), ["a", "a/b", "a/b/c", "a/z", "a\u{1}", "a b", "a-b", "a.b", "b"]);
    }

    #[test]
    fn lone_surrogates_survive() {
        for wide in [vec![0xd800], vec![0xdfff, 0x61], vec![0x61, 0xdc00, 0xd800], vec![0xd83d, 0xde00], vec![0xdbff, 0xdfff]] {
            let bytes = wtf8_from_wide(wide.iter().copied());
            let component = escape(&bytes);
            assert_eq!(check_component(&component), Ok(()));
            assert_eq!(wide_from_wtf8(&unescape(&component)), Some(wide));
        }
        assert_eq!(wide_from_wtf8(&[0xff]), None);
        assert_eq!(wide_from_wtf8(&[0xed, b'a']), None);
    }

    proptest! {
        #[test]
        fn every_string_of_bytes_has_a_component_of_its_own(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let component = escape(&bytes);
            prop_assert_eq!(unescape(&component).into_owned(), bytes);
        }

        #[test]
        fn characters_that_stand_for_bytes_survive_themselves(text in "[a\u{10ff00}-\u{10ffff}]{0,20}") {
            let component = escape(text.as_bytes());
            prop_assert_eq!(unescape(&component).into_owned(), text.into_bytes());
        }

        #[test]
        fn a_component_that_was_taken_spells_no_separator(text in "[./\u{10ff00}-\u{10ffff}]{1,8}") {
            if check_component(&text).is_ok() {
                let bytes = unescape(&text);
                prop_assert!(!bytes.contains(&b'/') && !bytes.contains(&0) && bytes.as_ref() != b"..");
                let again = escape(&bytes).into_owned();
                prop_assert_eq!(again, text);
            }
        }

        #[cfg(unix)]
        #[test]
        fn every_unix_name_round_trips(bytes in prop::collection::vec(1_u8.., 1..=255)) {
            use std::os::unix::ffi::OsStrExt;
            let name = OsStr::from_bytes(&bytes);
            match from_os(name) {
                Ok(component) => prop_assert_eq!(to_os(&component), name),
                Err(error) => prop_assert!(matches!(error, NameError::Separator | NameError::Dots)),
            }
        }

        #[test]
        fn order_is_that_of_the_lists_of_components(a in "[ab\u{1} -]{1,3}(/[ab\u{1} -]{1,3}){0,3}", b in "[ab\u{1} -]{1,3}(/[ab\u{1} -]{1,3}){0,3}") {
            let (a, b) = (path(&a), path(&b));
            prop_assert_eq!(a.cmp(&b), a.components().collect::<Vec<_>>().cmp(&b.components().collect::<Vec<_>>()));
        }

        #[test]
        fn reading_what_was_written_gives_the_same_path(text in "\\PC{0,20}(/\\PC{0,20}){0,3}") {
            if let Ok(path) = RelativePath::parse(&text) {
                prop_assert_eq!(RelativePath::from_components(path.components()), Ok(path.clone()));
                let bytes = postcard::to_allocvec(&path).unwrap();
                prop_assert_eq!(postcard::from_bytes::<RelativePath>(&bytes).unwrap(), path);
            }
        }
    }
}
