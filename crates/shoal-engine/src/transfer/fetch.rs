//! One fetch stream of a receiving transfer: asks for a piece of work and hands what comes to the writer.
//!
//! Nothing is trusted here: each frame must have been asked for, and be as long as the manifest says, before a byte of it is read.

use super::{
    asked::Asked,
    incoming::Incoming,
    record::Receiving,
    transfers::{Transfers, blocking},
    write::{Arrived, lock},
};
use crate::{connection::Connection, store::disk::DiskError, stream::StreamError};
use shoal_proto::{
    Entry, PieceIndex,
    manifest::{EntryIndex, EntryKind},
    message::{self, Fetch, FetchItem, Frame, Request},
    piece,
    plan::Work,
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

/// What was asked for and is not recorded yet, at most, in KiB: what a kill costs, and the memory for what waits for the writer.
pub(crate) const UNRECORDED_KIB: usize = 14 * 1024;

/// Messages that wait for the writer, at most.
pub(crate) const QUEUE_LEN: usize = 1024;

/// What comes, with its part of [`UNRECORDED_KIB`], given back once it is recorded.
pub(crate) type Queued = (Arrived, Option<OwnedSemaphorePermit>);

/// Why a fetch stream ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The sender says something that it was not asked for, or that cannot be.
    #[error("an answer that was not asked for")]
    Violation,
    /// The writer is gone: it says why.
    #[error("writing ended")]
    WriterGone,
}

/// What all fetch streams of a transfer share.
#[derive(Debug)]
pub(crate) struct Fetcher {
    pub(crate) transfers: Arc<Transfers>,
    pub(crate) connection: Connection,
    pub(crate) shared: Arc<Receiving>,
    pub(crate) queue: mpsc::Sender<Queued>,
    /// [`UNRECORDED_KIB`].
    pub(crate) room: Arc<Semaphore>,
    pub(crate) asking: Arc<Asking>,
}

/// How many fetches are under way.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    count: AtomicUsize,
    /// Told when it becomes none.
    pub(crate) none: Notify,
}

impl Asking {
    /// Nothing that was asked for is still to come.
    pub(crate) fn is_none(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }
}

/// A fetch under way, until dropped.
pub(crate) struct UnderWay<'a>(&'a Asking);

impl<'a> UnderWay<'a> {
    fn new(asking: &'a Asking) -> Self {
        asking.count.fetch_add(1, Ordering::AcqRel);
        Self(asking)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none.notify_one();
        }
    }
}

impl Fetcher {
    /// Counts as a fetch under way until it is dropped.
    pub(crate) fn begin(&self) -> UnderWay<'_> {
        UnderWay::new(&self.asking)
    }

    /// The next piece of work that this stream is to fetch: `None` when there is none now. `Err`: there will be none.
    pub(crate) fn next_work(&self) -> Result<Option<Work>, AllDone> {
        let mut plan = lock(&self.shared.plan);
        match plan.next_work() {
            None if plan.is_finished() => Err(AllDone),
            work => Ok(work),
        }
    }

    /// Fetches one piece of work.
    pub(crate) async fn fetch(self: &Arc<Self>, work: Work) -> Result<(), FetchError> {
        let gone = |_| FetchError::WriterGone;
        let mut room = self.room.clone().acquire_many_owned(self.room_for(&work)).await.map_err(gone)?;
        let _under_way = self.begin();
        let this = self.clone();
        let (items, folders) = match work {
            Work::Entries(entries) => blocking(move || this.prepare_entries(entries)).await?,
            Work::Pieces { entry, pieces } => (vec![blocking(move || this.prepare_pieces(entry, pieces)).await], Vec::new()),
            Work::Root(entry) => (vec![FetchItem::Root { entry }], Vec::new()),
        };
        for entry in folders {
            self.hand_over(Arrived::Folder { entry }, None).await?;
        }
        if items.is_empty() {
            return Ok(());
        }
        let mut asked = Asked::new(&items);
        let request = Request::Fetch(Fetch { transfer: self.shared.id, items });
        let (mut send, recv) = self.connection.open_request(&request).await?;
        send.finish();
        let mut incoming = Incoming::new(recv, self.transfers.clone());
        loop {
            let frame = incoming.frame().await?;
            if !asked.answered(&frame) {
                return Err(FetchError::Violation);
            }
            match frame {
                Frame::Block { entry, piece, hash, len } => {
                    if self.len(entry, piece) != Some(u64::from(len)) {
                        return Err(FetchError::Violation);
                    }
                    let bytes = incoming.content(len as usize).await?;
                    let room = room.split(room_for(u64::from(len)) as usize);
                    self.hand_over(Arrived::Block { entry, piece, hash, bytes, from: None }, room).await?;
                }
                Frame::Same { entry, piece } => self.hand_over(Arrived::Same { entry, piece }, None).await?,
                Frame::Root { entry, root } => self.hand_over(Arrived::Root { entry, root }, None).await?,
                Frame::Failed { entry, reason } => {
                    self.hand_over(Arrived::Failed { entry, reason: reason.into() }, None).await?;
                }
                Frame::End => return Ok(()),
            }
        }
    }

    /// The length of a piece.
    fn len(&self, entry: EntryIndex, piece: PieceIndex) -> Option<u64> {
        let range = piece::piece_range(self.shared.manifest.entry(entry)?.kind.size(), piece)?;
        Some(range.end - range.start)
    }

    /// The part of [`UNRECORDED_KIB`] that work may take.
    fn room_for(&self, work: &Work) -> u32 {
        let manifest = &self.shared.manifest;
        match work {
            Work::Root(_) => 0,
            Work::Pieces { entry, pieces } => {
                let len = |piece| self.len(*entry, PieceIndex(piece)).unwrap_or(0);
                pieces.clone().map(|piece| room_for(len(piece))).sum()
            }
            Work::Entries(entries) => {
                let found = manifest.entries_from(EntryIndex(entries.start)).take((entries.end - entries.start) as usize);
                found.filter(|(_, entry)| entry.kind.is_file()).map(|(_, entry)| room_for(entry.kind.size())).sum()
            }
        }
    }

    async fn hand_over(&self, arrived: Arrived, room: Option<OwnedSemaphorePermit>) -> Result<(), FetchError> {
        self.queue.send((arrived, room)).await.map_err(|_| FetchError::WriterGone)
    }

    /// Looks for an older copy, and says what to ask for.
    fn prepare_pieces(&self, entry: EntryIndex, pieces: std::ops::Range<u32>) -> FetchItem {
        let found = self.shared.manifest.entry(entry);
        let have = found.map(|found| self.have(entry, &found, pieces.clone())).unwrap_or_default();
        FetchItem::Pieces { entry, first: PieceIndex(pieces.start), count: pieces.end - pieces.start, have }
    }

    /// Makes folders, looks for older copies, and says what to ask for.
    fn prepare_entries(&self, entries: std::ops::Range<u32>) -> Result<(Vec<FetchItem>, Vec<EntryIndex>), DiskError> {
        let (mut items, mut folders) = (Vec::<FetchItem>::new(), Vec::new());
        let count = (entries.end - entries.start) as usize;
        for (index, entry) in self.shared.manifest.entries_from(EntryIndex(entries.start)).take(count) {
            if entry.kind == EntryKind::Folder {
                match self.shared.target.folder(&entry.path) {
                    Err(error) if error.is_obstacle() => return Err(error),
                    // The files in it fail, each with its reason.
                    Err(error) => tracing::warn!(%error, "a folder is not made"),
                    Ok(_) => {}
                }
                folders.push(index);
                continue;
            }
            let have = self.have(index, &entry, 0..1);
            match items.last_mut() {
                Some(FetchItem::Files { first, count }) if have.is_empty() && first.0 + *count == index.0 => *count += 1,
                _ if have.is_empty() => items.push(FetchItem::Files { first: index, count: 1 }),
                _ => items.push(FetchItem::Pieces { entry: index, first: PieceIndex(0), count: 1, have }),
            }
        }
        debug_assert!(items.len() <= message::MAX_FETCH_ITEMS, "work is smaller than a request may be");
        Ok((items, folders))
    }

    /// An older copy of any file that is wanted is here: asking the sender what of it is the same moves fewest bytes.
    pub(crate) fn has_older_copies(&self) -> bool {
        let Receiving { database, target, bases, manifest, plan, .. } = &*self.shared;
        let (wanted, settled) = {
            let plan = super::write::lock(plan);
            (plan.wanted().clone(), plan.settled().clone())
        };
        manifest.entries().any(|(index, entry)| {
            let is_open = entry.kind.is_file() && wanted.contains(index.0) && !settled.contains(index.0);
            is_open && bases.find(database, target, index, &entry).is_some()
        })
    }

    fn have(&self, index: EntryIndex, entry: &Entry, pieces: std::ops::Range<u32>) -> Vec<shoal_proto::Hash> {
        let Receiving { database, target, bases, .. } = &*self.shared;
        let base = bases.find(database, target, index, entry);
        base.map(|base| base.hashes(entry.kind.size(), pieces)).unwrap_or_default()
    }
}

/// Everything wanted is settled.
#[derive(Debug)]
pub(crate) struct AllDone;

/// The part of [`UNRECORDED_KIB`] that so many bytes take.
pub(crate) fn room_for(len: u64) -> u32 {
    u32::try_from(len / 1024 + 1).unwrap_or(u32::MAX)
}
