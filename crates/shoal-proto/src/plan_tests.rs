//! The plan against a naive model: random manifests, several streams in any order, sessions that break off anywhere.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::{
    Entry, RelativePath,
    manifest::{Builder, Timestamp},
};
use proptest::{collection::vec, prelude::*};
use std::collections::{BTreeSet, VecDeque};

/// A part of an answer: `None` stands for the root.
type Part = (u32, Option<u32>);

#[derive(Debug, Clone, Copy)]
enum Kind {
    Folder,
    /// Of one piece.
    Small(u64),
    /// Of several; whether the manifest has its root, and whether the sender then sends just that.
    Large {
        size: u64,
        root: Root,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Root {
    Unknown,
    Right,
    Wrong,
}

fn kind() -> impl Strategy<Value = Kind> {
    let piece = 256 * 1024;
    let root = prop_oneof![4 => Just(Root::Unknown), 2 => Just(Root::Right), 1 => Just(Root::Wrong)];
    let size = prop_oneof![Just(piece + 1), Just(2 * piece), piece + 1..40 * piece, Just(70 << 20), 65u64 << 20..90 << 20];
    prop_oneof![
        2 => Just(Kind::Folder),
        6 => prop_oneof![Just(0), Just(1), Just(piece), 0..=piece].prop_map(Kind::Small),
        3 => (size, root).prop_map(|(size, root)| Kind::Large { size, root }),
    ]
}

/// What one file's piece hashes to; any numbers do.
fn hash_of(entry: u32, piece: u32) -> Hash {
    Hash::of(&[entry.to_le_bytes(), piece.to_le_bytes()].concat())
}

fn root_of(entry: u32, size: u64) -> Hash {
    let hashes: Vec<Hash> = (0..piece::piece_count(size)).map(|piece| hash_of(entry, piece)).collect();
    piece::fold(size, &hashes).unwrap()
}

fn manifest(kinds: &[Kind]) -> Manifest {
    let mut builder = Builder::default();
    for (index, kind) in (0..).zip(kinds) {
        let kind = match *kind {
            Kind::Folder => EntryKind::Folder,
            Kind::Small(size) => EntryKind::File { size, executable: false, root: None },
            Kind::Large { size, root } => {
                let root = match root {
                    Root::Unknown => None,
                    Root::Right => Some(root_of(index, size)),
                    Root::Wrong => Some(hash_of(index, u32::MAX)),
                };
                EntryKind::File { size, executable: false, root }
            }
        };
        let path = RelativePath::parse(&format!("entry {index:04}")).unwrap();
        builder.push(&Entry { path, modified: Timestamp::default(), kind }).unwrap();
    }
    builder.finish().unwrap()
}

/// Choices one after the other; when they are used up everything goes well, so that every story ends.
struct Choices(std::vec::IntoIter<u16>);

impl Choices {
    fn below(&mut self, bound: usize) -> usize {
        self.0.next().map_or(0, |choice| choice as usize % bound)
    }

    /// Once in `n` times, and never once the choices are used up.
    fn rarely(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }
}

/// The naive model: sets of numbers.
struct Model {
    kinds: Vec<Kind>,
    wanted: BTreeSet<u32>,
    settled: BTreeSet<u32>,
    verified: BTreeSet<(u32, u32)>,
    assigned: BTreeSet<Part>,
    streams: Vec<VecDeque<Part>>,
    times_settled: Vec<u32>,
}

impl Model {
    fn size(&self, entry: u32) -> u64 {
        match self.kinds[entry as usize] {
            Kind::Folder => 0,
            Kind::Small(size) | Kind::Large { size, .. } => size,
        }
    }

    fn bytes_verified(&self) -> u64 {
        let length = |&(entry, index): &(u32, u32)| {
            let range = piece::piece_range(self.size(entry), PieceIndex(index)).unwrap();
            range.end - range.start
        };
        self.verified.iter().filter(|(entry, _)| !self.settled.contains(entry)).map(length).sum()
    }

    fn settle(&mut self, plan: &mut Plan, entry: u32) {
        plan.settle(EntryIndex(entry));
        self.settled.insert(entry);
        self.times_settled[entry as usize] += 1;
        self.assigned.retain(|(of, _)| *of != entry);
    }

    fn step(&mut self, plan: &mut Plan, entry: u32, step: Step) -> Result<(), TestCaseError> {
        let Kind::Large { size, root } = self.kinds[entry as usize] else { return Ok(()) };
        match step {
            Step::More | Step::Confirm => {}
            Step::Whole(folded) => {
                prop_assert_eq!(folded, root_of(entry, size));
                prop_assert!((0..piece::piece_count(size)).all(|piece| self.verified.contains(&(entry, piece))));
                prop_assert_eq!(plan.layer(EntryIndex(entry)).unwrap().len(), piece::piece_count(size) as usize);
                self.settle(plan, entry);
            }
            Step::Wrong => {
                prop_assert_eq!(root, Root::Wrong);
                self.settle(plan, entry);
            }
        }
        Ok(())
    }

    /// Takes work for an idle stream; everything in it must be wanted, not settled, not there, and nobody else's.
    fn take_work(&mut self, plan: &mut Plan, stream: usize) -> Result<bool, TestCaseError> {
        let Some(work) = plan.next_work() else { return Ok(false) };
        let (mut parts, mut bytes) = (Vec::new(), 0);
        match work {
            Work::Entries(entries) => {
                prop_assert!(!entries.is_empty() && entries.end - entries.start <= WORK_ENTRIES);
                for entry in entries {
                    let large = matches!(self.kinds[entry as usize], Kind::Large { .. });
                    prop_assert!(!large, "{entry} has several pieces");
                    bytes += self.size(entry);
                    parts.push((entry, Some(0)));
                }
                prop_assert!(bytes <= WORK_BYTES);
            }
            Work::Pieces { entry: EntryIndex(entry), pieces } => {
                prop_assert!(!pieces.is_empty());
                for index in pieces.clone() {
                    let range = piece::piece_range(self.size(entry), PieceIndex(index)).unwrap();
                    bytes += range.end - range.start;
                    prop_assert!(!self.verified.contains(&(entry, index)), "it is there");
                    parts.push((entry, Some(index)));
                }
                prop_assert!(bytes <= WORK_BYTES || pieces.len() == 1);
            }
            Work::Root(EntryIndex(entry)) => {
                let count = piece::piece_count(self.size(entry));
                prop_assert!((0..count).all(|piece| self.verified.contains(&(entry, piece))));
                parts.push((entry, None));
            }
        }
        for part in parts {
            prop_assert!(self.wanted.contains(&part.0) && !self.settled.contains(&part.0), "not wanted, or over");
            prop_assert!(self.assigned.insert(part), "somebody else fetches {part:?}");
            self.streams[stream].push_back(part);
        }
        Ok(true)
    }

    /// The next part of a stream's answer comes.
    fn answer(&mut self, plan: &mut Plan, stream: usize, choices: &mut Choices) -> Result<(), TestCaseError> {
        let Some((entry, part)) = self.streams[stream].pop_front() else { return Ok(()) };
        let index = EntryIndex(entry);
        prop_assert_eq!(plan.settled().contains(entry), self.settled.contains(&entry));
        if self.settled.contains(&entry) {
            return Ok(()); // another stream said that the file failed
        }
        if choices.rarely(40) {
            self.settle(plan, entry);
            return Ok(());
        }
        match (self.kinds[entry as usize], part) {
            (Kind::Large { .. }, Some(piece)) if choices.rarely(30) => {
                plan.lost(index, PieceIndex(piece));
                self.assigned.remove(&(entry, part));
            }
            (Kind::Large { .. }, Some(piece)) => {
                let step = plan.verified(index, PieceIndex(piece), hash_of(entry, piece));
                self.verified.insert((entry, piece));
                self.assigned.remove(&(entry, part));
                self.step(plan, entry, step)?;
            }
            (Kind::Large { size, .. }, None) => {
                let step = plan.confirmed(index, root_of(entry, size));
                self.step(plan, entry, step)?;
            }
            _ => self.settle(plan, entry),
        }
        Ok(())
    }

    /// The session breaks off: some of what was verified was recorded, nothing is under way.
    fn break_off(&mut self, choices: &mut Choices) -> Result<Plan, TestCaseError> {
        self.verified.retain(|_| !choices.rarely(4));
        self.assigned.clear();
        self.streams.iter_mut().for_each(VecDeque::clear);
        let set = |numbers: &BTreeSet<u32>| numbers.iter().map(|number| *number..number + 1).collect::<RangeSet>();
        let mut plan = Plan::new(manifest(&self.kinds), set(&self.wanted), set(&self.settled));
        for &(entry, index) in &self.verified {
            plan.restore(EntryIndex(entry), PieceIndex(index), &[hash_of(entry, index)]);
        }
        let begun: Vec<EntryIndex> = plan.begun().collect();
        for entry in begun {
            let step = plan.step(entry);
            self.step(&mut plan, entry.0, step)?;
        }
        Ok(plan)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Why it matters: an entry that nobody settles is a transfer that never ends, one that two streams settle is counted twice,
    /// and one that is not wanted breaks the consent.
    #[test]
    fn every_wanted_entry_is_settled_once_and_nothing_else_is_asked_for(
        kinds in vec(kind(), 1..40),
        unwanted in vec(0u32..40, 0..20),
        streams in 1usize..5,
        choices in vec(any::<u16>(), 0..600),
    ) {
        let count = kinds.len();
        let mut choices = Choices(choices.into_iter());
        let mut wanted: BTreeSet<u32> = (0..count as u32).collect();
        unwanted.iter().for_each(|entry| { wanted.remove(entry); });
        let mut model = Model {
            wanted,
            settled: BTreeSet::new(),
            verified: BTreeSet::new(),
            assigned: BTreeSet::new(),
            streams: vec![VecDeque::new(); streams],
            times_settled: vec![0; count],
            kinds,
        };
        let mut plan = model.break_off(&mut choices)?;
        loop {
            prop_assert_eq!(plan.bytes_verified(), model.bytes_verified());
            prop_assert_eq!(plan.settled().iter().collect::<BTreeSet<_>>(), model.settled.clone());
            let finished = model.wanted.is_subset(&model.settled);
            prop_assert_eq!(plan.is_finished(), finished);
            if finished && model.streams.iter().all(VecDeque::is_empty) {
                break;
            }
            if choices.rarely(60) {
                plan = model.break_off(&mut choices)?;
            }
            // The stream that comes first, or any other that has something to do.
            let first = choices.below(streams);
            let mut moved = false;
            for stream in (0..streams).map(|offset| (first + offset) % streams) {
                if model.streams[stream].is_empty() {
                    moved = model.take_work(&mut plan, stream)?;
                } else {
                    model.answer(&mut plan, stream, &mut choices)?;
                    moved = true;
                }
                if moved {
                    break;
                }
            }
            prop_assert!(moved || finished, "it stalls: {:?}", plan);
        }
        prop_assert_eq!(plan.next_work(), None);
        for (entry, times) in (0..).zip(&model.times_settled) {
            prop_assert_eq!(*times, u32::from(model.wanted.contains(&entry)), "entry {}", entry);
        }
    }
}

/// What was kept may be damaged, or of another manifest: it must not be taken for more than fits.
#[test]
fn what_does_not_fit_the_manifest_is_not_restored() {
    let size = 3 * 256 * 1024;
    let manifest = manifest(&[Kind::Folder, Kind::Small(9), Kind::Large { size, root: Root::Unknown }]);
    let mut plan = Plan::new(manifest, [0..3].into_iter().collect(), RangeSet::new());
    let hashes: Vec<Hash> = (0..5).map(|piece| hash_of(2, piece)).collect();
    for entry in [0, 1, 3, u32::MAX] {
        plan.restore(EntryIndex(entry), PieceIndex(0), &hashes);
    }
    plan.restore(EntryIndex(2), PieceIndex(u32::MAX), &hashes);
    plan.restore(EntryIndex(2), PieceIndex(2), &hashes);
    assert_eq!(plan.bytes_verified(), 256 * 1024);
    assert_eq!(plan.next_work(), Some(Work::Pieces { entry: EntryIndex(2), pieces: 0..2 }));
    assert_eq!(plan.next_work(), Some(Work::Entries(0..2)));
    assert_eq!(plan.next_work(), None);
}
