//! The receiving transfer's disk side: verify, then write. Synchronous; each call runs on a blocking thread. What is written is
//! synced, named and recorded in batches ([`super::record`]), one at a time, while the next is written.

use super::{
    bases::Bases,
    record::{Batch, Receiving, Recorded, Whole, ready},
};
use crate::store::{
    commit::{Clash, commit_folder},
    database::{Database, DatabaseError, FileFailure},
    disk::DiskError,
    partial::{self, Partial},
    target::Target,
};
use bytes::Bytes;
use shoal_proto::{
    Entry, Hash, PeerId, PieceIndex, RangeSet, display,
    manifest::{EntryIndex, EntryKind, Timestamp},
    message::{Progress, TransferId},
    piece::{self, PieceHasher},
    plan::{Plan, Step},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit, task::JoinHandle};

/// Bytes in a batch, at most. Two of them, one being written and one being recorded, are the larger part of what a kill costs
/// ([`super::fetch::UNRECORDED_KIB`]).
const BATCH_BYTES: u64 = 4 * 1024 * 1024;

/// Files in a batch, at most.
const BATCH_FILES: usize = 1024;

/// Files in the first batch, and twice as many in each after it: of few files, too, some are synced and named while others are written.
const FIRST_FILES: usize = 128;

/// Bytes that are gathered and hashed at once: whole subtrees, while they are in the processor's cache.
const STRIDE: usize = 128 * 1024;

/// Something that came from the sender and was asked for.
#[derive(Debug)]
pub(crate) enum Arrived {
    /// Nothing came, but this folder exists now.
    Folder {
        entry: EntryIndex,
    },
    Block {
        entry: EntryIndex,
        piece: PieceIndex,
        hash: Hash,
        /// Its parts in order.
        bytes: Vec<Bytes>,
        /// Who gave it as a part of which unit, if not the sender.
        from: Option<(PeerId, u32)>,
    },
    Same {
        entry: EntryIndex,
        piece: PieceIndex,
    },
    Root {
        entry: EntryIndex,
        root: Hash,
    },
    Failed {
        entry: EntryIndex,
        reason: FileFailure,
    },
    /// The end of a swarm's unit, behind its files.
    Unit {
        from: (PeerId, u32),
        /// All of it came.
        is_whole: bool,
    },
}

/// What became of a swarm's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) peer: PeerId,
    pub(crate) unit: u32,
    pub(crate) kind: OutcomeKind,
}

/// See [`Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutcomeKind {
    /// It is written.
    Whole,
    /// The sender could not give all of it.
    Partly,
    /// It was not what its giver said.
    Wrong,
}

impl Arrived {
    /// Whose it is.
    const fn entry(&self) -> Option<EntryIndex> {
        Some(match self {
            Self::Unit { .. } => return None,
            Self::Folder { entry }
            | Self::Block { entry, .. }
            | Self::Same { entry, .. }
            | Self::Root { entry, .. }
            | Self::Failed { entry, .. } => *entry,
        })
    }
}

/// Why writing ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The drive is full or refuses; goes on when it does not.
    #[error(transparent)]
    Stuck(DiskError),
    /// What came is not what its hash says.
    #[error("what came for {0} is not what was promised: nothing of it was kept")]
    Wrong(String),
    /// The database.
    #[error("progress cannot be recorded: {0}")]
    Record(#[from] DatabaseError),
}

/// The disk side of one receiving transfer, for as long as it is active.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) shared: Arc<Receiving>,
    /// Bytes that moved.
    moved: u64,
    /// Entries with pieces from an earlier session: their partial files must be there.
    restored: BTreeSet<EntryIndex>,
    open: BTreeMap<EntryIndex, File>,
    batch: Batch,
    /// Files that are whole and wait for their names, in this batch and in the one that is recorded: of one that comes twice, as it may in a
    /// swarm, the second is of no use.
    to_name: BTreeSet<EntryIndex>,
    /// Files that are enough for a batch when none is being recorded.
    batch_files: usize,
    /// The batch before, while it is recorded.
    recording: Option<JoinHandle<Recorded>>,
    /// Where it is done.
    threads: Handle,
    /// The piece at hand.
    piece: Vec<u8>,
    /// Units of which something was wrong, until their end.
    wrong: BTreeSet<(PeerId, u32)>,
    outcomes: Vec<Outcome>,
}

/// A file of several pieces in progress.
#[derive(Debug, Default)]
struct File {
    /// Open once the first piece has to be written.
    partial: Option<Arc<Partial>>,
    /// Pieces that the older copy has and that were not copied yet: perhaps the whole file is the same.
    held: RangeSet,
}

impl Writer {
    /// Must be called within a runtime: its blocking threads record.
    pub(crate) fn new(
        id: TransferId,
        database: Arc<Database>,
        target: Arc<Target>,
        clash: Clash,
        plan: Arc<Mutex<Plan>>,
        restored: BTreeSet<EntryIndex>,
        settled: Progress,
    ) -> Self {
        let manifest = lock(&plan).manifest().clone();
        let bases = Arc::new(Bases::default());
        let moved = settled.bytes_moved;
        let shared = Receiving {
            id,
            database,
            target,
            clash,
            manifest,
            plan,
            bases,
            settled: Mutex::new(settled),
            failed: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            moved,
            restored,
            open: BTreeMap::new(),
            batch: Batch::default(),
            to_name: BTreeSet::new(),
            batch_files: FIRST_FILES,
            recording: None,
            threads: Handle::current(),
            piece: Vec::new(),
            wrong: BTreeSet::new(),
            outcomes: Vec::new(),
        }
    }

    /// What became of units since it was asked last.
    pub(crate) fn take_outcomes(&mut self) -> Vec<Outcome> {
        std::mem::take(&mut self.outcomes)
    }

    /// Files that failed in an earlier session.
    pub(crate) fn failed_before(&mut self, failures: BTreeMap<EntryIndex, FileFailure>) {
        *self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner) = failures;
    }

    /// Names files whose pieces an earlier session left complete, and whose roots the manifest has: nothing more comes for them.
    pub(crate) fn take_up(&mut self) -> Result<(), WriteError> {
        let begun: Vec<EntryIndex> = lock(&self.shared.plan).begun().collect();
        for index in begun {
            let step = lock(&self.shared.plan).step(index);
            self.step(index, step)?;
        }
        self.checkpoint()
    }

    /// How far the transfer is.
    pub(crate) fn progress(&self) -> Progress {
        Progress { bytes_moved: self.moved, ..self.shared.progress() }
    }

    /// The batch is as large as it may become.
    pub(crate) fn is_due(&self) -> bool {
        let files = self.batch.ready.len();
        let is_idle = self.recording.as_ref().is_none_or(JoinHandle::is_finished);
        self.batch.bytes >= BATCH_BYTES || files >= BATCH_FILES || is_idle && files >= self.batch_files
    }

    /// There is something to record.
    pub(crate) fn has_news(&self) -> bool {
        self.batch.has_news() || self.recording.is_some()
    }

    /// Takes what came, and the room that it takes.
    pub(crate) fn take(&mut self, arrived: Arrived, room: Option<OwnedSemaphorePermit>) -> Result<(), WriteError> {
        if let Arrived::Block { bytes, .. } = &arrived {
            self.moved += bytes.iter().map(|part| part.len() as u64).sum::<u64>();
        }
        // A file that failed on one stream may still arrive, or fail again, on another.
        let is_over = |entry: EntryIndex| self.to_name.contains(&entry) || lock(&self.shared.plan).settled().contains(entry.0);
        if arrived.entry().is_some_and(is_over) {
            return Ok(());
        }
        self.batch.add_room(room);
        match arrived {
            Arrived::Folder { entry } => {
                lock(&self.shared.plan).settle(entry);
                self.batch.settled_some = true;
                Ok(())
            }
            Arrived::Block { entry, piece, hash, bytes, from } => self.block(entry, piece, hash, &bytes, from),
            Arrived::Same { entry, piece } => self.same(entry, piece),
            Arrived::Root { entry, root } => {
                let step = lock(&self.shared.plan).confirmed(entry, root);
                self.step(entry, step)
            }
            Arrived::Failed { entry, reason } => self.fail(entry, reason),
            Arrived::Unit { from: (peer, unit), is_whole } => {
                let kind = match self.wrong.remove(&(peer, unit)) {
                    true => OutcomeKind::Wrong,
                    false if is_whole => OutcomeKind::Whole,
                    false => OutcomeKind::Partly,
                };
                self.outcomes.push(Outcome { peer, unit, kind });
                Ok(())
            }
        }
    }

    fn block(
        &mut self,
        index: EntryIndex,
        piece: PieceIndex,
        hash: Hash,
        parts: &[Bytes],
        from: Option<(PeerId, u32)>,
    ) -> Result<(), WriteError> {
        let Some(entry) = self.shared.manifest.entry(index) else { return Ok(()) };
        let EntryKind::File { size, root, .. } = entry.kind else { return Ok(()) };
        let single = piece::piece_count(size) == 1;
        let mut bytes = std::mem::take(&mut self.piece);
        if gather(size, piece, parts, &mut bytes) != hash || single && root.is_some_and(|root| root != hash) {
            self.piece = bytes;
            let Some(from) = from else { return Err(WriteError::Wrong(display::shown(entry.path.as_str()))) };
            self.wrong.insert(from);
            return Ok(());
        }
        self.batch.bytes += bytes.len() as u64;
        let done = if single {
            self.write_small(index, entry, hash, &bytes)
        } else {
            match self.write_piece(index, &entry, piece, &bytes) {
                Ok(()) => self.wrote(index, piece, hash),
                Err(error) => self.disk_failure(index, error),
            }
        };
        self.piece = bytes;
        done
    }

    fn write_small(&mut self, index: EntryIndex, entry: Entry, hash: Hash, bytes: &[u8]) -> Result<(), WriteError> {
        match partial::write_small(&self.shared.target, &ready(index, &entry), bytes) {
            Ok(key) => {
                self.to_name.insert(index);
                self.batch.ready.push(Whole { index, entry, layer: vec![hash], key: Some(key) });
                Ok(())
            }
            Err(error) => self.disk_failure(index, error),
        }
    }

    fn write_piece(&mut self, index: EntryIndex, entry: &Entry, piece: PieceIndex, bytes: &[u8]) -> Result<(), DiskError> {
        self.open(index, entry)?;
        self.write_at(index, entry.kind.size(), piece, bytes)
    }

    fn write_at(&mut self, index: EntryIndex, size: u64, piece: PieceIndex, bytes: &[u8]) -> Result<(), DiskError> {
        let partial = self.open.get(&index).and_then(|file| file.partial.as_ref());
        if let Some((partial, range)) = partial.zip(piece::piece_range(size, piece)) {
            if self.batch.written.iter().all(|(of, _)| *of != index) {
                self.batch.written.push((index, partial.clone()));
            }
            partial.write_at(range.start, bytes)?;
        }
        Ok(())
    }

    /// Opens the partial file, and copies into it what was held back in an older copy.
    fn open(&mut self, index: EntryIndex, entry: &Entry) -> Result<(), DiskError> {
        let file = self.open.entry(index).or_default();
        if file.partial.is_none() {
            let partial = Partial::open(&self.shared.target, index, &entry.path, entry.kind.size())?;
            if partial.is_new() && self.restored.contains(&index) {
                return Err(DiskError::altered(entry.path.as_str()));
            }
            file.partial = Some(Arc::new(partial));
        }
        let held: Vec<u32> = std::mem::take(&mut file.held).iter().collect();
        for piece in held {
            self.copy(index, entry, PieceIndex(piece))?;
        }
        Ok(())
    }

    /// Copies a piece from the older copy, whose bytes may have changed since they were hashed: then it is fetched after all.
    fn copy(&mut self, index: EntryIndex, entry: &Entry, piece: PieceIndex) -> Result<(), DiskError> {
        let size = entry.kind.size();
        let mut buffer = Vec::new();
        let base = self.shared.bases.get(index);
        let told = base.as_ref().and_then(|base| base.told(piece));
        let read = base.and_then(|base| base.read(size, piece, &mut buffer));
        match (told, read) {
            (Some(told), Some(read)) if told == read => {
                self.write_at(index, size, piece, &buffer)?;
                self.batch.verified.push((index, piece, vec![told]));
                self.batch.bytes += buffer.len() as u64;
            }
            _ => {
                self.shared.bases.drop_base(index);
                lock(&self.shared.plan).lost(index, piece);
            }
        }
        Ok(())
    }

    fn wrote(&mut self, index: EntryIndex, piece: PieceIndex, hash: Hash) -> Result<(), WriteError> {
        match self.batch.verified.last_mut() {
            Some((last, first, hashes)) if *last == index && first.0 as usize + hashes.len() == piece.0 as usize => {
                hashes.push(hash)
            }
            _ => self.batch.verified.push((index, piece, vec![hash])),
        }
        let step = lock(&self.shared.plan).verified(index, piece, hash);
        self.step(index, step)
    }

    fn same(&mut self, index: EntryIndex, piece: PieceIndex) -> Result<(), WriteError> {
        let Some(entry) = self.shared.manifest.entry(index) else { return Ok(()) };
        let size = entry.kind.size();
        let base = self.shared.bases.get(index);
        let Some((base, hash)) = base.and_then(|base| base.told(piece).map(|hash| (base, hash))) else {
            // The copy changed since its hashes were told: the piece is fetched after all.
            lock(&self.shared.plan).lost(index, piece);
            return Ok(());
        };
        if piece::piece_count(size) == 1 {
            self.finish_same(index, size);
            return Ok(());
        }
        let untouched = self.open.entry(index).or_default();
        if untouched.partial.is_none() && base.key.size == size {
            untouched.held.insert_one(piece.0);
        } else if let Err(error) = self.open(index, &entry).and_then(|()| self.copy(index, &entry, piece)) {
            return self.disk_failure(index, error);
        } else if self.shared.bases.get(index).is_none() {
            return Ok(());
        }
        let step = lock(&self.shared.plan).verified(index, piece, hash);
        self.step(index, step)
    }

    fn step(&mut self, index: EntryIndex, step: Step) -> Result<(), WriteError> {
        match step {
            Step::More | Step::Confirm => Ok(()),
            Step::Whole(_) => self.finish_large(index),
            Step::Wrong => self.fail(index, FileFailure::Changed),
        }
    }

    /// Has a file of several pieces named whose root is right.
    fn finish_large(&mut self, index: EntryIndex) -> Result<(), WriteError> {
        let Some(entry) = self.shared.manifest.entry(index) else { return Ok(()) };
        let whole_copy_is_held = self.open.get(&index).is_some_and(|file| file.partial.is_none() && !file.held.is_empty());
        if whole_copy_is_held {
            self.finish_same(index, entry.kind.size());
            return Ok(());
        }
        // Closed: Windows names no file that is open. If it cannot be synced with the batch before, it leaves this one.
        self.open.remove(&index);
        self.batch.written.retain(|(of, _)| *of != index);
        let layer = lock(&self.shared.plan).layer(index).unwrap_or_default();
        self.to_name.insert(index);
        self.batch.ready.push(Whole { index, entry, layer, key: None });
        Ok(())
    }

    fn finish_same(&mut self, index: EntryIndex, size: u64) {
        self.open.remove(&index);
        self.shared.settle(&mut self.batch, index, |counts| {
            counts.files_done += 1;
            counts.bytes_done += size;
        });
    }

    /// Sorts an error of the disk: wait, or give this file up for now.
    fn disk_failure(&mut self, index: EntryIndex, error: DiskError) -> Result<(), WriteError> {
        if error.is_obstacle() {
            return Err(WriteError::Stuck(error));
        }
        tracing::warn!(%error, "a file failed");
        self.fail(index, FileFailure::Disk)
    }

    fn fail(&mut self, index: EntryIndex, reason: FileFailure) -> Result<(), WriteError> {
        self.open.remove(&index);
        self.shared.fail(&mut self.batch, index, reason);
        Ok(())
    }

    /// Hands the batch over to be recorded, after the one before.
    pub(crate) fn record(&mut self) -> Result<(), WriteError> {
        self.settle_recording()?;
        if self.batch.has_news() || !self.batch.written.is_empty() {
            let (shared, batch) = (self.shared.clone(), std::mem::take(&mut self.batch));
            self.batch_files = (self.batch_files * 2).min(BATCH_FILES);
            self.recording = Some(self.threads.spawn_blocking(move || shared.record(batch)));
        }
        Ok(())
    }

    /// Records everything that was taken, and waits until that is done.
    pub(crate) fn checkpoint(&mut self) -> Result<(), WriteError> {
        let recording = self.record();
        recording.and(self.settle_recording())
    }

    /// Waits for the batch that is being recorded, and draws the consequences.
    fn settle_recording(&mut self) -> Result<(), WriteError> {
        let Some(recording) = self.recording.take() else { return Ok(()) };
        let Recorded { failed, stuck, unrecorded } = match self.threads.block_on(recording) {
            Ok(recorded) => recorded,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        for index in failed {
            self.open.remove(&index);
            self.batch.drop_entry(index);
        }
        if let Some((batch, error)) = unrecorded {
            self.batch.prepend(batch);
            self.to_name = self.batch.ready.iter().map(|whole| whole.index).collect();
            return Err(error.into());
        }
        self.to_name = self.batch.ready.iter().map(|whole| whole.index).collect();
        stuck.map_or(Ok(()), |error| Err(WriteError::Stuck(error)))
    }

    /// Last of all: times of folders, deepest first, and the partial files' folder goes.
    pub(crate) fn finish(&mut self, wanted: &RangeSet) -> Result<(), WriteError> {
        self.checkpoint()?;
        let Receiving { id, database, target, manifest, .. } = &*self.shared;
        let folders: Vec<(EntryIndex, Entry)> =
            manifest.entries().filter(|(index, entry)| !entry.kind.is_file() && wanted.contains(index.0)).collect();
        for (_, entry) in folders.iter().rev() {
            if let Err(error) = commit_folder(target, &entry.path, system_time(entry.modified)) {
                tracing::warn!(%error, "a folder's time is not set");
            }
        }
        if let Err(error) = target.remove_partials() {
            tracing::warn!(%error, "partial files are left behind");
        }
        database.forget_verified(*id)?;
        Ok(())
    }
}

/// Puts the parts of a piece together, and returns its hash.
fn gather(size: u64, piece: PieceIndex, parts: &[Bytes], bytes: &mut Vec<u8>) -> Hash {
    bytes.clear();
    bytes.reserve_exact(parts.iter().map(Bytes::len).sum());
    let mut hasher = PieceHasher::new(size, piece);
    let mut hashed = 0;
    for part in parts {
        bytes.extend_from_slice(part);
        while let Some(stride) = bytes.get(hashed..hashed + STRIDE) {
            hasher.update(stride);
            hashed += STRIDE;
        }
    }
    hasher.update(bytes.get(hashed..).unwrap_or_default());
    hasher.finish()
}

/// The nearest moment that this system can name.
pub(crate) fn system_time(timestamp: Timestamp) -> SystemTime {
    let whole = Duration::from_secs(timestamp.seconds.unsigned_abs());
    let second = if timestamp.seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
    second.and_then(|second| second.checked_add(Duration::from_nanos(timestamp.nanos.into()))).unwrap_or(UNIX_EPOCH)
}

pub(crate) fn lock(plan: &Mutex<Plan>) -> MutexGuard<'_, Plan> {
    plan.lock().unwrap_or_else(PoisonError::into_inner)
}
