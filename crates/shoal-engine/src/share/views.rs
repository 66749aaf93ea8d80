//! Files of others that somebody looks at: a text, an image, a film that is played from its middle.
//!
//! Bytes are asked for in any order, and mostly one part after another. So the stream that brought a part goes on with the next, the
//! connection's flow control lets it run ahead by some seconds, and a leap ends it for another. A piece is checked against its hash before
//! any of it is given away; the last few are kept, since players come back to them. Nothing is written to the disk.

use super::ask::Asker;
use crate::{
    error::LookError,
    transfer::{incoming::Incoming, transfers::blocking},
};
use bytes::{Bytes, BytesMut};
use shoal_proto::{
    PeerId, PieceIndex, RelativePath, display,
    message::{EntryFailure, Frame},
    piece::{PieceHasher, piece_range, pieces_with},
    share::{Read, Reading, ShareId},
};
use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Most bytes that are given at once.
pub const MAX_READ: u32 = 1024 * 1024;

/// Files that are looked at at once; the one that was left alone longest goes first.
const MAX_VIEWS: usize = 8;

/// Pieces that are kept of one file.
const MAX_KEPT: usize = 4;

/// Pieces that a stream may be behind of what is wanted, and still be read up to there.
const MAX_SKIPPED: u32 = 2;

/// What nobody looks at for so long is closed.
const IDLE: Duration = Duration::from_secs(20);

/// How long a piece may take to come.
const PIECE_WAIT: Duration = Duration::from_secs(30);

/// Part of a file of a device's share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedBytes {
    /// The version of the file that they are of.
    pub version: FileVersion,
    /// The bytes; fewer than wanted at the end of the file.
    pub bytes: Bytes,
}

/// Tells one version of a device's file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileVersion {
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub modified: i64,
}

/// Which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) peer: PeerId,
    /// The share's name.
    pub(crate) share: String,
    pub(crate) path: RelativePath,
}

/// Everything that is looked at.
#[derive(Debug)]
pub(crate) struct Views {
    asker: Arc<Asker>,
    /// The latest last.
    open: Mutex<VecDeque<Arc<View>>>,
}

#[derive(Debug)]
struct View {
    place: Place,
    used: Mutex<Instant>,
    state: tokio::sync::Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    share: Option<ShareId>,
    reading: Option<Reading>,
    stream: Option<Stream>,
    kept: VecDeque<(PieceIndex, Bytes)>,
}

#[derive(Debug)]
struct Stream {
    /// The pieces that still come.
    left: Range<u32>,
    incoming: Incoming,
}

impl Views {
    pub(crate) fn new(asker: Arc<Asker>) -> Arc<Self> {
        Arc::new(Self { asker, open: Mutex::default() })
    }

    /// `len` bytes from `offset` on, at most [`MAX_READ`].
    pub(crate) async fn read(self: &Arc<Self>, place: Place, offset: u64, len: u32) -> Result<SharedBytes, LookError> {
        let peer = place.peer;
        let view = self.view(place);
        let read = view.read(&self.asker, offset, len.min(MAX_READ)).await;
        if read.is_err() {
            // The share may have been made anew, the file replaced, the connection lost: the next one begins from nothing.
            self.open().retain(|other| !Arc::ptr_eq(other, &view));
            self.asker.forget_shares(peer);
        }
        read
    }

    fn view(self: &Arc<Self>, place: Place) -> Arc<View> {
        let mut open = self.open();
        let known = open.iter().position(|view| view.place == place).and_then(|at| open.remove(at));
        let view = known
            .unwrap_or_else(|| Arc::new(View { place, used: Mutex::new(Instant::now()), state: tokio::sync::Mutex::default() }));
        view.touch();
        if open.is_empty() {
            self.close_what_is_idle();
        }
        open.push_back(view.clone());
        if open.len() > MAX_VIEWS {
            open.pop_front();
        }
        view
    }

    /// Runs as long as anything is open.
    fn close_what_is_idle(self: &Arc<Self>) {
        let this = self.clone();
        let cancel = self.asker.transfers.cancel.clone();
        self.asker.transfers.tasks.spawn(async move {
            loop {
                if cancel.run_until_cancelled(tokio::time::sleep(IDLE / 4)).await.is_none() {
                    return this.open().clear();
                }
                let mut open = this.open();
                open.retain(|view| view.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < IDLE);
                if open.is_empty() {
                    return;
                }
            }
        });
    }

    fn open(&self) -> MutexGuard<'_, VecDeque<Arc<View>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    async fn read(&self, asker: &Asker, offset: u64, len: u32) -> Result<SharedBytes, LookError> {
        let mut state = self.state.lock().await;
        let reading = match state.reading {
            Some(reading) => reading,
            None => self.begin(asker, &mut state, offset, len.into()).await?,
        };
        let wanted = offset..offset.saturating_add(len.into()).min(reading.size);
        let mut parts = Vec::new();
        for piece in pieces_with(reading.size, wanted.clone()).map(PieceIndex) {
            let range = piece_range(reading.size, piece).ok_or_else(|| self.changed(asker))?;
            let content = self.piece(asker, &mut state, reading, piece).await?;
            // Within the piece; at most 4 MiB.
            let within = |byte: u64| usize::try_from(byte.clamp(range.start, range.end) - range.start).unwrap_or(content.len());
            parts.push(content.slice(within(wanted.start)..within(wanted.end)));
        }
        self.touch();
        let bytes = if parts.len() == 1 { parts.swap_remove(0) } else { parts.concat().into() };
        Ok(SharedBytes { version: FileVersion { size: reading.size, modified: reading.modified }, bytes })
    }

    /// A piece, checked: from what is kept, or from a stream that is there or near, or from another.
    async fn piece(&self, asker: &Asker, state: &mut State, reading: Reading, piece: PieceIndex) -> Result<Bytes, LookError> {
        if let Some((_, content)) = state.kept.iter().find(|(index, _)| *index == piece) {
            return Ok(content.clone());
        }
        let near = |stream: &Stream| stream.left.contains(&piece.0) && piece.0 - stream.left.start <= MAX_SKIPPED;
        if !state.stream.as_ref().is_some_and(near) {
            let range = piece_range(reading.size, piece).ok_or_else(|| self.changed(asker))?;
            // One who reads on is given all that follows; the first look at a place is for what was asked.
            let reads_on = piece.0 > 0 && state.kept.iter().any(|(index, _)| index.0 + 1 == piece.0);
            let len = if reads_on { u64::MAX } else { range.end - range.start };
            if self.begin(asker, state, range.start, len).await? != reading {
                return Err(self.changed(asker));
            }
        }
        // Put back once a whole piece came: what broke off in the middle of one is of no more use.
        let mut stream = state.stream.take().ok_or_else(|| self.changed(asker))?;
        loop {
            let index = PieceIndex(stream.left.start);
            let next = tokio::time::timeout(PIECE_WAIT, self.next_piece(asker, &mut stream, reading)).await;
            let content = next.map_err(|_| LookError::Lost(asker.name(self.place.peer)))??;
            state.kept.push_back((index, content.clone()));
            if state.kept.len() > MAX_KEPT {
                state.kept.pop_front();
            }
            if index == piece {
                state.stream = Some(stream);
                return Ok(content);
            }
        }
    }

    /// Opens a stream for the pieces that hold these bytes.
    async fn begin(&self, asker: &Asker, state: &mut State, offset: u64, len: u64) -> Result<Reading, LookError> {
        let Place { peer, share, path } = &self.place;
        let share = match state.share {
            Some(share) => share,
            None => asker.share_id(*peer, share).await?,
        };
        // Before anything else is asked for: the rest of the old one would be in its way.
        state.stream = None;
        let read = Read { share, path: path.clone(), offset, len };
        let (reading, incoming) = asker.read(*peer, read, &display::shown(path.as_str())).await?;
        (state.share, state.reading) = (Some(share), Some(reading));
        let left = pieces_with(reading.size, offset..offset.saturating_add(len));
        state.stream = Some(Stream { left, incoming });
        Ok(reading)
    }

    async fn next_piece(&self, asker: &Asker, stream: &mut Stream, reading: Reading) -> Result<Bytes, LookError> {
        let what = || display::shown(self.place.path.as_str());
        let lost = |error: &crate::stream::StreamError| asker.failed(self.place.peer, error, &what());
        let piece = PieceIndex(stream.left.start);
        let range = piece_range(reading.size, piece).ok_or_else(|| self.changed(asker))?;
        let frame = stream.incoming.frame().await.map_err(|error| lost(&error))?;
        let (hash, len) = match frame {
            Frame::Block { piece: index, hash, len, .. } if index == piece && u64::from(len) == range.end - range.start => {
                (hash, len)
            }
            Frame::Failed { reason: EntryFailure::Changed, .. } => return Err(self.changed(asker)),
            Frame::Failed { .. } => return Err(LookError::NotShared { peer: asker.name(self.place.peer), what: what() }),
            _ => return Err(LookError::Damaged(asker.name(self.place.peer))),
        };
        let parts = stream.incoming.content(len as usize).await.map_err(|error| lost(&error))?;
        let checked = blocking(move || {
            let mut hasher = PieceHasher::new(reading.size, piece);
            let mut content = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
            parts.iter().for_each(|part| content.extend_from_slice(part));
            hasher.update(&content);
            (hasher.finish() == hash).then(|| content.freeze())
        });
        stream.left.start += 1;
        checked.await.ok_or_else(|| LookError::Damaged(asker.name(self.place.peer)))
    }

    fn changed(&self, asker: &Asker) -> LookError {
        LookError::Changed { peer: asker.name(self.place.peer), what: display::shown(self.place.path.as_str()) }
    }
}
