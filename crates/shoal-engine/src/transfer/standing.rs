//! Where each file of a transfer stands, from sets of entry numbers: what is wanted, settled, begun and failed.

use super::{Direction, State, live::Row, outline::Outline, record::Receiving, sent::Sent, write::lock};
use crate::store::database::{Database, DatabaseError, FileFailure, TransferRecord};
use shoal_proto::RangeSet;
use std::{collections::BTreeMap, ops::Range, sync::PoisonError};

/// Where one file stands; of a folder, what is most urgent in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryState {
    /// Not begun.
    Waiting,
    /// A part of it is there.
    Active,
    /// In place; sending: given to the receiver.
    Done,
    /// It failed; a retry tries it again.
    Failed,
    /// The receiver did not want it, or the transfer was given up before.
    LeftOut,
}

/// Where every entry of one transfer stands, at one moment.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    wanted: RangeSet,
    settled: RangeSet,
    failed: BTreeMap<u32, FileFailure>,
    /// Verified bytes of files of several pieces that are not settled.
    begun: BTreeMap<u32, u64>,
    /// Nothing more comes.
    is_over: bool,
}

/// What is in a range of entries.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Files that are wanted, and their size.
    pub(crate) files: u32,
    pub(crate) bytes: u64,
    pub(crate) bytes_done: u64,
    waiting: u32,
    active: u32,
    done: u32,
    failed: u32,
    left_out: u32,
}

impl Standing {
    #[cfg(test)]
    pub(crate) const fn new(
        wanted: RangeSet,
        settled: RangeSet,
        failed: BTreeMap<u32, FileFailure>,
        begun: BTreeMap<u32, u64>,
        is_over: bool,
    ) -> Self {
        Self { wanted, settled, failed, begun, is_over }
    }

    /// An offer that nobody answered: all of it waits.
    pub(crate) fn offered(outline: &Outline) -> Self {
        Self { wanted: RangeSet::from_iter([outline.all()]), ..Self::default() }
    }

    /// Of a transfer that receives in this moment.
    pub(crate) fn receiving(receiving: &Receiving) -> Self {
        let failed = receiving.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let plan = lock(&receiving.plan);
        let begun = plan.begun_bytes().map(|(index, bytes)| (index.0, bytes)).collect();
        Self {
            wanted: plan.wanted().clone(),
            settled: plan.settled().clone(),
            failed: failed.into_iter().map(|(index, reason)| (index.0, reason)).collect(),
            begun,
            is_over: false,
        }
    }

    /// Of a sending transfer, by what this engine gave.
    pub(crate) fn sending(sent: &Sent, record: &TransferRecord, outline: &Outline) -> Self {
        let all = RangeSet::from_iter([outline.all()]);
        let is_over = gets_nothing_more(record.state);
        let is_whole = record.state == State::Finished && record.files_failed == 0 && record.files == outline.manifest().files();
        let settled = if is_whole { all.clone() } else { sent.whole.clone() };
        let failed = if is_whole { BTreeMap::new() } else { sent.failed.clone() };
        Self { wanted: all, settled, failed, begun: if is_over { BTreeMap::new() } else { sent.begun(outline) }, is_over }
    }

    /// Of a transfer that moves nothing now, as it is recorded.
    pub(crate) fn recorded(database: &Database, record: &TransferRecord, outline: &Outline) -> Result<Self, DatabaseError> {
        let kept = database.kept(record.id)?;
        if record.direction == Direction::Send {
            return Ok(Self::sending(&Sent::from(kept), record, outline));
        }
        let mut begun = BTreeMap::new();
        let is_over = gets_nothing_more(record.state);
        for (index, first, hashes) in kept.verified.iter().filter(|_| !is_over) {
            let size = outline.bytes(&(index.0..index.0.saturating_add(1)));
            let run = first.0..first.0.saturating_add(u32::try_from(hashes.len()).unwrap_or(u32::MAX));
            *begun.entry(index.0).or_default() += super::sent::bytes_of(size, run);
        }
        Ok(Self {
            wanted: kept.wanted,
            settled: kept.settled,
            failed: kept.failures.into_iter().map(|(index, reason)| (index.0, reason)).collect(),
            begun,
            is_over,
        })
    }

    /// As [`Standing::offered`], [`Standing::receiving`] or [`Standing::sending`], whatever fits; `None`: it is in the database.
    pub(crate) fn live(row: &Row, direction: Direction, outline: &Outline) -> Option<Self> {
        if row.awaits_answer {
            return Some(Self::offered(outline));
        }
        match direction {
            Direction::Receive => row.receiving.upgrade().map(|receiving| Self::receiving(&receiving)),
            Direction::Send => {
                let sent = row.sent.lock().unwrap_or_else(PoisonError::into_inner);
                Some(Self::sending(&sent, &row.record, outline))
            }
        }
    }

    /// Runs of entries that stand alike, in order.
    pub(crate) fn runs(&self, within: Range<u32>) -> impl Iterator<Item = (Range<u32>, EntryState)> {
        let mut at = within.start;
        std::iter::from_fn(move || {
            if at >= within.end {
                return None;
            }
            let (state, end) = self.run(at);
            let run = at..end.min(within.end);
            at = run.end;
            Some((run, state))
        })
    }

    /// How an entry stands, and where that ends.
    fn run(&self, at: u32) -> (EntryState, u32) {
        let (is_wanted, mut end) = self.wanted.run(at);
        if !is_wanted {
            return (EntryState::LeftOut, end);
        }
        for next in [self.failed.range(at..).next().map(|(key, _)| *key), self.begun.range(at..).next().map(|(key, _)| *key)] {
            match next {
                Some(next) if next == at => {
                    let state = if self.failed.contains_key(&at) { EntryState::Failed } else { EntryState::Active };
                    return (state, at + 1);
                }
                Some(next) => end = end.min(next),
                None => {}
            }
        }
        let (is_settled, change) = self.settled.run(at);
        let state = match (is_settled, self.is_over) {
            (true, _) => EntryState::Done,
            (false, true) => EntryState::LeftOut,
            (false, false) => EntryState::Waiting,
        };
        (state, end.min(change))
    }

    /// How one entry stands.
    pub(crate) fn state(&self, index: u32) -> EntryState {
        self.run(index).0
    }

    /// Why a file failed.
    pub(crate) fn failure(&self, index: u32) -> Option<FileFailure> {
        self.failed.get(&index).copied()
    }

    /// What is in a range of entries.
    pub(crate) fn sums(&self, outline: &Outline, range: &Range<u32>) -> Sums {
        let mut sums = Sums::default();
        for (run, state) in self.runs(range.clone()) {
            let (files, bytes) = (outline.files(&run), outline.bytes(&run));
            if state != EntryState::LeftOut {
                sums.files += files;
                sums.bytes += bytes;
            }
            match state {
                EntryState::Waiting => sums.waiting += files,
                EntryState::Active => {
                    sums.active += files;
                    sums.bytes_done += self.begun.get(&run.start).copied().unwrap_or_default();
                }
                EntryState::Done => {
                    sums.done += files;
                    sums.bytes_done += bytes;
                }
                EntryState::Failed => sums.failed += files,
                EntryState::LeftOut => sums.left_out += files,
            }
        }
        if sums.files == 0 {
            // Nothing of it is wanted: what it would be.
            (sums.files, sums.bytes) = (outline.files(range), outline.bytes(range));
        }
        sums
    }
}

impl Sums {
    /// How a folder with this in it stands; `None`: there are no files in it.
    pub(crate) fn state(&self) -> Option<EntryState> {
        let is_under_way = self.active > 0 || self.waiting > 0 && self.done > 0;
        let states = [
            (is_under_way, EntryState::Active),
            (self.failed > 0, EntryState::Failed),
            (self.waiting > 0, EntryState::Waiting),
            (self.done > 0, EntryState::Done),
            (self.left_out > 0, EntryState::LeftOut),
        ];
        states.into_iter().find(|(is_so, _)| *is_so).map(|(_, state)| state)
    }
}

const fn gets_nothing_more(state: State) -> bool {
    matches!(state, State::Finished | State::Cancelled | State::Declined)
}
