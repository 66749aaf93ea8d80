//! Hashing what is shared, bit by bit, when nothing else is to be done. What was hashed once is not hashed again as long as it is the same
//! file in the same version: the cache is the one that sending uses, so what was hashed here is not hashed when it is fetched.

use super::{index::FileRow, kept::Kept};
use crate::{
    store::{database::Database, file_key::FileKey, partial::read_exact_at},
    transfer::record::WORTH_RECORDING,
};
use shoal_proto::{
    Hash, PieceIndex,
    piece::{self, PieceHasher},
};
use std::{
    fs::File,
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Files looked up at once.
const AHEAD: u32 = 256;

/// Hashes that are kept together.
const TOGETHER: usize = 256;

/// Bytes read at once.
const STRIDE: usize = 128 * 1024;

/// How long one step takes, as far as it can help it.
const STEP: Duration = Duration::from_millis(20);

/// The work on one share: where it is.
#[derive(Debug, Default)]
pub(crate) struct Hashing {
    /// The last file that was taken.
    after: i64,
    ahead: std::vec::IntoIter<FileRow>,
    current: Option<Current>,
    done: Vec<(i64, u64, i64, Hash)>,
    news: Vec<(PathBuf, FileKey, PieceIndex, Vec<Hash>)>,
    buffer: Vec<u8>,
    /// Files that were read, not looked up: for tests and figures.
    pub(crate) read: u64,
}

/// A file that is being read.
#[derive(Debug)]
struct Current {
    row: FileRow,
    file: File,
    key: FileKey,
    path: PathBuf,
    hashes: Vec<Hash>,
}

impl Hashing {
    /// From the beginning: something changed.
    pub(crate) fn begin_again(&mut self) {
        self.after = 0;
        self.ahead = Vec::new().into_iter();
    }

    /// Goes on for a moment. `false`: nothing is left to do.
    pub(crate) fn step(&mut self, kept: &Kept, database: &Database) -> bool {
        let until = Instant::now() + STEP;
        while Instant::now() < until {
            if self.current.is_some() {
                if let Err(error) = self.piece(database) {
                    tracing::debug!(%error, "a shared file is not hashed");
                    self.current = None;
                }
            } else if let Some(row) = self.next(kept, database) {
                self.after = row.id;
                // What cannot be opened now is tried again when something changed.
                if let Err(error) = self.open(kept, database, row) {
                    tracing::debug!(%error, "a shared file is not hashed");
                }
            } else {
                self.keep(kept, database);
                return false;
            }
            if self.done.len() >= TOGETHER {
                self.keep(kept, database);
            }
        }
        true
    }

    pub(super) fn next(&mut self, kept: &Kept, database: &Database) -> Option<FileRow> {
        if let Some(row) = self.ahead.next() {
            return Some(row);
        }
        // Before more is looked up: what waits to be kept has no hash there yet.
        self.keep(kept, database);
        match kept.index.unhashed_after(self.after, AHEAD) {
            Ok(rows) => self.ahead = rows.into_iter(),
            Err(error) => tracing::warn!(%error, "shared files are not hashed"),
        }
        self.ahead.next()
    }

    fn open(&mut self, kept: &Kept, database: &Database, row: FileRow) -> io::Result<()> {
        let file = kept.beneath.open_file(&row.path)?;
        let key = FileKey::of(&file)?;
        if (key.size, key.modified) != (row.size, row.modified) {
            return Ok(()); // the index will hear of it
        }
        let path = kept.beneath.real_path(&row.path);
        let pieces = piece::piece_count(key.size);
        if key.size >= WORTH_RECORDING {
            let known = database.hashes(&path, &key).map_err(io::Error::other)?;
            let whole = known.into_iter().find(|(first, hashes)| first.0 == 0 && hashes.len() == pieces as usize);
            if let Some(root) = whole.and_then(|(_, hashes)| piece::fold(key.size, &hashes)) {
                self.done.push((row.id, row.size, row.modified, root));
                return Ok(());
            }
        }
        self.read += 1;
        self.current = Some(Current { row, file, key, path, hashes: Vec::new() });
        Ok(())
    }

    /// Hashes one piece of the current file.
    fn piece(&mut self, database: &Database) -> io::Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let size = current.key.size;
        let next = PieceIndex(u32::try_from(current.hashes.len()).unwrap_or(u32::MAX));
        if let Some(range) = piece::piece_range(size, next) {
            let mut hasher = PieceHasher::new(size, next);
            self.buffer.resize(STRIDE, 0);
            let mut at = range.start;
            while at < range.end {
                let len = usize::try_from(range.end - at).map_or(STRIDE, |left| left.min(STRIDE));
                let part = self.buffer.get_mut(..len).unwrap_or_default();
                read_exact_at(&current.file, at, part)?;
                hasher.update(part);
                at += len as u64;
            }
            current.hashes.push(hasher.finish());
        }
        if current.hashes.len() < piece::piece_count(size) as usize {
            return Ok(());
        }
        let Some(Current { row, file, key, path, hashes }) = self.current.take() else { return Ok(()) };
        if FileKey::of(&file)? != key {
            return Ok(()); // it changed while it was read
        }
        if let Some(root) = piece::fold(size, &hashes) {
            self.done.push((row.id, row.size, row.modified, root));
        }
        if size >= WORTH_RECORDING {
            self.news.push((path, key, PieceIndex(0), hashes));
            // A large file's hashes are worth keeping at once: they took long.
            if self.news.len() >= TOGETHER || size >= 1 << 30 {
                self.keep_news(database);
            }
        }
        Ok(())
    }

    fn keep(&mut self, kept: &Kept, database: &Database) {
        self.keep_news(database);
        if self.done.is_empty() {
            return;
        }
        if let Err(error) = kept.index.set_hashes(&self.done) {
            tracing::warn!(%error, "hashes of shared files are not kept");
        }
        self.done.clear();
    }

    fn keep_news(&mut self, database: &Database) {
        if !self.news.is_empty()
            && let Err(error) = database.add_hashes(&self.news)
        {
            tracing::warn!(%error, "hashes are not kept: they will be made again");
        }
        self.news.clear();
    }
}
