//! What a sending transfer gave, entry by entry, so that it can be shown. Nothing rests on it: what counts is the receiver's word.

use super::outline::Outline;
use crate::store::database::{FileFailure, Kept};
use shoal_proto::{
    PieceIndex, RangeSet,
    manifest::EntryIndex,
    piece::{piece_count, piece_range},
};
use std::{collections::BTreeMap, ops::Range};

/// Entries given, in part or whole.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sent {
    /// Files that were given whole.
    pub(crate) whole: RangeSet,
    /// Files that cannot be given.
    pub(crate) failed: BTreeMap<u32, FileFailure>,
    /// Pieces given of files of several.
    pieces: BTreeMap<u32, RangeSet>,
}

impl Sent {
    /// A piece was given of a file of `size` bytes. One of several is whole once its root is asked for: [`Sent::root`].
    pub(crate) fn piece(&mut self, index: EntryIndex, size: u64, piece: PieceIndex) {
        self.failed.remove(&index.0);
        if piece_count(size) == 1 {
            self.whole.insert_one(index.0);
        } else if !self.whole.contains(index.0) {
            self.pieces.entry(index.0).or_default().insert_one(piece.0);
        }
    }

    /// The receiver has every piece and was told the root.
    pub(crate) fn root(&mut self, index: EntryIndex) {
        self.failed.remove(&index.0);
        self.pieces.remove(&index.0);
        self.whole.insert_one(index.0);
    }

    pub(crate) fn fail(&mut self, index: EntryIndex, reason: FileFailure) {
        self.pieces.remove(&index.0);
        self.whole.remove(index.0..index.0.saturating_add(1));
        self.failed.insert(index.0, reason);
    }

    /// Bytes given of files that are not whole.
    pub(crate) fn begun(&self, outline: &Outline) -> BTreeMap<u32, u64> {
        let bytes = |(index, pieces): (&u32, &RangeSet)| {
            let size = outline.bytes(&(*index..index.saturating_add(1)));
            (*index, pieces.ranges().map(|run| bytes_of(size, run)).sum())
        };
        self.pieces.iter().map(bytes).collect()
    }
}

impl From<Kept> for Sent {
    fn from(kept: Kept) -> Self {
        let failed = kept.failures.into_iter().map(|(index, reason)| (index.0, reason)).collect();
        Self { whole: kept.settled, failed, pieces: BTreeMap::new() }
    }
}

/// Bytes in a run of pieces of a file of `size` bytes.
pub(crate) fn bytes_of(size: u64, pieces: Range<u32>) -> u64 {
    if pieces.is_empty() {
        return 0;
    }
    let last = pieces.end.min(piece_count(size)).saturating_sub(1);
    let start = piece_range(size, PieceIndex(pieces.start)).map_or(0, |range| range.start);
    let end = piece_range(size, PieceIndex(last)).map_or(0, |range| range.end);
    end.saturating_sub(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_pieces_count_the_short_last_one() {
        let size = 10 * 1024 * 1024 + 7;
        let all = piece_count(size);
        assert_eq!(bytes_of(size, 0..all), size);
        assert_eq!(bytes_of(size, 0..all + 9), size);
        assert_eq!(bytes_of(size, 0..1) + bytes_of(size, 1..all), size);
        assert_eq!(bytes_of(size, 0..0), 0);
    }

    #[test]
    fn a_file_that_fails_is_not_whole_until_it_is_given_again() {
        let mut sent = Sent::default();
        sent.piece(EntryIndex(3), 5, PieceIndex(0));
        sent.fail(EntryIndex(3), FileFailure::Changed);
        assert!(!sent.whole.contains(3) && sent.failed.contains_key(&3));
        sent.piece(EntryIndex(3), 5, PieceIndex(0));
        assert!(sent.whole.contains(3) && sent.failed.is_empty());
    }
}
