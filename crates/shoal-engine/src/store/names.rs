//! The way between a name on this disk and the name that travels.
//!
//! What came under a name that this disk refuses was written under another one ([`Rules::map`]). Sent on, it goes under its own
//! again: most names can be read back, and of those that were too long the originals are kept in the database.

use shoal_proto::{
    Manifest,
    mapping::{MAX_NAME, Rules, looks_shortened},
    name::{NameError, check_component, from_os, to_os},
};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    io,
};

/// No system writes one byte of a component in more units than this: names below the quotient are never shortened.
const MAX_UNITS_PER_BYTE: usize = 4;

/// Finds the original of a shortened name.
pub(crate) type Originals<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The name under which something on this disk travels.
///
/// # Errors
/// It is none that travels.
pub(crate) fn from_disk(name: &OsStr, originals: Originals<'_>) -> Result<String, NameError> {
    let own = from_os(name)?;
    if looks_shortened(&own) {
        let original = originals(&own).filter(|original| check_component(original).is_ok());
        if let Some(original) = original.filter(|original| Rules::HERE.map(original).name == own) {
            return Ok(original);
        }
    }
    Ok(Rules::HERE.unmap(&own))
}

/// Opens what travels under `name`: what was mapped for this disk, or else what is called so on it.
///
/// # Errors
/// As `open`.
pub(super) fn on_disk<T>(name: &str, open: impl Fn(&OsStr) -> io::Result<T>) -> io::Result<T> {
    let mapped = Rules::HERE.map(name).name;
    match open(&to_os(&mapped)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && mapped != name && Rules::HERE.is_legal(name) => {
            open(&to_os(name))
        }
        opened => opened,
    }
}

/// The sorted names of one folder as they travel.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Back to back in one allocation.
    text: String,
    /// Start and end in `text`.
    spans: Vec<(u32, u32)>,
    /// What the disk calls those that travel under another name.
    mapped: BTreeMap<String, OsString>,
}

impl Names {
    /// Adds a name: as it travels, and as the disk has it.
    pub(super) fn add(&mut self, name: String, real: OsString) {
        if to_os(&name) == real {
            self.push(&name);
        } else {
            self.mapped.insert(name, real);
        }
    }

    /// To be called when all are there. Returns names that cannot travel: other files, which were mapped, do so under them.
    pub(super) fn sort(&mut self) -> Vec<String> {
        self.sort_spans();
        let mapped = std::mem::take(&mut self.mapped);
        let (taken, own): (Vec<_>, Vec<_>) = mapped.keys().cloned().partition(|name| self.contains(name));
        own.iter().for_each(|name| self.push(name));
        self.mapped = mapped;
        if !own.is_empty() {
            self.sort_spans();
        }
        taken
    }

    /// A name by its place, and what the disk calls it.
    pub(crate) fn get(&self, index: usize) -> Option<(&str, OsString)> {
        let name = slice(&self.text, *self.spans.get(index)?);
        Some((name, self.mapped.get(name).cloned().unwrap_or_else(|| to_os(name))))
    }

    fn contains(&self, name: &str) -> bool {
        self.spans.binary_search_by(|span| slice(&self.text, *span).cmp(name)).is_ok()
    }

    fn push(&mut self, name: &str) {
        let start = self.text.len();
        self.text.push_str(name);
        // 4 GiB of names in one folder: the rest is not seen, as if it had come later.
        match (u32::try_from(start), u32::try_from(self.text.len())) {
            (Ok(start), Ok(end)) => self.spans.push((start, end)),
            _ => self.text.truncate(start),
        }
    }

    fn sort_spans(&mut self) {
        let text = &self.text;
        self.spans.sort_unstable_by_key(|span| slice(text, *span));
    }
}

fn slice(text: &str, (start, end): (u32, u32)) -> &str {
    text.get(start as usize..end as usize).unwrap_or_default()
}

/// Names of a manifest that this disk has shortened only, each with its original.
pub(crate) fn shortened(manifest: &Manifest) -> Vec<(String, String)> {
    let mut found = BTreeMap::new();
    for (_, entry) in manifest.entries() {
        for component in entry.path.components().filter(|component| component.len() > MAX_NAME / MAX_UNITS_PER_BYTE) {
            let mapped = Rules::HERE.map(component);
            if mapped.shortened {
                found.insert(mapped.name, component.to_owned());
            }
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn a_shortened_name_travels_as_its_original_only_if_that_is_known_and_true() {
        let long = "写".repeat(200);
        let mapped = Rules::HERE.map(&long);
        if !mapped.shortened {
            // Windows counts in other units.
            return;
        }
        let real = to_os(&mapped.name);
        assert_eq!(from_disk(&real, &none).unwrap(), mapped.name);
        assert_eq!(from_disk(&real, &|_| Some(long.clone())).unwrap(), long);
        for lie in ["other", "..", "", "a/b"] {
            assert_eq!(from_disk(&real, &|_| Some(lie.to_owned())).unwrap(), mapped.name, "{lie}");
        }
    }

    #[test]
    fn names_are_sorted_as_they_travel_and_lead_back_to_the_disk() {
        let pair = |name: &str, real: &str| (name.to_owned(), OsString::from(real));
        let mut names = Names::default();
        for (name, real) in [pair("b", "b"), pair("z:", "a꞉"), pair("a", "a"), pair("c:", "c꞉"), pair("c:", "c:")] {
            names.add(name, real);
        }
        assert_eq!(names.sort(), ["c:"], "the other of that name is left out");
        let all: Vec<_> = (0..).map_while(|index| names.get(index)).collect();
        let expected = [("a", "a"), ("b", "b"), ("c:", "c꞉"), ("z:", "a꞉")];
        assert_eq!(all, expected.map(|(name, real)| (name, OsString::from(real))));
    }

    #[test]
    fn what_was_mapped_comes_before_what_is_called_so() {
        let there = |names: &'static [&str]| {
            move |name: &OsStr| names.iter().find(|there| **there == name).ok_or_else(|| io::ErrorKind::NotFound.into())
        };
        let (refused, mapped): (&str, &'static [&str]) =
            if cfg!(windows) { ("a:b", &["a:b", "a꞉b"]) } else { ("‛~", &["‛~", "‛‛~"]) };
        assert_eq!(*on_disk("plain", there(&["plain"])).unwrap(), "plain");
        assert_eq!(*on_disk(refused, there(mapped)).unwrap(), mapped[1]);
        // On Windows it would be a stream of another file.
        assert_eq!(on_disk(refused, there(&["‛~", "a:b"])).ok().copied(), if cfg!(windows) { None } else { Some("‛~") });
        assert!(on_disk("none", there(&["plain"])).is_err());
    }
}
