//! The receiving transfer's disk side: verify, write, sync, name, record. Synchronous; each call runs on a blocking thread.
//!
//! The order of things is what resuming and invariant 4 rest on: a piece is verified before it is written, synced before it is
//! recorded as there, and a file is named only when all of it is verified and synced.

use super::bases::Bases;
use crate::store::{
    commit::{Clash, Outcome, Placed, Ready, commit_batch, commit_folder},
    database::{Checkpoint, Database, DatabaseError, FileFailure},
    disk::DiskError,
    file_key::FileKey,
    partial::{self, Partial},
    target::Target,
};
use bytes::Bytes;
use shoal_proto::{
    Entry, Hash, Manifest, PieceIndex, RangeSet, display,
    manifest::{EntryIndex, EntryKind, Timestamp},
    mapping::Rules,
    message::{Progress, TransferId},
    name, piece,
    plan::{Plan, Step},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Bytes written but not recorded, at most: what a kill costs on this side.
pub(crate) const CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;

/// Small files named with one sync, at most.
const BATCH_FILES: usize = 512;

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
        bytes: Bytes,
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
}

impl Arrived {
    /// Whose it is.
    const fn entry(&self) -> EntryIndex {
        match self {
            Self::Folder { entry }
            | Self::Block { entry, .. }
            | Self::Same { entry, .. }
            | Self::Root { entry, .. }
            | Self::Failed { entry, .. } => *entry,
        }
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
    pub(crate) id: TransferId,
    pub(crate) database: Arc<Database>,
    pub(crate) target: Arc<Target>,
    pub(crate) clash: Clash,
    pub(crate) manifest: Manifest,
    pub(crate) plan: Arc<Mutex<Plan>>,
    pub(crate) bases: Arc<Bases>,
    /// Counts of what is settled, and of every byte that moved; [`Writer::progress`] adds what is verified.
    pub(crate) settled: Progress,
    /// Entries with pieces from an earlier session: their partial files must be there.
    restored: BTreeSet<EntryIndex>,
    state: Pending,
}

/// What waits for the next checkpoint.
#[derive(Debug, Default)]
struct Pending {
    open: BTreeMap<EntryIndex, File>,
    ready: Vec<Small>,
    unrecorded: u64,
    verified: Vec<(EntryIndex, PieceIndex, Vec<Hash>)>,
    failures: Vec<(EntryIndex, FileFailure)>,
    forget: Vec<EntryIndex>,
    hashes: Vec<(PathBuf, FileKey, Vec<Hash>)>,
    placed: Vec<(String, String)>,
    settled_some: bool,
    /// A file of several pieces got its name: recorded at once, since after a kill it would be compared with itself.
    named_large: bool,
}

/// A file of several pieces in progress.
#[derive(Debug, Default)]
struct File {
    /// Open once the first piece has to be written.
    partial: Option<Partial>,
    /// Pieces that the older copy has and that were not copied yet: perhaps the whole file is the same.
    held: RangeSet,
    dirty: bool,
}

/// A file of one piece, written and waiting for its name.
#[derive(Debug)]
struct Small {
    index: EntryIndex,
    entry: Entry,
    hash: Hash,
}

impl Writer {
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
        Self { id, database, target, clash, manifest, plan, bases, settled, restored, state: Pending::default() }
    }

    /// Names files whose pieces an earlier session left complete, and whose roots the manifest has: nothing more comes for them.
    pub(crate) fn take_up(&mut self) -> Result<(), WriteError> {
        let begun: Vec<EntryIndex> = lock(&self.plan).begun().collect();
        for index in begun {
            let step = lock(&self.plan).step(index);
            self.step(index, step)?;
        }
        Ok(())
    }

    /// How far the transfer is.
    pub(crate) fn progress(&self) -> Progress {
        let bytes_done = self.settled.bytes_done + lock(&self.plan).bytes_verified();
        Progress { bytes_done, ..self.settled }
    }

    /// There is more that is not recorded than a kill may cost.
    pub(crate) fn is_due(&self) -> bool {
        self.state.named_large || self.state.unrecorded >= CHECKPOINT_BYTES || self.state.ready.len() >= BATCH_FILES
    }

    /// There are small files without a name.
    pub(crate) fn has_ready(&self) -> bool {
        !self.state.ready.is_empty()
    }

    /// There is something to record.
    pub(crate) fn has_news(&self) -> bool {
        self.has_ready() || self.state.settled_some || !self.state.verified.is_empty()
    }

    /// Takes what came.
    pub(crate) fn take(&mut self, arrived: Arrived) -> Result<(), WriteError> {
        if let Arrived::Block { bytes, .. } = &arrived {
            self.settled.bytes_moved += bytes.len() as u64;
        }
        // On one stream it came that a file failed, while others bring more of it, or the same news.
        if lock(&self.plan).settled().contains(arrived.entry().0) {
            return Ok(());
        }
        match arrived {
            Arrived::Folder { entry } => {
                lock(&self.plan).settle(entry);
                self.state.settled_some = true;
                Ok(())
            }
            // A file that failed on one stream may still arrive on another.
            Arrived::Block { entry, .. }
            | Arrived::Same { entry, .. }
            | Arrived::Root { entry, .. }
            | Arrived::Failed { entry, .. }
                if lock(&self.plan).settled().contains(entry.0) =>
            {
                Ok(())
            }
            Arrived::Block { entry, piece, hash, bytes } => self.block(entry, piece, hash, &bytes),
            Arrived::Same { entry, piece } => self.same(entry, piece),
            Arrived::Root { entry, root } => {
                let step = lock(&self.plan).confirmed(entry, root);
                self.step(entry, step)
            }
            Arrived::Failed { entry, reason } => self.fail(entry, reason),
        }
    }

    fn block(&mut self, index: EntryIndex, piece: PieceIndex, hash: Hash, bytes: &[u8]) -> Result<(), WriteError> {
        let Some(entry) = self.manifest.entry(index) else { return Ok(()) };
        let EntryKind::File { size, root, .. } = entry.kind else { return Ok(()) };
        let single = piece::piece_count(size) == 1;
        if piece::hash_piece(size, piece, bytes) != hash || single && root.is_some_and(|root| root != hash) {
            return Err(WriteError::Wrong(display::shown(entry.path.as_str())));
        }
        if single {
            match partial::write_small(&self.target, index, &entry.path, bytes) {
                Ok(()) => {
                    self.state.unrecorded += bytes.len() as u64;
                    self.state.ready.push(Small { index, entry, hash });
                    Ok(())
                }
                Err(error) => self.disk_failure(index, error),
            }
        } else {
            match self.write_piece(index, &entry, piece, bytes) {
                Ok(()) => self.wrote(index, piece, hash, bytes.len()),
                Err(error) => self.disk_failure(index, error),
            }
        }
    }

    fn write_piece(&mut self, index: EntryIndex, entry: &Entry, piece: PieceIndex, bytes: &[u8]) -> Result<(), DiskError> {
        self.open(index, entry)?;
        let size = entry.kind.size();
        let Some(file) = self.state.open.get_mut(&index) else { return Ok(()) };
        if let Some((partial, range)) = file.partial.as_ref().zip(piece::piece_range(size, piece)) {
            file.dirty = true;
            partial.write_at(range.start, bytes)?;
        }
        Ok(())
    }

    /// Opens the partial file, and copies into it what was held back in an older copy.
    fn open(&mut self, index: EntryIndex, entry: &Entry) -> Result<(), DiskError> {
        let file = self.state.open.entry(index).or_default();
        if file.partial.is_none() {
            let partial = Partial::open(&self.target, index, &entry.path, entry.kind.size())?;
            if partial.is_new() && self.restored.contains(&index) {
                return Err(DiskError::altered(entry.path.as_str()));
            }
            file.partial = Some(partial);
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
        let base = self.bases.get(index);
        let told = base.as_ref().and_then(|base| base.told(piece));
        let read = base.and_then(|base| base.read(size, piece, &mut buffer));
        match (told, read) {
            (Some(told), Some(read)) if told == read => {
                let Some(file) = self.state.open.get_mut(&index) else { return Ok(()) };
                if let Some((partial, range)) = file.partial.as_ref().zip(piece::piece_range(size, piece)) {
                    file.dirty = true;
                    partial.write_at(range.start, &buffer)?;
                    self.state.verified.push((index, piece, vec![told]));
                    self.state.unrecorded += buffer.len() as u64;
                }
            }
            _ => {
                self.bases.drop_base(index);
                lock(&self.plan).lost(index, piece);
            }
        }
        Ok(())
    }

    fn wrote(&mut self, index: EntryIndex, piece: PieceIndex, hash: Hash, len: usize) -> Result<(), WriteError> {
        self.state.unrecorded += len as u64;
        match self.state.verified.last_mut() {
            Some((last, first, hashes)) if *last == index && first.0 as usize + hashes.len() == piece.0 as usize => {
                hashes.push(hash)
            }
            _ => self.state.verified.push((index, piece, vec![hash])),
        }
        let step = lock(&self.plan).verified(index, piece, hash);
        self.step(index, step)
    }

    fn same(&mut self, index: EntryIndex, piece: PieceIndex) -> Result<(), WriteError> {
        let Some(entry) = self.manifest.entry(index) else { return Ok(()) };
        let size = entry.kind.size();
        let base = self.bases.get(index);
        let Some((base, hash)) = base.and_then(|base| base.told(piece).map(|hash| (base, hash))) else {
            // The copy changed since its hashes were told: the piece is fetched after all.
            lock(&self.plan).lost(index, piece);
            return Ok(());
        };
        if piece::piece_count(size) == 1 {
            self.finish_same(index, size);
            return Ok(());
        }
        let untouched = self.state.open.entry(index).or_default();
        if untouched.partial.is_none() && base.key.size == size {
            untouched.held.insert_one(piece.0);
        } else if let Err(error) = self.open(index, &entry).and_then(|()| self.copy(index, &entry, piece)) {
            return self.disk_failure(index, error);
        } else if self.bases.get(index).is_none() {
            return Ok(());
        }
        let step = lock(&self.plan).verified(index, piece, hash);
        self.step(index, step)
    }

    fn step(&mut self, index: EntryIndex, step: Step) -> Result<(), WriteError> {
        match step {
            Step::More | Step::Confirm => Ok(()),
            Step::Whole(_) => self.finish_large(index),
            Step::Wrong => self.fail(index, FileFailure::Changed),
        }
    }

    /// Names a file of several pieces whose root is right.
    fn finish_large(&mut self, index: EntryIndex) -> Result<(), WriteError> {
        let Some(entry) = self.manifest.entry(index) else { return Ok(()) };
        let whole_copy_is_held = self.state.open.get(&index).is_some_and(|file| file.partial.is_none() && !file.held.is_empty());
        if whole_copy_is_held {
            self.finish_same(index, entry.kind.size());
            return Ok(());
        }
        // Closed first: the commit opens it by its name and syncs it.
        self.state.open.remove(&index);
        let answer = commit_batch(&self.target, &[ready(index, &entry)], self.clash).pop();
        let layer = lock(&self.plan).layer(index).unwrap_or_default();
        match answer {
            Some(Ok(placed)) => {
                self.state.named_large = true;
                self.in_place(index, &entry, placed, layer)
            }
            Some(Err(error)) => self.disk_failure(index, error),
            None => Ok(()),
        }
    }

    fn finish_same(&mut self, index: EntryIndex, size: u64) {
        self.state.open.remove(&index);
        self.settle(index);
        self.settled.files_done += 1;
        self.settled.bytes_done += size;
    }

    fn in_place(&mut self, index: EntryIndex, entry: &Entry, placed: Placed, layer: Vec<Hash>) -> Result<(), WriteError> {
        self.settle(index);
        self.state.forget.push(index);
        self.state.verified.retain(|(of, _, _)| *of != index);
        self.settled.files_done += 1;
        self.settled.bytes_done += entry.kind.size();
        if let Outcome::NotReplaced { reason } = &placed.outcome {
            tracing::warn!(file = %placed.path.display(), %reason, "the old file could not go to the trash: both are kept");
        }
        if matches!(placed.outcome, Outcome::KeptBoth | Outcome::NotReplaced { .. }) {
            // Read back, as they are mapped again where they are looked up.
            let travelling = |name| Some(Rules::HERE.unmap(&name::from_os(name).ok()?));
            let names: Option<Vec<String>> = placed.path.iter().map(travelling).collect();
            self.state.placed.extend(names.map(|names| (entry.path.as_str().to_owned(), names.join("/"))));
        }
        self.state.hashes.push((self.target.path().join(&placed.path), placed.key, layer));
        Ok(())
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
        // Several streams may say so of a file of several pieces; it counts once.
        if lock(&self.plan).settled().contains(index.0) {
            return Ok(());
        }
        self.state.open.remove(&index);
        self.state.verified.retain(|(of, _, _)| *of != index);
        self.state.forget.push(index);
        self.state.failures.push((index, reason));
        self.settle(index);
        self.settled.files_failed += 1;
        if let Err(error) = partial::remove(&self.target, index) {
            tracing::warn!(%error, "a partial file that is not needed is left until the transfer ends");
        }
        Ok(())
    }

    fn settle(&mut self, index: EntryIndex) {
        lock(&self.plan).settle(index);
        self.bases.drop_base(index);
        self.state.settled_some = true;
    }

    /// Names the small files that are ready, syncs what was written, and records it all in one transaction.
    pub(crate) fn checkpoint(&mut self) -> Result<(), WriteError> {
        let named = self.name_small_files();
        let synced = self.sync_open_files();
        let settled = self.state.settled_some.then(|| lock(&self.plan).settled().clone());
        let folder = self.target.path();
        let placed: Vec<_> = self.state.placed.drain(..).map(|(offered, name)| (folder.to_owned(), offered, name)).collect();
        self.database.checkpoint(
            self.id,
            &Checkpoint {
                settled: settled.as_ref(),
                failures: &self.state.failures,
                verified: &self.state.verified,
                forget: &self.state.forget,
                hashes: &self.state.hashes,
                placed: &placed,
            },
        )?;
        self.state.failures.clear();
        self.state.verified.clear();
        self.state.forget.clear();
        self.state.hashes.clear();
        self.state.settled_some = false;
        self.state.named_large = false;
        self.state.unrecorded = 0;
        named.and(synced)
    }

    fn name_small_files(&mut self) -> Result<(), WriteError> {
        let small = std::mem::take(&mut self.state.ready);
        if small.is_empty() {
            return Ok(());
        }
        let files: Vec<Ready<'_>> = small.iter().map(|small| ready(small.index, &small.entry)).collect();
        let answers = commit_batch(&self.target, &files, self.clash);
        let mut stuck = Ok(());
        for (Small { index, entry, hash }, answer) in small.iter().zip(answers) {
            let done = match answer {
                Ok(placed) => self.in_place(*index, entry, placed, vec![*hash]),
                Err(error) => self.disk_failure(*index, error),
            };
            stuck = stuck.and(done);
        }
        stuck
    }

    fn sync_open_files(&mut self) -> Result<(), WriteError> {
        let mut failed = Vec::new();
        for (index, file) in &mut self.state.open {
            if let Some(partial) = file.partial.as_ref().filter(|_| file.dirty) {
                match partial.sync() {
                    Ok(()) => file.dirty = false,
                    Err(error) => failed.push((*index, error)),
                }
            }
        }
        let mut stuck = Ok(());
        for (index, error) in failed {
            // What is not synced is not recorded, whatever becomes of the file.
            self.state.verified.retain(|(of, _, _)| *of != index);
            stuck = stuck.and(self.disk_failure(index, error));
        }
        stuck
    }

    /// Last of all: times of folders, deepest first, and the partial files' folder goes.
    pub(crate) fn finish(&mut self, wanted: &RangeSet) -> Result<(), WriteError> {
        self.checkpoint()?;
        let folders: Vec<(EntryIndex, Entry)> =
            self.manifest.entries().filter(|(index, entry)| !entry.kind.is_file() && wanted.contains(index.0)).collect();
        for (_, entry) in folders.iter().rev() {
            if let Err(error) = commit_folder(&self.target, &entry.path, system_time(entry.modified)) {
                tracing::warn!(%error, "a folder's time is not set");
            }
        }
        if let Err(error) = self.target.remove_partials() {
            tracing::warn!(%error, "partial files are left behind");
        }
        self.database.forget_verified(self.id)?;
        Ok(())
    }
}

fn ready(index: EntryIndex, entry: &Entry) -> Ready<'_> {
    let EntryKind::File { size, executable, .. } = entry.kind else {
        return Ready { entry: index, path: &entry.path, size: 0, executable: false, modified: system_time(entry.modified) };
    };
    Ready { entry: index, path: &entry.path, size, executable, modified: system_time(entry.modified) }
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
