//! Pieces: the parts of a file that are checked and asked for on their own.
//!
//! BLAKE3 (<https://github.com/BLAKE3-team/BLAKE3-specs/blob/master/blake3.pdf>, §2) splits a file into chunks of 1 KiB, hashes
//! each with its number, and joins the results (*chaining values*) in pairs up a binary tree, left subtrees being complete and a
//! power of two long. A piece here is a power of two of chunks and starts at a multiple of its length, so it is one whole subtree
//! of that tree (the last may be cut short). [`hash_piece`] gives the chaining value of that subtree, [`fold`] does the upper part
//! of the tree. Hence each piece is checked before it is written, pieces come from anywhere in any order, and the size of pieces
//! never changes the file's hash.
//!
//! A file of one piece has no upper part: its piece *is* the root, and its hash is the plain BLAKE3 hash.

use crate::Hash;
use blake3::hazmat::{self, HasherExt, Mode};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A piece's place in its file, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PieceIndex(pub u32);

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// Largest file, in bytes: 1 PiB, which is 2²⁸ pieces. A larger size is refused where it is read.
pub const MAX_FILE_SIZE: u64 = 1024 * 1024 * GIB;

/// Largest piece, in bytes.
pub const MAX_PIECE_SIZE: u64 = 4 * MIB;

/// Length of every piece but the last of a file of `size` bytes: 256 KiB under 64 MiB, 1 MiB up to 256 GiB, 4 MiB above.
pub const fn piece_size(size: u64) -> u64 {
    match size {
        _ if size < 64 * MIB => 256 * KIB,
        _ if size <= 256 * GIB => MIB,
        _ => MAX_PIECE_SIZE,
    }
}

/// Number of pieces of a file of `size` bytes, at least 1: an empty file has one piece, which is empty.
///
/// For a size above [`MAX_FILE_SIZE`], which nothing that was parsed has, it stays at that of the largest file; see
/// [`checked_piece_count`].
pub fn piece_count(size: u64) -> u32 {
    let size = size.min(MAX_FILE_SIZE);
    // At most 2²⁸.
    u32::try_from(size.div_ceil(piece_size(size)).max(1)).unwrap_or(u32::MAX)
}

/// Number of pieces of a file of `size` bytes; none above [`MAX_FILE_SIZE`].
pub fn checked_piece_count(size: u64) -> Option<u32> {
    (size <= MAX_FILE_SIZE).then(|| piece_count(size))
}

/// The bytes of a file of `size` bytes that a piece covers; none when there is no such piece.
pub fn piece_range(size: u64, piece: PieceIndex) -> Option<Range<u64>> {
    if piece.0 >= checked_piece_count(size)? {
        return None;
    }
    let start = u64::from(piece.0) * piece_size(size);
    Some(start..size.min(start + piece_size(size)))
}

/// The pieces of a file of `size` bytes that hold any of these; none when no byte of it is among them.
pub fn pieces_with(size: u64, bytes: Range<u64>) -> Range<u32> {
    let end = bytes.end.min(size);
    if bytes.start >= end {
        return 0..0;
    }
    let piece = |byte: u64| u32::try_from(byte / piece_size(size)).unwrap_or(u32::MAX);
    piece(bytes.start)..piece(end - 1).saturating_add(1).min(piece_count(size))
}

/// The hash of a piece of a file of `size` bytes: the chaining value of its subtree, or for a file of one piece the root itself.
///
/// `bytes` are the whole piece. Where index or length do not fit the file, the result is the hash of something that is no piece,
/// and equals no piece's hash.
pub fn hash_piece(size: u64, piece: PieceIndex, bytes: &[u8]) -> Hash {
    match piece_range(size, piece) {
        Some(range) if piece_count(size) > 1 && range.end - range.start == bytes.len() as u64 => subtree(range.start, bytes),
        // One piece, which is the root. Or not a piece at all: a root's flag keeps it apart from every chaining value.
        _ => Hash::of(bytes),
    }
}

/// [`hash_piece`] for bytes that come in parts. Parts of 16 KiB and more are hashed several times faster than shorter ones.
#[derive(Debug)]
pub struct PieceHasher {
    hasher: blake3::Hasher,
    part: Part,
}

/// What is hashed.
#[derive(Debug)]
enum Part {
    /// A whole file.
    Root,
    /// A piece of several, of which so many bytes are to come.
    Subtree(u64),
    /// More bytes than the piece has.
    TooLong,
}

impl PieceHasher {
    /// For a piece of a file of `size` bytes.
    pub fn new(size: u64, piece: PieceIndex) -> Self {
        let mut hasher = blake3::Hasher::new();
        let part = match piece_range(size, piece) {
            Some(range) if piece_count(size) > 1 => {
                hasher.set_input_offset(range.start);
                Part::Subtree(range.end - range.start)
            }
            _ => Part::Root,
        };
        Self { hasher, part }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Part::Subtree(left) = &mut self.part {
            match left.checked_sub(bytes.len() as u64) {
                Some(rest) => *left = rest,
                None => self.part = Part::TooLong,
            }
        }
        if !matches!(self.part, Part::TooLong) {
            self.hasher.update(bytes);
        }
    }

    /// The hash, as [`hash_piece`] gives it. With too few or too many bytes it equals no piece's hash.
    pub fn finish(self) -> Hash {
        match self.part {
            Part::Root => self.hasher.finalize().into(),
            Part::Subtree(0) => self.hasher.finalize_non_root().into(),
            // A root's flag keeps it apart from every chaining value.
            Part::Subtree(_) | Part::TooLong => Hash::of(b""),
        }
    }
}

/// The root of a file of `size` bytes from the hashes of its pieces in order; none when their number is not the file's.
pub fn fold(size: u64, pieces: &[Hash]) -> Option<Hash> {
    let count = usize::try_from(checked_piece_count(size)?).ok()?;
    if pieces.len() == count { root(pieces) } else { None }
}

/// The chaining value of a subtree that is not the root. `bytes` are not empty and no longer than a piece that may start there.
fn subtree(start: u64, bytes: &[u8]) -> Hash {
    blake3::Hasher::new().set_input_offset(start).update(bytes).finalize_non_root().into()
}

/// Joins chaining values of equal subtrees (but the last) to the root. A single one is the root already.
fn root(pieces: &[Hash]) -> Option<Hash> {
    match pieces {
        [] => None,
        [only] => Some(*only),
        _ => {
            let (left, right) = halves(pieces);
            Some(hazmat::merge_subtrees_root(&joined(left)?, &joined(right)?, Mode::Hash).into())
        }
    }
}

/// As [`root`], for a part of the tree below it. It calls itself at most 28 deep.
fn joined(pieces: &[Hash]) -> Option<[u8; 32]> {
    match pieces {
        [] => None,
        [only] => Some(*only.as_bytes()),
        _ => {
            let (left, right) = halves(pieces);
            Some(hazmat::merge_subtrees_non_root(&joined(left)?, &joined(right)?, Mode::Hash))
        }
    }
}

/// Splits two or more where the tree does: the left part is the largest power of two that leaves something (§2.1 of the paper).
fn halves(pieces: &[Hash]) -> (&[Hash], &[Hash]) {
    pieces.split_at(pieces.len().next_power_of_two() / 2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_pieces_with_some_bytes_are_those_that_hold_one_of_them() {
        let size = MIB + 1;
        for (bytes, expected) in [
            (0..0, 0..0),
            (0..1, 0..1),
            (0..256 * KIB, 0..1),
            (0..256 * KIB + 1, 0..2),
            (256 * KIB - 1..256 * KIB + 1, 0..2),
            (256 * KIB..256 * KIB + 1, 1..2),
            (MIB..MIB + 5, 4..5),
            (0..u64::MAX, 0..5),
            (size..size + 1, 0..0),
        ] {
            assert_eq!(pieces_with(size, bytes.clone()), expected, "{bytes:?}");
        }
        assert_eq!((pieces_with(0, 0..10), pieces_with(1 << 40, 1 << 39..(1 << 39) + 1)), (0..0, 1 << 17..(1 << 17) + 1));
    }

    /// Bytes that differ from place to place, so that swapped pieces show.
    fn content(len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new().update(b"content").finalize_xof().fill(&mut bytes);
        bytes
    }

    fn pieces_of(bytes: &[u8]) -> Vec<Hash> {
        let size = bytes.len() as u64;
        (0..piece_count(size))
            .map(|index| {
                let range = piece_range(size, PieceIndex(index)).unwrap();
                hash_piece(size, PieceIndex(index), &bytes[range.start as usize..range.end as usize])
            })
            .collect()
    }

    /// The same as pieces and fold, with pieces of any power of two of chunks: small ones test the shape of every small tree.
    fn fold_with(piece_size: usize, bytes: &[u8]) -> Option<Hash> {
        if bytes.len() <= piece_size {
            return Some(Hash::of(bytes));
        }
        let pieces: Vec<_> =
            bytes.chunks(piece_size).enumerate().map(|(i, part)| subtree((i * piece_size) as u64, part)).collect();
        root(&pieces)
    }

    #[test]
    fn pieces_fold_to_the_plain_hash_whatever_their_size() {
        let bytes = content(40 * 1024 + 1);
        for piece_size in [1024, 2048, 4096, 16384] {
            for chunks in 0..=40 {
                for len in [chunks * 1024, chunks * 1024 + 1, (chunks * 1024_usize).saturating_sub(1)] {
                    let bytes = &bytes[..len];
                    assert_eq!(fold_with(piece_size, bytes), Some(Hash::of(bytes)), "{len} bytes in pieces of {piece_size}");
                }
            }
        }
    }

    #[test]
    fn pieces_fold_to_the_plain_hash_at_every_edge() {
        let piece = 256 * 1024_usize;
        let boundary = 64 * 1024 * 1024;
        let bytes = content(boundary + 1024 * 1024 + 1);
        let mut lens = vec![0, 1, 1023, 1024, 1025];
        for pieces in [1, 2, 3, 4, 5, 7, 8, 9] {
            lens.extend([pieces * piece - 1, pieces * piece, pieces * piece + 1]);
        }
        lens.extend([boundary - 1, boundary, boundary + 1, boundary + 1024 * 1024 - 1, boundary + 1024 * 1024, bytes.len()]);
        for len in lens {
            let bytes = &bytes[..len];
            assert_eq!(fold(len as u64, &pieces_of(bytes)), Some(Hash::of(bytes)), "{len} bytes");
        }
    }

    #[test]
    fn a_piece_that_comes_in_parts_has_the_same_hash() {
        let bytes = content(700 * 1024);
        for (size, index) in [(0, 0), (1, 0), (256 * 1024, 0), (700 * 1024, 0), (700 * 1024, 1), (700 * 1024, 2)] {
            let range = piece_range(size, PieceIndex(index)).unwrap();
            let piece = &bytes[range.start as usize..range.end as usize];
            for part in [1, 1400, 16 * 1024, 1 << 20] {
                let mut hasher = PieceHasher::new(size, PieceIndex(index));
                piece.chunks(part).for_each(|part| hasher.update(part));
                assert_eq!(hasher.finish(), hash_piece(size, PieceIndex(index), piece), "{size} {index} in parts of {part}");
            }
        }
        let of = |len: usize| {
            let mut hasher = PieceHasher::new(700 * 1024, PieceIndex(0));
            hasher.update(&bytes[..len]);
            hasher.finish()
        };
        let right = of(256 * 1024);
        assert!(of(256 * 1024 - 1) != right && of(256 * 1024 + 1) != right);
    }

    #[test]
    fn ranges_cover_a_file_once() {
        for size in [0, 1, 256 * KIB, 256 * KIB + 1, 64 * MIB - 1, 64 * MIB, 64 * MIB + 1, GIB + 1, 3 * GIB - 1] {
            let mut end = 0;
            for index in 0..piece_count(size) {
                let range = piece_range(size, PieceIndex(index)).unwrap();
                assert_eq!(range.start, end);
                assert!(range.end - range.start <= piece_size(size));
                end = range.end;
            }
            assert_eq!(end, size);
            assert_eq!(piece_range(size, PieceIndex(piece_count(size))), None);
        }
    }

    #[test]
    fn the_largest_sizes_are_counted_without_overflow() {
        assert_eq!(piece_count(256 * GIB), 256 * 1024);
        assert_eq!(piece_count(256 * GIB + 1), 64 * 1024 + 1);
        assert_eq!(checked_piece_count(MAX_FILE_SIZE), Some(1 << 28));
        assert_eq!(piece_range(MAX_FILE_SIZE, PieceIndex((1 << 28) - 1)), Some(MAX_FILE_SIZE - MAX_PIECE_SIZE..MAX_FILE_SIZE));
        for size in [MAX_FILE_SIZE + 1, u64::MAX] {
            assert_eq!(checked_piece_count(size), None);
            assert_eq!(piece_range(size, PieceIndex(0)), None);
            assert_eq!(fold(size, &[Hash::of(b"")]), None);
        }
    }

    /// Deep in a large file the offset counts too; computed there without the file.
    #[test]
    fn the_same_bytes_elsewhere_have_another_hash() {
        let size = 300 * GIB;
        let bytes = content(piece_size(size) as usize);
        let hashes = [0, 1, 2, piece_count(size) - 1].map(|index| hash_piece(size, PieceIndex(index), &bytes));
        for (i, a) in hashes.iter().enumerate() {
            assert!(hashes.iter().skip(i + 1).all(|b| a != b));
        }
    }

    #[test]
    fn bytes_that_are_no_piece_neither_panic_nor_fit() {
        let size = MIB + 1;
        let bytes = content(MIB as usize);
        let right = pieces_of(&content(size as usize));
        for (index, len) in
            [(0, 0), (0, 1), (0, 256 * 1024 - 1), (0, 256 * 1024 + 1), (0, MIB as usize), (4, 0), (4, 2), (5, 1), (u32::MAX, 7)]
        {
            assert!(!right.contains(&hash_piece(size, PieceIndex(index), &bytes[..len])));
        }
    }

    #[test]
    fn a_wrong_number_of_hashes_folds_to_nothing() {
        let hashes = pieces_of(&content(MIB as usize));
        assert_eq!(hashes.len(), 4);
        assert_eq!(fold(MIB, &hashes[..3]), None);
        assert_eq!(fold(MIB + 1, &hashes), None);
        assert_eq!(fold(0, &[]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_file_folds_to_its_plain_hash(len in 0_usize..3_000_000) {
            let bytes = content(len);
            prop_assert_eq!(fold(len as u64, &pieces_of(&bytes)), Some(Hash::of(&bytes)));
        }

        #[test]
        fn a_changed_byte_changes_its_piece_only(len in 600_000_usize..1_200_000, at: prop::sample::Index) {
            let mut bytes = content(len);
            let before = pieces_of(&bytes);
            let at = at.index(len);
            bytes[at] ^= 1;
            for (index, (a, b)) in before.iter().zip(pieces_of(&bytes)).enumerate() {
                prop_assert_eq!(*a == b, index != at / (256 * 1024));
            }
        }
    }
}
