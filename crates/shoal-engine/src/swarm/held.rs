//! Reads units of what this device received: from partial files, or from where the files were put. Whatever is read is checked before it is
//! given on, as anybody may have changed it meanwhile. Synchronous; runs on blocking threads.

use crate::{
    store::{
        partial::{self, read_exact_at},
        target::Existing,
    },
    transfer::{record::Receiving, write::lock},
};
use bytes::Bytes;
use shoal_proto::{
    Entry, Hash, PieceIndex, RelativePath,
    codec::{self, MAX_FRAME_HEAD},
    manifest::EntryIndex,
    message::{EntryFailure, Frame},
    piece,
    swarm::Unit,
};
use std::{
    collections::VecDeque,
    fs::File,
    sync::{Arc, Mutex, PoisonError},
};

/// Files kept open.
const MAX_OPEN: usize = 8;

/// What a transfer received.
#[derive(Debug)]
pub(crate) struct Held {
    receiving: Arc<Receiving>,
    /// The latest first.
    open: Mutex<VecDeque<(EntryIndex, Arc<File>)>>,
}

impl Held {
    pub(crate) fn new(receiving: Arc<Receiving>) -> Self {
        Self { receiving, open: Mutex::default() }
    }

    /// The frames of a unit whose hashes are these. What is not there any more as it was is said to have failed.
    pub(crate) fn read(&self, unit: Unit, hashes: &[Hash]) -> Vec<Bytes> {
        let mut blocks = Vec::new();
        let mut hashes = hashes.iter();
        match unit {
            Unit::Piece { entry, piece, .. } => {
                let found = self.receiving.manifest.entry(entry).zip(hashes.next());
                blocks.extend(found.map(|(found, hash)| self.piece(entry, &found, piece, *hash)));
            }
            Unit::Entries { first, count, .. } => {
                let files = self.receiving.manifest.entries_from(first).take(count as usize);
                for ((index, entry), hash) in files.filter(|(_, entry)| entry.kind.is_file()).zip(hashes) {
                    blocks.push(self.piece(index, &entry, PieceIndex(0), *hash));
                }
            }
        }
        let mut end = Vec::new();
        put(&Frame::End, &mut end);
        blocks.push(end.into());
        blocks
    }

    fn piece(&self, index: EntryIndex, entry: &Entry, piece: PieceIndex, hash: Hash) -> Bytes {
        let size = entry.kind.size();
        let range = piece::piece_range(size, piece).unwrap_or_default();
        let len = u32::try_from(range.end - range.start).unwrap_or(u32::MAX); // pieces are at most 4 MiB
        let mut out = Vec::with_capacity(len as usize + 64);
        put(&Frame::Block { entry: index, piece, hash, len }, &mut out);
        let start = out.len();
        out.resize(start + len as usize, 0);
        let content = out.get_mut(start..).unwrap_or_default();
        let read = self.file(index, entry).is_some_and(|file| read_exact_at(&file, range.start, content).is_ok());
        if !read || piece::hash_piece(size, piece, content) != hash {
            self.opened().retain(|(of, _)| *of != index);
            out.clear();
            put(&Frame::Failed { entry: index, reason: EntryFailure::Changed }, &mut out);
        }
        out.into()
    }

    /// Hashes of the pieces of a file that is in place, if they were kept and make this root.
    pub(crate) fn layer(&self, entry: &Entry, root: Hash) -> Option<Vec<Hash>> {
        let found = self.in_place(entry)?;
        let kept = self.receiving.database.hashes(&found.path, &found.key).unwrap_or_else(|error| {
            tracing::warn!(%error, "hashes of what was received are not read");
            Vec::new()
        });
        let (_, layer) = kept.into_iter().find(|(first, _)| first.0 == 0)?;
        (piece::fold(entry.kind.size(), &layer) == Some(root)).then_some(layer)
    }

    fn file(&self, index: EntryIndex, entry: &Entry) -> Option<Arc<File>> {
        if let Some((_, file)) = self.opened().iter().find(|(of, _)| *of == index) {
            return Some(file.clone());
        }
        // It may get its name between the two looks, but not lose it.
        let file = self.partial(index).or_else(|| Some(self.in_place(entry)?.file))?;
        let file = Arc::new(file);
        let mut open = self.opened();
        open.truncate(MAX_OPEN - 1);
        open.push_front((index, file.clone()));
        Some(file)
    }

    fn partial(&self, index: EntryIndex) -> Option<File> {
        if lock(&self.receiving.plan).settled().contains(index.0) {
            return None;
        }
        partial::read(&self.receiving.target, index)
    }

    /// Beside its own name if that is recorded, else under it.
    fn in_place(&self, entry: &Entry) -> Option<Existing> {
        let Receiving { database, target, .. } = &*self.receiving;
        let placed = database.placed(target.path(), entry.path.as_str()).unwrap_or_else(|error| {
            tracing::warn!(%error, "where a file was put is not known");
            None
        });
        let is_it = |found: &Existing| found.key.size == entry.kind.size();
        let placed = placed.and_then(|placed| target.existing(&RelativePath::parse(&placed).ok()?)).filter(is_it);
        placed.or_else(|| target.existing(&entry.path).filter(is_it))
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, VecDeque<(EntryIndex, Arc<File>)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A frame's head as it travels.
pub(crate) fn put(frame: &Frame, out: &mut Vec<u8>) {
    if let Err(error) = codec::encode(frame, MAX_FRAME_HEAD, out) {
        // Every frame's head is some fifty bytes.
        tracing::error!(%error, "a frame was not written");
    }
}
