//! The second half of receiving: sync, name, record. A [`Batch`] of what was verified and written goes through it on a thread of its
//! own while the writer writes the next one.
//!
//! The order of things is what resuming and invariant 4 rest on: nothing is recorded or named before it is synced.

use super::{bases::Bases, write::lock};
use crate::store::{
    commit::{Clash, Outcome, Placed, Ready, commit_batch},
    database::{Checkpoint, Database, DatabaseError, FileFailure},
    disk::DiskError,
    file_key::FileKey,
    partial::{self, Partial},
    target::Target,
};
use shoal_proto::{
    Entry, Hash, Manifest, PieceIndex,
    manifest::EntryIndex,
    mapping::Rules,
    message::{Progress, TransferId},
    name,
    plan::Plan,
};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::OwnedSemaphorePermit;

/// Files of fewer bytes are hashed faster than their hash is looked up.
pub(crate) const WORTH_RECORDING: u64 = 16 * 1024;

/// What both halves of a receiving transfer share.
#[derive(Debug)]
pub(crate) struct Receiving {
    pub(crate) id: TransferId,
    pub(crate) database: Arc<Database>,
    pub(crate) target: Arc<Target>,
    pub(crate) clash: Clash,
    pub(crate) manifest: Manifest,
    pub(crate) plan: Arc<Mutex<Plan>>,
    pub(crate) bases: Arc<Bases>,
    /// Counts of what is settled. Locked after the plan, so that no byte is counted twice or not at all.
    pub(crate) settled: Mutex<Progress>,
    /// What failed, for those who look.
    pub(crate) failed: Mutex<BTreeMap<EntryIndex, FileFailure>>,
}

/// What was verified and written, and is to be synced, named and recorded.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Files of several pieces with something to sync.
    pub(crate) written: Vec<(EntryIndex, Arc<Partial>)>,
    /// Whole files waiting for their names.
    pub(crate) ready: Vec<Whole>,
    /// Runs of pieces of files of several.
    pub(crate) verified: Vec<(EntryIndex, PieceIndex, Vec<Hash>)>,
    pub(crate) failures: Vec<(EntryIndex, FileFailure)>,
    /// Files whose verified pieces are no longer needed.
    pub(crate) forget: Vec<EntryIndex>,
    hashes: Vec<(PathBuf, FileKey, Vec<Hash>)>,
    placed: Vec<(PathBuf, String, String)>,
    pub(crate) settled_some: bool,
    /// Bytes written.
    pub(crate) bytes: u64,
    /// Room for the bytes, given back once they are recorded.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// A file all of whose pieces are verified and written.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) index: EntryIndex,
    pub(crate) entry: Entry,
    /// Hashes of its pieces.
    pub(crate) layer: Vec<Hash>,
    /// Set when it was written at once and needs nothing more but a sync.
    pub(crate) key: Option<FileKey>,
}

/// What became of a batch.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// Entries that failed, whose pieces count no more.
    pub(crate) failed: Vec<EntryIndex>,
    /// The drive is full or refuses; what could not be named stays in its partial file.
    pub(crate) stuck: Option<DiskError>,
    /// What the database did not take, with its reason: to be tried again.
    pub(crate) unrecorded: Option<(Batch, DatabaseError)>,
}

impl Batch {
    /// There is something to record.
    pub(crate) fn has_news(&self) -> bool {
        !self.ready.is_empty() || self.settled_some || !self.verified.is_empty() || !self.forget.is_empty()
    }

    /// Puts what an earlier batch could not record before this.
    pub(crate) fn prepend(&mut self, mut earlier: Self) {
        std::mem::swap(self, &mut earlier);
        self.written.append(&mut earlier.written);
        self.ready.append(&mut earlier.ready);
        self.verified.append(&mut earlier.verified);
        self.failures.append(&mut earlier.failures);
        self.forget.append(&mut earlier.forget);
        self.hashes.append(&mut earlier.hashes);
        self.placed.append(&mut earlier.placed);
        self.settled_some |= earlier.settled_some;
        self.bytes += earlier.bytes;
        self.add_room(earlier.room);
    }

    /// Keeps room until the batch is recorded.
    pub(crate) fn add_room(&mut self, more: Option<OwnedSemaphorePermit>) {
        match (&mut self.room, more) {
            (Some(room), Some(more)) => room.merge(more),
            (room, more) => *room = room.take().or(more),
        }
    }

    /// The pieces of an entry count no more.
    pub(crate) fn drop_entry(&mut self, index: EntryIndex) {
        self.written.retain(|(of, _)| *of != index);
        self.ready.retain(|whole| whole.index != index);
        self.verified.retain(|(of, _, _)| *of != index);
    }
}

impl Receiving {
    /// Syncs what was written, names what is whole, and records it all in one transaction.
    pub(crate) fn record(&self, mut batch: Batch) -> Recorded {
        let (mut failed, mut stuck) = (Vec::new(), None);
        for (index, partial) in std::mem::take(&mut batch.written) {
            if let Err(error) = partial.sync() {
                // What is not synced is not recorded, whatever becomes of the file.
                batch.drop_entry(index);
                self.disk_failure(&mut batch, index, error, &mut failed, &mut stuck);
            }
        }
        let whole = std::mem::take(&mut batch.ready);
        let files: Vec<Ready<'_>> =
            whole.iter().map(|whole| Ready { key: whole.key, ..ready(whole.index, &whole.entry) }).collect();
        let answers = if files.is_empty() { Vec::new() } else { commit_batch(&self.target, &files, self.clash) };
        for (Whole { index, entry, layer, .. }, answer) in whole.iter().zip(answers) {
            match answer {
                Ok(placed) => self.in_place(&mut batch, *index, entry, placed, layer),
                Err(error) => self.disk_failure(&mut batch, *index, error, &mut failed, &mut stuck),
            }
        }
        let settled = batch.settled_some.then(|| lock(&self.plan).settled().clone());
        let recorded = self.database.checkpoint(
            self.id,
            &Checkpoint {
                settled: settled.as_ref(),
                failures: &batch.failures,
                verified: &batch.verified,
                forget: &batch.forget,
                hashes: &batch.hashes,
                placed: &batch.placed,
            },
        );
        Recorded { failed, stuck, unrecorded: recorded.err().map(|error| (batch, error)) }
    }

    fn in_place(&self, batch: &mut Batch, index: EntryIndex, entry: &Entry, placed: Placed, layer: &[Hash]) {
        self.settle(batch, index, |counts| {
            counts.files_done += 1;
            counts.bytes_done += entry.kind.size();
        });
        if layer.len() > 1 {
            batch.forget.push(index);
            batch.verified.retain(|(of, _, _)| *of != index);
        }
        if let Outcome::NotReplaced { reason } = &placed.outcome {
            tracing::warn!(file = %placed.path.display(), %reason, "the old file could not go to the trash: both are kept");
        }
        if matches!(placed.outcome, Outcome::KeptBoth | Outcome::NotReplaced { .. }) {
            // Read back, as they are mapped again where they are looked up.
            let travelling = |name| Some(Rules::HERE.unmap(&name::from_os(name).ok()?));
            let names: Option<Vec<String>> = placed.path.iter().map(travelling).collect();
            let folder = self.target.path().to_owned();
            batch.placed.extend(names.map(|names| (folder, entry.path.as_str().to_owned(), names.join("/"))));
        }
        if entry.kind.size() >= WORTH_RECORDING {
            batch.hashes.push((self.target.path().join(&placed.path), placed.key, layer.to_vec()));
        }
    }

    /// Sorts an error of the disk: wait, or give this file up for now.
    fn disk_failure(
        &self,
        batch: &mut Batch,
        index: EntryIndex,
        error: DiskError,
        failed: &mut Vec<EntryIndex>,
        stuck: &mut Option<DiskError>,
    ) {
        if error.is_obstacle() {
            stuck.get_or_insert(error);
            return;
        }
        tracing::warn!(%error, "a file failed");
        self.fail(batch, index, FileFailure::Disk);
        failed.push(index);
    }

    /// Gives a file up for now.
    pub(crate) fn fail(&self, batch: &mut Batch, index: EntryIndex, reason: FileFailure) {
        // Several streams may say so of a file of several pieces; it counts once.
        if lock(&self.plan).settled().contains(index.0) {
            return;
        }
        batch.drop_entry(index);
        batch.forget.push(index);
        batch.failures.push((index, reason));
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).insert(index, reason);
        self.settle(batch, index, |counts| counts.files_failed += 1);
        if let Err(error) = partial::remove(&self.target, index) {
            tracing::warn!(%error, "a partial file that is not needed is left until the transfer ends");
        }
    }

    /// An entry is in place, or failed: counts it.
    pub(crate) fn settle(&self, batch: &mut Batch, index: EntryIndex, count: impl FnOnce(&mut Progress)) {
        let mut plan = lock(&self.plan);
        plan.settle(index);
        count(&mut self.settled.lock().unwrap_or_else(PoisonError::into_inner));
        drop(plan);
        self.bases.drop_base(index);
        batch.settled_some = true;
    }

    /// How far the transfer is.
    pub(crate) fn progress(&self) -> Progress {
        let plan = lock(&self.plan);
        let settled = *self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        Progress { bytes_done: settled.bytes_done + plan.bytes_verified(), ..settled }
    }
}

/// A file as the commit wants it.
pub(crate) fn ready(index: EntryIndex, entry: &Entry) -> Ready<'_> {
    let modified = super::write::system_time(entry.modified);
    let (size, executable) = match entry.kind {
        shoal_proto::manifest::EntryKind::File { size, executable, .. } => (size, executable),
        shoal_proto::manifest::EntryKind::Folder => (0, false),
    };
    Ready { entry: index, path: &entry.path, size, executable, modified, key: None }
}
