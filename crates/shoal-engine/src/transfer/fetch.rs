//! One fetch stream of a receiving transfer: asks for a piece of work and hands what comes to the writer.
//!
//! Nothing is trusted here: each frame must have been asked for, and be as long as the manifest says, before a byte of it is read.

use super::{
    asked::Asked,
    bases::Bases,
    transfers::{Transfers, blocking},
    write::Arrived,
};
use crate::{
    connection::Connection,
    store::{database::Database, disk::DiskError, target::Target},
    stream::{RecvStream, StreamError, read_message},
};
use bytes::Bytes;
use shoal_proto::{
    Entry, Manifest, PieceIndex,
    codec::MAX_FRAME_HEAD,
    manifest::EntryIndex,
    message::{self, Fetch, FetchItem, Frame, Request, TransferId},
    piece,
    plan::{Plan, Work},
};
use std::sync::{Arc, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Bytes that came and wait for the writer, at most, in KiB.
pub(crate) const QUEUE_KIB: usize = 4 * 1024;

/// Messages that wait for the writer, at most.
pub(crate) const QUEUE_LEN: usize = 1024;

/// What comes with the memory that it takes, given back once it is written.
pub(crate) type Queued = (Arrived, OwnedSemaphorePermit);

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
    pub(crate) id: TransferId,
    pub(crate) transfers: Arc<Transfers>,
    pub(crate) connection: Connection,
    pub(crate) manifest: Manifest,
    pub(crate) plan: Arc<Mutex<Plan>>,
    pub(crate) target: Arc<Target>,
    pub(crate) bases: Arc<Bases>,
    pub(crate) queue: mpsc::Sender<Queued>,
    pub(crate) room: Arc<Semaphore>,
}

impl Fetcher {
    /// Fetches one piece of work.
    pub(crate) async fn fetch(self: &Arc<Self>, work: Work) -> Result<(), FetchError> {
        let this = self.clone();
        let (items, folders) = blocking(move || this.prepare(&work)).await?;
        for entry in folders {
            self.hand_over(Arrived::Folder { entry }, 0).await?;
        }
        if items.is_empty() {
            return Ok(());
        }
        let mut asked = Asked::new(&items);
        let request = Request::Fetch(Fetch { transfer: self.id, items });
        let (mut send, mut recv) = self.connection.open_request(&request).await?;
        send.finish();
        loop {
            let frame = read_message(&mut recv, MAX_FRAME_HEAD).await?;
            if !asked.answered(&frame) {
                return Err(FetchError::Violation);
            }
            match frame {
                Frame::Block { entry, piece, hash, len } => {
                    if self.len(entry, piece) != Some(u64::from(len)) {
                        return Err(FetchError::Violation);
                    }
                    let bytes = self.read_block(&mut recv, len as usize).await?;
                    self.hand_over(Arrived::Block { entry, piece, hash, bytes }, len as usize).await?;
                }
                Frame::Same { entry, piece } => self.hand_over(Arrived::Same { entry, piece }, 0).await?,
                Frame::Root { entry, root } => self.hand_over(Arrived::Root { entry, root }, 0).await?,
                Frame::Failed { entry, reason } => {
                    self.hand_over(Arrived::Failed { entry, reason: reason.into() }, 0).await?;
                }
                Frame::End => return Ok(()),
            }
        }
    }

    /// The length of a piece.
    fn len(&self, entry: EntryIndex, piece: PieceIndex) -> Option<u64> {
        let range = piece::piece_range(self.manifest.entry(entry)?.kind.size(), piece)?;
        Some(range.end - range.start)
    }

    /// The buffer's size is what our own manifest says, at most [`piece::MAX_PIECE_SIZE`].
    async fn read_block(&self, recv: &mut RecvStream, len: usize) -> Result<Bytes, FetchError> {
        let mut block = vec![0; len];
        let mut rest = block.as_mut_slice();
        while !rest.is_empty() {
            let share = self.transfers.down.share(rest.len()).await;
            let (now, later) = rest.split_at_mut(share);
            recv.read_exact(now).await.map_err(|error| match error {
                quinn::ReadExactError::FinishedEarly(_) => StreamError::CutShort,
                quinn::ReadExactError::ReadError(error) => error.into(),
            })?;
            rest = later;
        }
        Ok(block.into())
    }

    async fn hand_over(&self, arrived: Arrived, len: usize) -> Result<(), FetchError> {
        let kib = u32::try_from(len / 1024 + 1).unwrap_or(u32::MAX).min(QUEUE_KIB as u32);
        let gone = |_| FetchError::WriterGone;
        let permit = self.room.clone().acquire_many_owned(kib).await.map_err(gone)?;
        self.queue.send((arrived, permit)).await.map_err(|_| FetchError::WriterGone)
    }

    /// Makes folders, looks for older copies, and says what to ask for.
    fn prepare(&self, work: &Work) -> Result<(Vec<FetchItem>, Vec<EntryIndex>), DiskError> {
        match work {
            Work::Root(entry) => Ok((vec![FetchItem::Root { entry: *entry }], Vec::new())),
            Work::Pieces { entry, pieces } => {
                let found = self.manifest.entry(*entry);
                let have = found.map(|found| self.have(*entry, &found, pieces.clone())).unwrap_or_default();
                let (first, count) = (PieceIndex(pieces.start), pieces.end - pieces.start);
                Ok((vec![FetchItem::Pieces { entry: *entry, first, count, have }], Vec::new()))
            }
            Work::Entries(entries) => {
                let (mut items, mut folders) = (Vec::<FetchItem>::new(), Vec::new());
                let count = (entries.end - entries.start) as usize;
                for (index, entry) in self.manifest.entries_from(EntryIndex(entries.start)).take(count) {
                    if !entry.kind.is_file() {
                        match self.target.folder(&entry.path) {
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
        }
    }

    fn have(&self, index: EntryIndex, entry: &Entry, pieces: std::ops::Range<u32>) -> Vec<shoal_proto::Hash> {
        let database: &Database = &self.transfers.database;
        let base = self.bases.find(database, &self.target, index, entry);
        base.map(|base| base.hashes(entry.kind.size(), pieces)).unwrap_or_default()
    }
}
