//! How many entries of a folder fit a filter, for the pages that follow: to count 100,000 takes as long as to read a page.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// Lists whose lengths are kept.
const MAX_KEPT: usize = 32;

/// Folders, and files.
pub(super) type Count = [u32; 2];

/// A list: of which folder in which state, and the words of its filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) folder: i64,
    pub(super) revision: i64,
    pub(super) words: Vec<String>,
}

/// The lengths of the last few lists.
#[derive(Debug, Default)]
pub(super) struct Counts {
    kept: Mutex<VecDeque<(Key, Count)>>,
}

impl Counts {
    /// The length of a list, counted if it is not known.
    ///
    /// # Errors
    /// Those of `count`.
    pub(super) fn of<E>(&self, key: Key, count: impl FnOnce() -> Result<Count, E>) -> Result<Count, E> {
        let known =
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|(other, _)| *other == key).map(|known| known.1);
        if let Some(known) = known {
            return Ok(known);
        }
        let counted = count()?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(MAX_KEPT - 1);
        kept.push_front((key, counted));
        Ok(counted)
    }
}
