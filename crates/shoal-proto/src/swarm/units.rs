//! What is asked for, given and told about as one.

use crate::{Manifest, PieceIndex, manifest::EntryIndex, message::FetchItem, piece};

/// Entries in one unit, at most.
pub const UNIT_ENTRIES: u32 = 256;

/// A unit that has this many bytes of small files takes no more of them: the smallest piece.
const ENOUGH: u64 = piece::piece_size(0);

/// Units of one content, at most: a longer one is not swarmed. 256 GiB and more in pieces, or 250 million small files.
pub const MAX_UNITS: usize = 1 << 20;

/// One unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Entries of at most one piece each, and the folders among them.
    Entries {
        /// The first.
        first: EntryIndex,
        /// How many; at most [`UNIT_ENTRIES`].
        count: u32,
        /// Sum of the sizes of its files, in bytes; less than two of the smallest pieces.
        bytes: u32,
    },
    /// A piece of a file of several.
    Piece {
        /// The file.
        entry: EntryIndex,
        /// Which.
        piece: PieceIndex,
        /// Its length, in bytes.
        bytes: u32,
    },
}

/// The units of a content, numbered in the order of its manifest: the same on all peers that have the same one.
#[derive(Debug)]
pub struct Units(Vec<Unit>);

impl Units {
    /// Those of a manifest; `None`: there are more than [`MAX_UNITS`].
    pub fn of(manifest: &Manifest) -> Option<Self> {
        let mut units = Vec::new();
        let mut run: Option<(EntryIndex, u32, u32)> = None;
        for (index, entry) in manifest.entries() {
            let size = entry.kind.size();
            let pieces = piece::piece_count(size);
            let small = u32::try_from(size).ok().filter(|_| pieces <= 1);
            match (&mut run, small) {
                (Some((_, count, bytes)), Some(size)) if *count < UNIT_ENTRIES && u64::from(*bytes) < ENOUGH => {
                    *count += 1;
                    *bytes += size;
                }
                (_, Some(size)) => {
                    close(&mut units, run.replace((index, 1, size)));
                }
                (_, None) => {
                    close(&mut units, run.take());
                    if units.len().saturating_add(pieces as usize) > MAX_UNITS {
                        return None;
                    }
                    for number in 0..pieces {
                        let range = piece::piece_range(size, PieceIndex(number)).unwrap_or_default();
                        let bytes = u32::try_from(range.end - range.start).unwrap_or(u32::MAX);
                        units.push(Unit::Piece { entry: index, piece: PieceIndex(number), bytes });
                    }
                }
            }
            if units.len() >= MAX_UNITS {
                return None;
            }
        }
        close(&mut units, run);
        Some(Self(units))
    }

    /// How many there are.
    pub fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX) // at most MAX_UNITS
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A unit, if there is one of that number.
    pub fn get(&self, unit: u32) -> Option<Unit> {
        self.0.get(unit as usize).copied()
    }

    /// All in order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Unit)> + '_ {
        (0..).zip(self.0.iter().copied())
    }

    /// Those that hold an entry or a part of it.
    pub fn of_entry(&self, entry: EntryIndex) -> std::ops::Range<u32> {
        let at = |bound: usize| u32::try_from(bound).unwrap_or(u32::MAX);
        let first = self.0.partition_point(|unit| unit.end() <= entry.0);
        let end = self.0.partition_point(|unit| unit.first().0 <= entry.0);
        at(first)..at(end)
    }
}

impl Unit {
    /// Its first entry.
    pub const fn first(&self) -> EntryIndex {
        match self {
            Self::Entries { first, .. } => *first,
            Self::Piece { entry, .. } => *entry,
        }
    }

    /// The entry behind its last.
    const fn end(&self) -> u32 {
        match self {
            Self::Entries { first, count, .. } => first.0 + *count,
            Self::Piece { entry, .. } => entry.0 + 1,
        }
    }

    /// Its entries.
    pub const fn entries(&self) -> std::ops::Range<u32> {
        self.first().0..self.end()
    }

    /// Bytes of content.
    pub const fn bytes(&self) -> u32 {
        match self {
            Self::Entries { bytes, .. } | Self::Piece { bytes, .. } => *bytes,
        }
    }

    /// As a request for content.
    pub const fn item(&self) -> FetchItem {
        match self {
            Self::Entries { first, count, .. } => FetchItem::Files { first: *first, count: *count },
            Self::Piece { entry, piece, .. } => FetchItem::Pieces { entry: *entry, first: *piece, count: 1, have: Vec::new() },
        }
    }
}

fn close(units: &mut Vec<Unit>, run: Option<(EntryIndex, u32, u32)>) {
    units.extend(run.map(|(first, count, bytes)| Unit::Entries { first, count, bytes }));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        Entry, RelativePath,
        manifest::{Builder, EntryKind, Timestamp},
    };
    use proptest::prelude::*;

    fn manifest(sizes: &[u64]) -> Manifest {
        let mut builder = Builder::default();
        for (number, size) in sizes.iter().enumerate() {
            let path = RelativePath::parse(&format!("{number:06}")).unwrap();
            let kind = EntryKind::File { size: *size, executable: false, root: None };
            builder.push(&Entry { path, kind, modified: Timestamp::default() }).unwrap();
        }
        builder.finish().unwrap()
    }

    #[test]
    fn a_content_of_too_many_pieces_has_no_units() {
        assert_eq!(Units::of(&manifest(&[255 << 30])).unwrap().len(), 255 << 10);
        assert!(Units::of(&manifest(&[255 << 30, 256 << 30, 256 << 30, 256 << 30, 256 << 30])).is_none());
    }

    proptest! {
        #[test]
        fn every_piece_is_in_one_unit(sizes in prop::collection::vec(prop_oneof![0_u64..2000, 0_u64..3_000_000], 0..700)) {
            let manifest = manifest(&sizes);
            let units = Units::of(&manifest).unwrap();
            let (mut bytes, mut seen) = (0_u64, Vec::new());
            for (number, unit) in units.iter() {
                bytes += u64::from(unit.bytes());
                prop_assert!(u64::from(unit.bytes()) < 2 * ENOUGH && unit.entries().len() <= UNIT_ENTRIES as usize);
                for entry in unit.entries() {
                    prop_assert!(units.of_entry(EntryIndex(entry)).contains(&number));
                    let piece = match unit { Unit::Piece { piece, .. } => piece.0, Unit::Entries { .. } => 0 };
                    seen.push((entry, piece));
                }
            }
            let all: Vec<_> = (0..).zip(&sizes).flat_map(|(entry, size)| (0..piece::piece_count(*size).max(1)).map(move |piece| (entry, piece))).collect();
            prop_assert_eq!(seen, all);
            prop_assert_eq!(bytes, sizes.iter().sum::<u64>());
        }
    }
}
