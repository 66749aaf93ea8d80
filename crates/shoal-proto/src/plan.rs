//! What to fetch next: the receiver's side of a transfer as a pure state machine.
//!
//! [`Plan`] knows the manifest, which entries are wanted, which are settled, and which pieces of the files in progress are
//! verified. It hands out [`Work`] and is told what came of it; when a session breaks off, the next makes a new plan from what
//! was kept. It owns neither files, nor streams, nor a clock.

use crate::{
    Hash, Manifest, PieceIndex, RangeSet,
    manifest::{EntryIndex, EntryKind},
    piece,
};
use std::{collections::BTreeMap, ops::Range};

/// Bytes handed out as one piece of work, at most, unless a single piece is larger. Bounds what is on its way at a kill.
pub const WORK_BYTES: u64 = 2 * 1024 * 1024;

/// Entries handed out as one piece of work, at most.
pub const WORK_ENTRIES: u32 = 256;

/// Something to fetch on one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Entries of one piece each, and folders; every one in the range is wanted and not settled.
    Entries(Range<u32>),
    /// Pieces of a file of several.
    Pieces {
        /// The file.
        entry: EntryIndex,
        /// Which.
        pieces: Range<u32>,
    },
    /// The root of a file whose pieces are all there.
    Root(EntryIndex),
}

/// What the driver has to do after a piece was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// More pieces are needed.
    More,
    /// Every piece is there, and their hashes fold to `root`; the sender has to confirm it ([`Work::Root`] follows).
    Confirm,
    /// The file is whole and right: commit it, then [`Plan::settle`].
    Whole(Hash),
    /// The pieces do not make the file that was offered: drop them, then [`Plan::settle`] it as failed.
    Wrong,
}

/// The receiver's view of one transfer.
#[derive(Debug)]
pub struct Plan {
    manifest: Manifest,
    wanted: RangeSet,
    settled: RangeSet,
    assigned: RangeSet,
    begun: BTreeMap<u32, File>,
    bytes_verified: u64,
}

#[derive(Debug)]
struct File {
    size: u64,
    /// From the manifest, when the sender knew it.
    root: Option<Hash>,
    hashes: Vec<Option<Hash>>,
    verified: RangeSet,
    assigned: RangeSet,
    root_assigned: bool,
}

impl Plan {
    /// A plan for what is wanted of a manifest, with what an earlier session settled.
    pub fn new(manifest: Manifest, wanted: RangeSet, settled: RangeSet) -> Self {
        Self { manifest, wanted, settled, assigned: RangeSet::new(), begun: BTreeMap::new(), bytes_verified: 0 }
    }

    /// Takes up pieces that an earlier session verified, from `first` on. What does not fit the manifest is ignored.
    pub fn restore(&mut self, entry: EntryIndex, first: PieceIndex, hashes: &[Hash]) {
        if !self.is_open(entry) {
            return;
        }
        let Some(file) = self.begin(entry) else { return };
        let mut restored = 0;
        for (index, hash) in (first.0..=u32::MAX).zip(hashes) {
            let place = file.hashes.get_mut(index as usize);
            let Some((place, range)) = place.zip(piece::piece_range(file.size, PieceIndex(index))) else { break };
            if place.replace(*hash).is_none() {
                file.verified.insert_one(index);
                restored += range.end - range.start;
            }
        }
        self.bytes_verified += restored;
    }

    /// The manifest.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Entries in place or failed for good.
    pub const fn settled(&self) -> &RangeSet {
        &self.settled
    }

    /// Verified bytes of files that are not settled yet.
    pub const fn bytes_verified(&self) -> u64 {
        self.bytes_verified
    }

    /// Whether every wanted entry is settled.
    pub fn is_finished(&self) -> bool {
        self.wanted.ranges().all(|range| self.settled.contains_range(range))
    }

    /// The next work, assigned to the caller until it is settled or verified. `None`: nothing is left to hand out.
    pub fn next_work(&mut self) -> Option<Work> {
        let begun = self.begun.iter_mut().find_map(|(entry, file)| file.next_work(EntryIndex(*entry)));
        begun.or_else(|| self.next_entries())
    }

    fn next_entries(&mut self) -> Option<Work> {
        let first = self.next_open()?;
        let run_end = first.end.min(first.start.saturating_add(WORK_ENTRIES));
        let (mut end, mut bytes) = (first.start, 0u64);
        let mut large = None;
        for (index, entry) in self.manifest.entries_from(EntryIndex(first.start)) {
            let size = entry.kind.size();
            if index.0 >= run_end || end > first.start && bytes + size > WORK_BYTES {
                break;
            }
            if piece::piece_count(size) > 1 {
                large = (end == first.start).then_some(index);
                break;
            }
            bytes += size;
            end = index.0 + 1;
        }
        if let Some(entry) = large {
            return self.begin(entry)?.next_work(entry);
        }
        if end == first.start {
            return None;
        }
        self.assigned.insert(first.start..end);
        Some(Work::Entries(first.start..end))
    }

    /// The first run of entries that nobody works on.
    fn next_open(&self) -> Option<Range<u32>> {
        for wanted in self.wanted.ranges() {
            let mut from = wanted.start;
            while let Some(gap) = self.settled.first_missing(from..wanted.end) {
                // `begun` files are in `assigned`, too.
                if let Some(open) = self.assigned.first_missing(gap.clone()) {
                    return Some(open);
                }
                from = gap.end;
            }
        }
        None
    }

    fn begin(&mut self, entry: EntryIndex) -> Option<&mut File> {
        let EntryKind::File { size, root, .. } = self.manifest.entry(entry)?.kind else { return None };
        let count = piece::piece_count(size);
        if count < 2 {
            return None;
        }
        self.assigned.insert_one(entry.0);
        Some(self.begun.entry(entry.0).or_insert_with(|| File {
            size,
            root,
            hashes: vec![None; count as usize],
            verified: RangeSet::new(),
            assigned: RangeSet::new(),
            root_assigned: false,
        }))
    }

    /// Wanted and not settled.
    fn is_open(&self, entry: EntryIndex) -> bool {
        self.wanted.contains(entry.0) && !self.settled.contains(entry.0)
    }

    /// Pieces of this file come, in whatever order: it is in progress from now on.
    pub fn open_file(&mut self, entry: EntryIndex) {
        if self.is_open(entry) {
            self.begin(entry);
        }
    }

    /// A piece of a file in progress is verified.
    pub fn has_piece(&self, entry: EntryIndex, piece: PieceIndex) -> bool {
        self.begun.get(&entry.0).is_some_and(|file| file.verified.contains(piece.0))
    }

    /// The next file all of whose pieces are there and whose root nobody said, with the root that they make; each once. For pieces that were
    /// all checked against what the sender said of them: nothing is left to ask.
    pub fn next_complete(&mut self) -> Option<(EntryIndex, Hash)> {
        self.begun.iter_mut().find_map(|(entry, file)| {
            if file.root_assigned || file.step() != Step::Confirm {
                return None;
            }
            let hashes: Vec<Hash> = file.hashes.iter().copied().collect::<Option<_>>()?;
            file.root_assigned = true;
            Some((EntryIndex(*entry), piece::fold(file.size, &hashes)?))
        })
    }

    /// A piece of a file of several is verified and on the disk.
    pub fn verified(&mut self, entry: EntryIndex, piece: PieceIndex, hash: Hash) -> Step {
        let Some(file) = self.begun.get_mut(&entry.0) else { return Step::More };
        let Some(place) = file.hashes.get_mut(piece.0 as usize) else { return Step::More };
        if place.replace(hash).is_none() {
            let range = piece::piece_range(file.size, piece).unwrap_or_default();
            self.bytes_verified += range.end - range.start;
        }
        file.verified.insert_one(piece.0);
        file.assigned.remove(piece.0..piece.0 + 1);
        file.step()
    }

    /// The sender says what the root of a file is, whose pieces are all there.
    pub fn confirmed(&mut self, entry: EntryIndex, root: Hash) -> Step {
        let Some(file) = self.begun.get_mut(&entry.0) else { return Step::More };
        file.root = Some(root);
        file.step()
    }

    /// What is to be done about a begun file, for files that an earlier session left complete.
    pub fn step(&self, entry: EntryIndex) -> Step {
        self.begun.get(&entry.0).map_or(Step::More, File::step)
    }

    /// Files in progress, several pieces each.
    pub fn begun(&self) -> impl Iterator<Item = EntryIndex> {
        self.begun.keys().map(|entry| EntryIndex(*entry))
    }

    /// Files in progress with their verified bytes.
    pub fn begun_bytes(&self) -> impl Iterator<Item = (EntryIndex, u64)> {
        self.begun.iter().map(|(entry, file)| (EntryIndex(*entry), file.bytes_verified()))
    }

    /// Entries that are wanted.
    pub const fn wanted(&self) -> &RangeSet {
        &self.wanted
    }

    /// The verified hashes of a whole file in order, or `None`.
    pub fn layer(&self, entry: EntryIndex) -> Option<Vec<Hash>> {
        self.begun.get(&entry.0)?.hashes.iter().copied().collect()
    }

    /// An entry is in place, or failed for good.
    pub fn settle(&mut self, entry: EntryIndex) {
        if let Some(file) = self.begun.remove(&entry.0) {
            self.bytes_verified = self.bytes_verified.saturating_sub(file.bytes_verified());
        }
        self.assigned.remove(entry.0..entry.0 + 1);
        self.settled.insert_one(entry.0);
    }

    /// A piece is not there after all: it is fetched again.
    pub fn lost(&mut self, entry: EntryIndex, piece: PieceIndex) {
        let Some(file) = self.begun.get_mut(&entry.0) else { return };
        file.assigned.remove(piece.0..piece.0.saturating_add(1));
        if let Some(place) = file.hashes.get_mut(piece.0 as usize)
            && place.take().is_some()
        {
            file.verified.remove(piece.0..piece.0 + 1);
            let range = piece::piece_range(file.size, piece).unwrap_or_default();
            self.bytes_verified = self.bytes_verified.saturating_sub(range.end - range.start);
        }
    }
}

impl File {
    fn next_work(&mut self, entry: EntryIndex) -> Option<Work> {
        let count = piece::piece_count(self.size);
        let run = u32::try_from(WORK_BYTES / piece::piece_size(self.size)).unwrap_or(1).max(1);
        let mut from = 0;
        while let Some(gap) = self.verified.first_missing(from..count) {
            if let Some(open) = self.assigned.first_missing(gap.clone()) {
                let pieces = open.start..open.end.min(open.start + run);
                self.assigned.insert(pieces.clone());
                return Some(Work::Pieces { entry, pieces });
            }
            from = gap.end;
        }
        if self.step() == Step::Confirm && !self.root_assigned {
            self.root_assigned = true;
            return Some(Work::Root(entry));
        }
        None
    }

    fn step(&self) -> Step {
        if !self.verified.contains_range(0..piece::piece_count(self.size)) {
            return Step::More;
        }
        let Some(hashes) = self.hashes.iter().copied().collect::<Option<Vec<Hash>>>() else { return Step::More };
        match (piece::fold(self.size, &hashes), self.root) {
            (Some(_), None) => Step::Confirm,
            (Some(folded), Some(root)) if folded == root => Step::Whole(root),
            _ => Step::Wrong,
        }
    }

    fn bytes_verified(&self) -> u64 {
        let length = |index| piece::piece_range(self.size, PieceIndex(index)).map_or(0, |range| range.end - range.start);
        self.verified.iter().map(length).sum()
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
