//! Reads and hashes what a receiver fetches. One reader serves all fetches of a sending transfer, so that a file stays open, and
//! what is known of its hashes at hand, from one fetch to the next. Synchronous; runs on blocking threads.

use super::{
    buffers::{Block, Buffers},
    record::WORTH_RECORDING,
    sent::Sent,
    write::system_time,
};
use crate::store::{
    database::Database,
    file_key::FileKey,
    source::{Offered, Roots, SourceError, SourceFile},
};
use shoal_proto::{
    Entry, Hash, Manifest, PieceIndex,
    codec::{self, MAX_FRAME_HEAD},
    manifest::EntryIndex,
    message::{EntryFailure, FetchItem, Frame},
    piece::{self, PieceHasher},
};
use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Small files are packed into blocks of about this many bytes.
const BLOCK: usize = 256 * 1024;

/// Bytes that are read and hashed at once, while they are in the processor's cache.
const STRIDE: usize = 128 * 1024;

/// Entries and pieces looked at for one block, at most: what a request names may hold nothing to send.
const STEPS: usize = 4096;

/// Files kept open: fetches of several at once take turns.
const MAX_OPEN: usize = 4;

/// Hashes that are not recorded, at most. After a kill they are made again.
const MAX_NEWS: usize = 64;

/// What a fetch still asks for.
#[derive(Debug)]
pub(crate) struct Fetching {
    items: std::vec::IntoIter<FetchItem>,
    current: Option<Current>,
}

/// How far it is in an item.
#[derive(Debug)]
enum Current {
    Files { next: u32, end: u32 },
    Pieces { entry: EntryIndex, first: u32, next: u32, end: u32, have: Vec<Hash> },
    Root { entry: EntryIndex },
}

impl Fetching {
    pub(crate) fn new(items: Vec<FetchItem>) -> Self {
        Self { items: items.into_iter(), current: None }
    }
}

/// The files of one sending transfer.
#[derive(Debug)]
pub(crate) struct Reader {
    manifest: Manifest,
    roots: Roots,
    database: Arc<Database>,
    buffers: Buffers,
    sent: Arc<Mutex<Sent>>,
    /// The latest first.
    open: VecDeque<Open>,
    /// Hashes that are not recorded yet.
    news: Vec<(PathBuf, FileKey, PieceIndex, Vec<Hash>)>,
    /// Hashes of what was put, in order, for one who tells them on.
    hashes: Option<Vec<Hash>>,
}

/// A file at hand.
#[derive(Debug)]
struct Open {
    index: EntryIndex,
    size: u64,
    path: PathBuf,
    file: Result<SourceFile, SourceError>,
    known: BTreeMap<u32, Hash>,
}

impl Reader {
    pub(crate) fn new(manifest: Manifest, roots: Roots, database: Arc<Database>, sent: Arc<Mutex<Sent>>) -> Self {
        Self {
            manifest,
            roots,
            database,
            sent,
            buffers: Buffers::default(),
            open: VecDeque::new(),
            news: Vec::new(),
            hashes: None,
        }
    }

    /// The same, and [`Self::take_hashes`] has the hashes of what was read.
    pub(crate) fn telling(mut self) -> Self {
        self.hashes = Some(Vec::new());
        self
    }

    /// Hashes of what was given since they were taken last, in order; none of what failed.
    pub(crate) fn take_hashes(&mut self) -> Vec<Hash> {
        self.hashes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The next block of frames, and whether more follow.
    pub(crate) fn next(&mut self, fetching: &mut Fetching) -> (Block, bool) {
        let mut out = self.buffers.take();
        let mut more = true;
        let mut steps = 0;
        while more && out.len() < BLOCK && steps < STEPS {
            more = self.step(fetching, &mut out);
            steps += 1;
        }
        if !more {
            put(&mut out, &Frame::End);
        }
        if self.news.len() >= MAX_NEWS {
            self.record();
        }
        (out, more)
    }

    /// One file or piece. `false`: nothing is left.
    fn step(&mut self, fetching: &mut Fetching, out: &mut Block) -> bool {
        match fetching.current.take() {
            None => {
                let Some(item) = fetching.items.next() else { return false };
                fetching.current = Some(match item {
                    FetchItem::Files { first, count } => Current::Files { next: first.0, end: first.0.saturating_add(count) },
                    FetchItem::Pieces { entry, first, count, have } => {
                        let end = first.0.saturating_add(count);
                        Current::Pieces { entry, first: first.0, next: first.0, end, have }
                    }
                    FetchItem::Root { entry } => Current::Root { entry },
                });
            }
            Some(Current::Files { next, end }) => {
                if next < end.min(self.manifest.len()) {
                    self.whole_file(EntryIndex(next), out);
                    fetching.current = Some(Current::Files { next: next + 1, end });
                }
            }
            Some(Current::Pieces { entry, first, next, end, have }) => {
                let found = self.manifest.entry(entry).filter(|found| found.kind.is_file());
                let Some(found) = found.filter(|found| next < end.min(piece::piece_count(found.kind.size()))) else {
                    return true;
                };
                let hint = have.get((next - first) as usize).copied();
                if self.piece(entry, &found, PieceIndex(next), hint, out) {
                    fetching.current = Some(Current::Pieces { entry, first, next: next + 1, end, have });
                }
            }
            Some(Current::Root { entry }) => self.root(entry, out),
        }
        true
    }

    fn whole_file(&mut self, index: EntryIndex, out: &mut Block) {
        let entry = self.manifest.entry(index).filter(|entry| entry.kind.is_file());
        // Larger ones are asked for piece by piece.
        if let Some(entry) = entry.filter(|entry| piece::piece_count(entry.kind.size()) == 1) {
            self.piece(index, &entry, PieceIndex(0), None, out);
        }
    }

    /// One piece. `false`: the file failed.
    fn piece(&mut self, index: EntryIndex, entry: &Entry, piece: PieceIndex, have: Option<Hash>, out: &mut Block) -> bool {
        let is_given = self.put_piece(index, entry, piece, have, out);
        if is_given {
            self.sent().piece(index, entry.kind.size(), piece);
        }
        is_given
    }

    fn put_piece(&mut self, index: EntryIndex, entry: &Entry, piece: PieceIndex, have: Option<Hash>, out: &mut Block) -> bool {
        self.turn_to(index, entry, have.is_some() || piece::piece_count(entry.kind.size()) > 1);
        let at_hand = self.open.front().filter(|open| open.file.is_ok());
        if have.is_some() && at_hand.and_then(|open| open.known.get(&piece.0)).copied() == have {
            put(out, &Frame::Same { entry: index, piece });
            return true;
        }
        // The head's length does not depend on the hash, which is known only after the bytes.
        let range = piece::piece_range(entry.kind.size(), piece).unwrap_or_default();
        let len = u32::try_from(range.end - range.start).unwrap_or(u32::MAX); // pieces are at most 4 MiB
        let head = |hash| Frame::Block { entry: index, piece, hash, len };
        let start = out.len();
        put(out, &head(Hash::from([0; 32])));
        match self.read(piece, out) {
            Ok(hash) if have == Some(hash) => {
                out.truncate(start);
                put(out, &Frame::Same { entry: index, piece });
            }
            Ok(hash) => {
                self.hashes.iter_mut().for_each(|hashes| hashes.push(hash));
                let right = encoded(&head(hash));
                if let Some(place) = out.rest_mut(start).get_mut(..right.len()) {
                    place.copy_from_slice(&right);
                }
            }
            Err(error) => {
                out.truncate(start);
                self.failed(index, &error, out);
                return false;
            }
        }
        true
    }

    fn root(&mut self, index: EntryIndex, out: &mut Block) {
        let Some(entry) = self.manifest.entry(index).filter(|entry| entry.kind.is_file()) else { return };
        self.turn_to(index, &entry, true);
        let size = entry.kind.size();
        let mut scratch = self.buffers.take();
        let hashes = (0..piece::piece_count(size)).map(|piece| {
            let known = self.open.front().and_then(|open| open.known.get(&piece)).copied();
            scratch.truncate(0);
            known.map_or_else(|| self.read(PieceIndex(piece), &mut scratch), Ok)
        });
        let hashes: Result<Vec<Hash>, SourceError> = hashes.collect();
        let root = hashes.map(|hashes| piece::fold(size, &hashes));
        match root {
            Ok(Some(root)) => {
                put(out, &Frame::Root { entry: index, root });
                self.sent().root(index);
            }
            Ok(None) => self.failed(index, &SourceError::Changed, out),
            Err(error) => self.failed(index, &error, out),
        }
    }

    /// Puts the file of an entry to the front, opening it if it is not at hand.
    fn turn_to(&mut self, index: EntryIndex, entry: &Entry, look_up: bool) {
        if let Some(at) = self.open.iter().position(|open| open.index == index) {
            self.open.swap(0, at);
            return;
        }
        let size = entry.kind.size();
        let file = self.roots.open(&entry.path, Offered { size, modified: system_time(entry.modified) });
        let path = match &file {
            Ok(file) => file.path().to_owned(),
            Err(_) => self.roots.real_path(&entry.path).unwrap_or_default(),
        };
        let mut known = BTreeMap::new();
        if let Ok(file) = file.as_ref()
            && look_up
        {
            if self.news.iter().any(|(of, ..)| *of == path) {
                self.record();
            }
            let runs = self.database.hashes(&path, &file.key()).unwrap_or_else(|error| {
                tracing::warn!(%error, "known hashes are not used");
                Vec::new()
            });
            for (first, hashes) in runs {
                known.extend((first.0..).zip(hashes));
            }
        }
        self.open.truncate(MAX_OPEN - 1);
        self.open.push_front(Open { index, size, path, file, known });
    }

    /// Appends a piece of the file at the front to `out`; the file must still be the version that was offered.
    fn read(&mut self, piece: PieceIndex, out: &mut Block) -> Result<Hash, SourceError> {
        let Some(open) = self.open.front_mut() else { return Err(SourceError::Gone) };
        let file = open.file.as_ref().map_err(Clone::clone)?;
        let range = piece::piece_range(open.size, piece).ok_or(SourceError::Changed)?;
        let len = usize::try_from(range.end - range.start).map_err(|_| SourceError::Changed)?;
        let bytes = out.grow(len);
        let mut hasher = PieceHasher::new(open.size, piece);
        for (stride, offset) in bytes.chunks_mut(STRIDE).zip((range.start..).step_by(STRIDE)) {
            file.read_at(offset, stride)?;
            hasher.update(stride);
        }
        file.unchanged()?;
        let hash = hasher.finish();
        if open.known.insert(piece.0, hash) != Some(hash) && open.size >= WORTH_RECORDING {
            match self.news.last_mut() {
                Some((path, _, first, hashes)) if *path == open.path && first.0 as usize + hashes.len() == piece.0 as usize => {
                    hashes.push(hash)
                }
                _ => self.news.push((open.path.clone(), file.key(), piece, vec![hash])),
            }
        }
        Ok(hash)
    }

    fn failed(&mut self, index: EntryIndex, error: &SourceError, out: &mut Block) {
        // Not kept: whoever asks again has a reason to hope.
        if let Some(open) = self.open.pop_front() {
            tracing::warn!(path = %open.path.display(), %error, "a file cannot be given");
        }
        let reason = EntryFailure::from(error);
        self.sent().fail(index, reason.into());
        put(out, &Frame::Failed { entry: index, reason });
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was hashed for the next time.
    fn record(&mut self) {
        if self.news.is_empty() {
            return;
        }
        if let Err(error) = self.database.add_hashes(&self.news) {
            tracing::warn!(%error, "hashes are not kept: they will be made again");
        }
        self.news.clear();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.record();
    }
}

fn put(out: &mut Block, frame: &Frame) {
    let bytes = encoded(frame);
    out.grow(bytes.len()).copy_from_slice(&bytes);
}

fn encoded(frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = codec::encode(frame, MAX_FRAME_HEAD, &mut bytes) {
        // Every frame's head is some fifty bytes.
        tracing::error!(%error, "a frame was not written");
    }
    bytes
}
