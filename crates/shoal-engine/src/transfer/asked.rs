//! What one fetch stream asked for and has not been answered yet: each thing is answered once, and all of it before the end.
//!
//! The plan knows what a transfer lacks; that is not enough to judge an answer. What waits for the writer is still lacking, so a
//! sender could say it twice, or end a stream without an answer and leave the transfer waiting for ever.

use shoal_proto::{
    PieceIndex, RangeSet,
    manifest::EntryIndex,
    message::{FetchItem, Frame},
};
use std::collections::BTreeMap;

/// What is left of a fetch.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Whole files of one piece.
    files: RangeSet,
    /// Pieces of a file, which may also be its only one.
    pieces: BTreeMap<EntryIndex, RangeSet>,
    /// Pieces whose hash we told: only these can be the same.
    told: BTreeMap<EntryIndex, RangeSet>,
    roots: RangeSet,
}

impl Asked {
    pub(crate) fn new(items: &[FetchItem]) -> Self {
        let mut asked = Self::default();
        for item in items {
            match item {
                FetchItem::Files { first, count } => asked.files.insert(first.0..first.0.saturating_add(*count)),
                FetchItem::Pieces { entry, first, count, have } => {
                    let told = u32::try_from(have.len()).unwrap_or(u32::MAX);
                    asked.told.entry(*entry).or_default().insert(first.0..first.0.saturating_add(told));
                    asked.pieces.entry(*entry).or_default().insert(first.0..first.0.saturating_add(*count));
                }
                FetchItem::Root { entry } => asked.roots.insert_one(entry.0),
            }
        }
        asked
    }

    /// Takes an answer off the list. `false`: it was not asked for, was answered before, or ends what is not at its end.
    pub(crate) fn answered(&mut self, frame: &Frame) -> bool {
        match frame {
            Frame::Block { entry, piece, .. } => self.piece(*entry, *piece),
            Frame::Same { entry, piece } => {
                self.told.get(entry).is_some_and(|told| told.contains(piece.0)) && self.piece(*entry, *piece)
            }
            Frame::Root { entry, .. } => take(&mut self.roots, entry.0),
            Frame::Failed { entry, .. } => {
                let file = take(&mut self.files, entry.0);
                let root = take(&mut self.roots, entry.0);
                self.pieces.remove(entry).is_some() || file || root
            }
            Frame::End => self.files.is_empty() && self.pieces.is_empty() && self.roots.is_empty(),
        }
    }

    fn piece(&mut self, entry: EntryIndex, piece: PieceIndex) -> bool {
        if piece.0 == 0 && take(&mut self.files, entry.0) {
            return true;
        }
        let Some(left) = self.pieces.get_mut(&entry) else { return false };
        let was_left = take(left, piece.0);
        if left.is_empty() {
            self.pieces.remove(&entry);
        }
        was_left
    }
}

fn take(set: &mut RangeSet, number: u32) -> bool {
    let was_there = set.contains(number);
    if was_there {
        set.remove(number..number.saturating_add(1));
    }
    was_there
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_proto::{Hash, message::EntryFailure};

    fn block(entry: u32, piece: u32) -> Frame {
        Frame::Block { entry: EntryIndex(entry), piece: PieceIndex(piece), hash: Hash::of(b""), len: 0 }
    }

    fn asked() -> Asked {
        Asked::new(&[
            FetchItem::Files { first: EntryIndex(3), count: 2 },
            FetchItem::Pieces { entry: EntryIndex(7), first: PieceIndex(4), count: 2, have: Vec::new() },
            FetchItem::Root { entry: EntryIndex(8) },
        ])
    }

    #[test]
    fn each_thing_is_answered_once_and_all_before_the_end() {
        let mut asked = asked();
        let root = Frame::Root { entry: EntryIndex(8), root: Hash::of(b"") };
        for answer in [block(3, 0), block(7, 5), block(4, 0), root, block(7, 4)] {
            assert!(!asked.answered(&Frame::End));
            assert!(asked.answered(&answer), "{answer:?}");
            assert!(!asked.answered(&answer), "{answer:?} twice");
        }
        assert!(asked.answered(&Frame::End));
    }

    #[test]
    fn what_was_not_asked_for_is_no_answer() {
        let mut asked = asked();
        let root = Frame::Root { entry: EntryIndex(7), root: Hash::of(b"") };
        for wrong in [block(2, 0), block(3, 1), block(7, 3), block(7, 6), block(8, 0), root] {
            assert!(!asked.answered(&wrong), "{wrong:?}");
        }
    }

    #[test]
    fn only_what_we_have_can_be_the_same() {
        let have = vec![Hash::of(b"")];
        let mut asked = Asked::new(&[FetchItem::Pieces { entry: EntryIndex(1), first: PieceIndex(2), count: 2, have }]);
        let same = |piece| Frame::Same { entry: EntryIndex(1), piece: PieceIndex(piece) };
        assert!(!asked.answered(&same(3)));
        assert!(asked.answered(&same(2)));
        assert!(!asked.answered(&same(2)));
    }

    #[test]
    fn a_failure_answers_for_the_whole_file_and_comes_once() {
        let mut asked = asked();
        for entry in [3, 4, 7, 8] {
            let failed = Frame::Failed { entry: EntryIndex(entry), reason: EntryFailure::Gone };
            assert!(asked.answered(&failed));
            assert!(!asked.answered(&failed));
        }
        assert!(asked.answered(&Frame::End));
    }
}
