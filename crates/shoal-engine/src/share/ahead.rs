//! Pieces that were asked for ahead of whoever looks at a file. All of them are taken off the connection as they come, so never many are
//! asked for at once; dropping the run gives the rest up.

use super::{ask::Asker, views::SharedFile};
use crate::{
    error::LookError,
    stream::StreamError,
    transfer::{incoming::Incoming, transfers::blocking},
};
use bytes::{Bytes, BytesMut};
use shoal_proto::{
    Hash, PieceIndex, display,
    message::{EntryFailure, Frame},
    piece::{PieceHasher, piece_range, pieces_with},
    share::{Read, Reading, ShareId},
};
use std::{ops::Range, sync::Arc};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// A run of pieces that come one after another.
#[derive(Debug)]
pub(super) struct Ahead {
    /// Those that were not taken yet; nothing before the version is known.
    pub(super) left: Range<u32>,
    bytes: Range<u64>,
    reading: Option<Reading>,
    coming: mpsc::UnboundedReceiver<Result<Came, LookError>>,
    from: Origin,
    _task: AbortOnDropHandle<()>,
}

/// What comes: the version first, then its pieces.
#[derive(Debug)]
enum Came {
    Reading(Reading),
    Piece(Bytes),
}

/// Where it comes from, and who asks.
#[derive(Debug, Clone)]
struct Origin {
    asker: Arc<Asker>,
    file: SharedFile,
}

impl Ahead {
    /// Asks for the pieces that hold some bytes.
    pub(super) fn ask(asker: Arc<Asker>, file: SharedFile, share: ShareId, bytes: Range<u64>) -> Self {
        let from = Origin { asker, file };
        // No bound: nothing comes but what was asked for, and that is little.
        let (tell, coming) = mpsc::unbounded_channel();
        let (of, wanted) = (from.clone(), bytes.clone());
        let task = from.asker.transfers.tasks.spawn(async move {
            if let Err(error) = of.fetch(share, wanted, &tell).await {
                // Fails when nobody waits for it.
                let _ = tell.send(Err(error));
            }
        });
        Self { left: 0..0, bytes, reading: None, coming, from, _task: AbortOnDropHandle::new(task) }
    }

    /// As [`Ahead::ask`], of a file whose size is known.
    pub(super) fn of(mut self, size: u64) -> Self {
        self.left = pieces_with(size, self.bytes.clone());
        self
    }

    /// The version that they are of.
    pub(super) async fn reading(&mut self) -> Result<Reading, LookError> {
        if let Some(reading) = self.reading {
            return Ok(reading);
        }
        let Came::Reading(reading) = self.come().await? else { return Err(self.from.damaged()) };
        self.left = pieces_with(reading.size, self.bytes.clone());
        self.reading = Some(reading);
        Ok(reading)
    }

    /// The next piece, once the version is known.
    pub(super) async fn next(&mut self) -> Result<Bytes, LookError> {
        let Came::Piece(piece) = self.come().await? else { return Err(self.from.damaged()) };
        self.left.start += 1;
        Ok(piece)
    }

    async fn come(&mut self) -> Result<Came, LookError> {
        self.coming.recv().await.unwrap_or_else(|| Err(LookError::Lost(self.from.asker.name(self.from.file.peer))))
    }
}

impl Origin {
    async fn fetch(
        &self,
        share: ShareId,
        bytes: Range<u64>,
        tell: &mpsc::UnboundedSender<Result<Came, LookError>>,
    ) -> Result<(), LookError> {
        let read = Read { share, path: self.file.path.clone(), offset: bytes.start, len: bytes.end - bytes.start };
        let (reading, mut incoming) = self.asker.read(self.file.peer, read, &self.what()).await?;
        // Fails when nobody waits any more, and then this task is about to end.
        let _ = tell.send(Ok(Came::Reading(reading)));
        for piece in pieces_with(reading.size, bytes).map(PieceIndex) {
            let content = self.piece(&mut incoming, reading.size, piece).await?;
            let _ = tell.send(Ok(Came::Piece(content)));
        }
        Ok(())
    }

    async fn piece(&self, incoming: &mut Incoming, size: u64, piece: PieceIndex) -> Result<Bytes, LookError> {
        let lost = |error: StreamError| self.asker.failed(self.file.peer, &error, &self.what());
        let expected = piece_range(size, piece).map_or(0, |range| range.end - range.start);
        let (hash, len) = match incoming.frame().await.map_err(lost)? {
            Frame::Block { piece: index, hash, len, .. } if index == piece && u64::from(len) == expected => (hash, len),
            Frame::Failed { reason: EntryFailure::Changed, .. } => {
                return Err(LookError::Changed { peer: self.asker.name(self.file.peer), what: self.what() });
            }
            Frame::Failed { .. } => {
                return Err(LookError::NotShared { peer: self.asker.name(self.file.peer), what: self.what() });
            }
            _ => return Err(self.damaged()),
        };
        let parts = incoming.content(len as usize).await.map_err(lost)?;
        blocking(move || checked(size, piece, hash, &parts)).await.ok_or_else(|| self.damaged())
    }

    fn what(&self) -> String {
        display::shown(self.file.path.as_str())
    }

    fn damaged(&self) -> LookError {
        LookError::Damaged(self.asker.name(self.file.peer))
    }
}

/// A piece in one, if it is what its hash says.
fn checked(size: u64, piece: PieceIndex, hash: Hash, parts: &[Bytes]) -> Option<Bytes> {
    let mut content = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
    parts.iter().for_each(|part| content.extend_from_slice(part));
    let mut hasher = PieceHasher::new(size, piece);
    hasher.update(&content);
    (hasher.finish() == hash).then(|| content.freeze())
}
