//! Files of others that somebody looks at: a text, an image, a film that is played from its middle.
//!
//! Bytes are asked for in any order, and mostly one part after another. Whoever reads on finds that the next pieces were asked for
//! already; a leap gives them up. Never more is asked for than is taken off the connection at once: what waits there would keep others
//! waiting. A piece is checked against its hash before any of it is given away; the last few are kept, since players come back to them.
//! Nothing is written to the disk.

use super::{ahead::Ahead, ask::Asker};
use crate::error::LookError;
use bytes::Bytes;
use shoal_proto::{
    PeerId, PieceIndex, RelativePath, display,
    piece::{piece_count, piece_range, piece_size, pieces_with},
    share::{Reading, ShareId},
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

/// Bytes that are asked for ahead of one who reads on: the way there and back on a fast and on a long connection.
const AHEAD: u64 = 4 * 1024 * 1024;

/// Pieces that are kept of one file.
const MAX_KEPT: usize = 4;

/// Pieces that may come before the one that is wanted, and be waited for.
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
pub(crate) struct SharedFile {
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
    file: SharedFile,
    used: Mutex<Instant>,
    state: tokio::sync::Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    share: Option<ShareId>,
    reading: Option<Reading>,
    /// What was asked for and is not taken yet: runs of pieces, each beginning where the one before it ends.
    coming: VecDeque<Ahead>,
    kept: VecDeque<(PieceIndex, Bytes)>,
}

impl Views {
    pub(crate) fn new(asker: Arc<Asker>) -> Arc<Self> {
        Arc::new(Self { asker, open: Mutex::default() })
    }

    /// `len` bytes from `offset` on, at most [`MAX_READ`].
    pub(crate) async fn read(self: &Arc<Self>, file: SharedFile, offset: u64, len: u32) -> Result<SharedBytes, LookError> {
        let peer = file.peer;
        let view = self.view(file);
        let read = view.read(&self.asker, offset, len.min(MAX_READ)).await;
        if read.is_err() {
            // The share may have been made anew, the file replaced, the connection lost: the next one begins from nothing.
            self.open().retain(|other| !Arc::ptr_eq(other, &view));
            self.asker.forget_shares(peer);
        }
        read
    }

    fn view(self: &Arc<Self>, file: SharedFile) -> Arc<View> {
        let mut open = self.open();
        if open.is_empty() {
            self.close_what_is_idle();
        }
        let known = open.iter().position(|view| view.file == file).and_then(|at| open.remove(at));
        let view = known
            .unwrap_or_else(|| Arc::new(View { file, used: Mutex::new(Instant::now()), state: tokio::sync::Mutex::default() }));
        view.touch();
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

    async fn read(&self, asker: &Arc<Asker>, offset: u64, len: u32) -> Result<SharedBytes, LookError> {
        let mut state = self.state.lock().await;
        let reading = match state.reading {
            Some(reading) => reading,
            None => self.begin(asker, &mut state, offset, len).await?,
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

    /// The first look at a file: what version it is of, and the bytes that are wanted.
    async fn begin(&self, asker: &Arc<Asker>, state: &mut State, offset: u64, len: u32) -> Result<Reading, LookError> {
        let share = asker.share_id(self.file.peer, &self.file.share).await?;
        state.share = Some(share);
        let mut first = Ahead::ask(asker.clone(), self.file.clone(), share, offset..offset.saturating_add(len.into()));
        let reading = self.in_time(asker, first.reading()).await?;
        state.reading = Some(reading);
        state.coming = VecDeque::from([first]);
        Ok(reading)
    }

    /// A piece, checked: from what is kept, from what is coming, or asked for now.
    async fn piece(
        &self,
        asker: &Arc<Asker>,
        state: &mut State,
        reading: Reading,
        piece: PieceIndex,
    ) -> Result<Bytes, LookError> {
        if let Some((_, content)) = state.kept.iter().find(|(index, _)| *index == piece) {
            return Ok(content.clone());
        }
        let reads_on = piece.0 > 0 && state.kept.iter().any(|(index, _)| index.0 + 1 == piece.0);
        let left = |state: &State| {
            let first = state.coming.front().map(|run| run.left.start)?;
            Some(first..state.coming.back()?.left.end)
        };
        let is_near = |left: Range<u32>| left.contains(&piece.0) && piece.0 - left.start <= MAX_SKIPPED;
        if !left(state).is_some_and(is_near) {
            // The rest would be in the way of what is wanted now.
            state.coming.clear();
            // The first look at a place is for what was asked.
            self.ask(asker, state, reading, if reads_on { ahead(reading.size, piece.0) } else { piece.0..piece.0 + 1 });
        }
        loop {
            let Some(run) = state.coming.front_mut() else { return Err(self.changed(asker)) };
            if run.left.is_empty() {
                state.coming.pop_front();
                continue;
            }
            let index = PieceIndex(run.left.start);
            let next = async {
                // Of another version: what came before does not fit to it.
                if run.reading().await? == reading { run.next().await } else { Err(self.changed(asker)) }
            };
            let content = self.in_time(asker, next).await?;
            state.kept.push_back((index, content.clone()));
            if state.kept.len() > MAX_KEPT {
                state.kept.pop_front();
            }
            let end = state.coming.back().map_or(0, |run| run.left.end);
            if reads_on && u64::from(end - index.0) * piece_size(reading.size) <= AHEAD / 2 {
                self.ask(asker, state, reading, ahead(reading.size, end));
            }
            if index == piece {
                return Ok(content);
            }
        }
    }

    fn ask(&self, asker: &Arc<Asker>, state: &mut State, reading: Reading, pieces: Range<u32>) {
        let (Some(share), false) = (state.share, pieces.is_empty()) else { return };
        let size = piece_size(reading.size);
        let bytes = u64::from(pieces.start) * size..(u64::from(pieces.end) * size).min(reading.size);
        state.coming.push_back(Ahead::ask(asker.clone(), self.file.clone(), share, bytes).of(reading.size));
    }

    async fn in_time<T>(&self, asker: &Asker, work: impl Future<Output = Result<T, LookError>>) -> Result<T, LookError> {
        let lost = |_| LookError::Lost(asker.name(self.file.peer));
        tokio::time::timeout(PIECE_WAIT, work).await.map_err(lost)?
    }

    fn changed(&self, asker: &Asker) -> LookError {
        LookError::Changed { peer: asker.name(self.file.peer), what: display::shown(self.file.path.as_str()) }
    }
}

/// The pieces from one on that are asked for ahead of one who reads on.
fn ahead(size: u64, first: u32) -> Range<u32> {
    let count = u32::try_from(AHEAD / piece_size(size)).unwrap_or(1).max(2);
    first..first.saturating_add(count).min(piece_count(size)).max(first)
}
