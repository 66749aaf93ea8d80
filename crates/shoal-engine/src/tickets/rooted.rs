//! Hashing what a ticket is to be of: its manifest has the root of every file, so that the ticket's root names the content exactly.
//!
//! Synchronous, on blocking threads. What was hashed once is not read again as long as it is the same file in the same version.

use crate::{
    error::TicketError,
    store::{
        database::Database,
        file_key::FileKey,
        source::{Offered, Root, Roots, SourceError, SourceFile},
    },
    transfer::{record::WORTH_RECORDING, write::system_time},
};
use shoal_proto::{
    Entry, Hash, Manifest, PieceIndex,
    manifest::{Builder, EntryIndex, EntryKind},
    piece::{self, PieceHasher},
};
use std::{
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

/// Threads that read and hash at once, at most: more make a disk with a head slower.
const MAX_THREADS: usize = 4;

/// Bytes read at once.
const STRIDE: usize = 128 * 1024;

/// Hashes that are kept together.
const TOGETHER: usize = 256;

/// Hashes of one file, to be kept.
type News = (PathBuf, FileKey, PieceIndex, Vec<Hash>);

/// The work of one ticket.
pub(super) struct Rooting<'a> {
    pub(super) database: &'a Database,
    pub(super) sources: &'a [(String, PathBuf)],
    /// Bytes hashed or known so far.
    pub(super) done: &'a AtomicU64,
    pub(super) is_cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl Rooting<'_> {
    /// The same list with the root of every file.
    ///
    /// # Errors
    /// [`TicketError::Source`] for a file that changed since it was listed or cannot be read; [`TicketError::Cancelled`].
    pub(super) fn root(&self, manifest: &Manifest) -> Result<Manifest, TicketError> {
        let next = AtomicU32::new(0);
        let roots = Mutex::new(vec![None; manifest.len() as usize]);
        let failed = Mutex::new(None);
        let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(MAX_THREADS));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    if let Err(error) = self.hash_some(manifest, &next, &roots) {
                        // The others need not go on.
                        next.store(manifest.len(), Ordering::Relaxed);
                        failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    }
                });
            }
        });
        if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let roots = roots.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut builder = Builder::default();
        for ((_, mut entry), found) in manifest.entries().zip(roots) {
            if let EntryKind::File { root, .. } = &mut entry.kind {
                *root = found;
            }
            builder.push(&entry).map_err(|_| TicketError::TooLarge)?;
        }
        builder.finish().map_err(|_| TicketError::TooLarge)
    }

    /// One thread's share of the work: whatever is next.
    fn hash_some(&self, manifest: &Manifest, next: &AtomicU32, roots: &Mutex<Vec<Option<Hash>>>) -> Result<(), TicketError> {
        let from = Roots::new(self.sources.iter().cloned().map(|(name, path)| Root { name, path }).collect());
        let (mut buffer, mut news) = (vec![0; STRIDE], Vec::new());
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(entry) = manifest.entry(EntryIndex(index)) else { break };
            if !entry.kind.is_file() {
                continue;
            }
            let hashed = self.hash(&from, &entry, &mut buffer, &mut news);
            let root = hashed.map_err(|stopped| match stopped {
                Stopped::Cancelled => TicketError::Cancelled,
                Stopped::Source(error) => {
                    let path = from.real_path(&entry.path).unwrap_or_default();
                    TicketError::Source { path, reason: error.to_string() }
                }
            })?;
            let mut roots = roots.lock().unwrap_or_else(PoisonError::into_inner);
            roots.get_mut(index as usize).into_iter().for_each(|place| *place = Some(root));
            drop(roots);
            if news.len() >= TOGETHER {
                self.keep(&mut news);
            }
        }
        self.keep(&mut news);
        Ok(())
    }

    fn hash(&self, from: &Roots, entry: &Entry, buffer: &mut [u8], news: &mut Vec<News>) -> Result<Hash, Stopped> {
        let size = entry.kind.size();
        let file = from.open(&entry.path, Offered { size, modified: system_time(entry.modified) })?;
        let pieces = piece::piece_count(size);
        if size >= WORTH_RECORDING {
            // What cannot be looked up is read.
            let known = self.database.hashes(file.path(), &file.key()).unwrap_or_default();
            let whole = known.into_iter().find(|(first, hashes)| first.0 == 0 && hashes.len() == pieces as usize);
            if let Some(root) = whole.and_then(|(_, hashes)| piece::fold(size, &hashes)) {
                self.done.fetch_add(size, Ordering::Relaxed);
                return Ok(root);
            }
        }
        let hashes: Vec<Hash> =
            (0..pieces).map(|piece| self.piece(&file, size, PieceIndex(piece), buffer)).collect::<Result<_, _>>()?;
        file.unchanged()?;
        let root = piece::fold(size, &hashes).ok_or(SourceError::Changed)?;
        if size >= WORTH_RECORDING {
            news.push((file.path().to_owned(), file.key(), PieceIndex(0), hashes));
        }
        Ok(root)
    }

    fn piece(&self, file: &SourceFile, size: u64, piece: PieceIndex, buffer: &mut [u8]) -> Result<Hash, Stopped> {
        let range = piece::piece_range(size, piece).unwrap_or_default();
        let mut hasher = PieceHasher::new(size, piece);
        let mut at = range.start;
        while at < range.end {
            if (self.is_cancelled)() {
                return Err(Stopped::Cancelled);
            }
            let len = usize::try_from(range.end - at).map_or(STRIDE, |left| left.min(STRIDE));
            let part = buffer.get_mut(..len).unwrap_or_default();
            file.read_at(at, part)?;
            hasher.update(part);
            at += len as u64;
            self.done.fetch_add(len as u64, Ordering::Relaxed);
        }
        Ok(hasher.finish())
    }

    fn keep(&self, news: &mut Vec<News>) {
        if !news.is_empty()
            && let Err(error) = self.database.add_hashes(news)
        {
            tracing::warn!(%error, "hashes are not kept: they will be made again");
        }
        news.clear();
    }
}

/// Why a file has no root.
enum Stopped {
    Source(SourceError),
    Cancelled,
}

impl From<SourceError> for Stopped {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}
