//! Older copies of what is being received: what stands at the target already is compared piece by piece and not sent again.

use super::write::system_time;
use crate::store::{
    database::Database,
    file_key::{FileKey, nanos},
    partial::read_exact_at,
    target::{Existing, Target},
};
use shoal_proto::{Entry, Hash, PieceIndex, RelativePath, manifest::EntryIndex, piece};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The copies found for entries in progress.
#[derive(Debug, Default)]
pub(crate) struct Bases {
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    by_entry: BTreeMap<EntryIndex, Arc<Base>>,
    /// Entries that have none, or one that cannot be trusted.
    none: BTreeSet<EntryIndex>,
}

/// An older copy of one entry.
#[derive(Debug)]
pub(crate) struct Base {
    file: std::fs::File,
    /// Its version when it was found.
    pub(crate) key: FileKey,
    known: Mutex<BTreeMap<u32, Hash>>,
}

impl Bases {
    /// The copy of an entry, looked for once: first under the name that an earlier transfer gave it, then under its own.
    /// A file of one piece is worth comparing only if the size is the same.
    pub(crate) fn find(&self, database: &Database, target: &Target, index: EntryIndex, entry: &Entry) -> Option<Arc<Base>> {
        {
            let found = self.lock();
            if let Some(base) = found.by_entry.get(&index) {
                return Some(base.clone());
            }
            if found.none.contains(&index) {
                return None;
            }
        }
        let size = entry.kind.size();
        let base = look(database, target, entry).filter(|existing| existing.key.size == size || piece::piece_count(size) > 1);
        let mut found = self.lock();
        let Some(existing) = base else {
            // A file of one piece is not looked for again anyway.
            if piece::piece_count(size) > 1 {
                found.none.insert(index);
            }
            return None;
        };
        // Another stream may have looked at the same time: what one of them told the sender, both must know.
        let new = || Arc::new(Base { file: existing.file, key: existing.key, known: Mutex::default() });
        Some(found.by_entry.entry(index).or_insert_with(new).clone())
    }

    /// The copy that was found before.
    pub(crate) fn get(&self, index: EntryIndex) -> Option<Arc<Base>> {
        self.lock().by_entry.get(&index).cloned()
    }

    /// The copy turned out to be something else, or is not needed any more.
    pub(crate) fn drop_base(&self, index: EntryIndex) {
        let mut found = self.lock();
        if found.by_entry.remove(&index).is_some() {
            found.none.insert(index);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn look(database: &Database, target: &Target, entry: &Entry) -> Option<Existing> {
    let path = &entry.path;
    if target.is_in_new_folder(path) {
        return None;
    }
    let placed = database.placed(target.path(), path.as_str()).unwrap_or_else(|error| {
        tracing::warn!(%error, "where an older copy is, is not known");
        None
    });
    let placed = placed.and_then(|placed| RelativePath::parse(&placed).ok()).and_then(|placed| target.existing(&placed));
    if placed.is_some() {
        return placed;
    }
    let own = target.existing(path)?;
    let (size, modified) = (entry.kind.size(), system_time(entry.modified));
    if (own.key.size, own.key.modified) == (size, nanos(modified)) {
        return Some(own);
    }
    // Other content has its name: what came before a kill, unrecorded, is beside it.
    target.existing_beside(path, size, modified).or(Some(own))
}

impl Base {
    /// Hashes of the pieces that the copy has whole, from the first on, as pieces of a file of `size`.
    pub(crate) fn hashes(&self, size: u64, pieces: Range<u32>) -> Vec<Hash> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = Vec::new();
        let mut hashes = Vec::new();
        for index in pieces {
            if let Some(hash) = known.get(&index) {
                hashes.push(*hash);
                continue;
            }
            let Some(hash) = self.read(size, PieceIndex(index), &mut buffer) else { break };
            known.insert(index, hash);
            hashes.push(hash);
        }
        hashes
    }

    /// The hash that was told to the sender for a piece.
    pub(crate) fn told(&self, piece: PieceIndex) -> Option<Hash> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&piece.0).copied()
    }

    /// Reads a piece and returns its hash; `None` when the copy has less, or cannot be read.
    pub(crate) fn read(&self, size: u64, piece: PieceIndex, buffer: &mut Vec<u8>) -> Option<Hash> {
        let range = piece::piece_range(size, piece)?;
        // The last piece must be the last of both, or it is another.
        if range.end > self.key.size {
            return None;
        }
        buffer.resize(usize::try_from(range.end - range.start).ok()?, 0);
        read_exact_at(&self.file, range.start, buffer).ok()?;
        Some(piece::hash_piece(size, piece, buffer))
    }
}
