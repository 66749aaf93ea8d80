//! What is in a share, in a database of its own: listed by pages, searched, summed up. One file a share, so that a share that goes takes
//! its index along, and no query can meet another share's names.
//!
//! * `write`: the disk's state of a folder is put in, and what changed by it.
//! * `read`: pages, paths, hashes; `counts`, `orders`: how long lists are and how they are sorted, kept for the next page.
//! * `search`: names that hold a text.
//!
//! Leaves out looking at the disk (`work`) and who may ask (`table`).

mod counts;
mod orders;
mod read;
mod search;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use read::{FileRow, Filling, FolderRow, Listing};
pub(crate) use search::Slice;
pub(crate) use write::{FolderState, FoundEntry};

use crate::store::sqlite;
use counts::Counts;
use orders::Orders;
use rusqlite::Connection;
use shoal_proto::share::ShareId;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// The share itself among the entries.
pub(crate) const ROOT: i64 = 1;

/// How the name of an index ends.
const END: &str = ".db";

/// Of the schema; an index of another version is made anew (`PRAGMA user_version`).
const VERSION: u32 = 3;

/// Files of more bytes are found by their hashes: those of several pieces. It stands in the schema, too.
pub(crate) const LARGE: u64 = 262_144;

/// Memory for pages of the file: KiB for the one connection that writes, and for each that reads.
const WRITER_CACHE_KIB: i32 = 8 * 1024;
const READER_CACHE_KIB: i32 = 2 * 1024;

/// Connections that are kept for reading. More are made while more are needed.
const IDLE_READERS: usize = 2;

/// Why an index did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    /// SQLite or the disk below it.
    #[error("the index: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The old one cannot be removed.
    #[error("the index: {0}")]
    Io(#[from] io::Error),
}

/// The index of one share.
#[derive(Debug)]
pub(crate) struct Index {
    path: PathBuf,
    /// Closed before the writer: the last one to be closed tidies up, which one that only reads cannot.
    readers: Mutex<Vec<Connection>>,
    writer: Mutex<Connection>,
    counts: Counts,
    /// How often it was made anew: a connection from before is not used again.
    generation: AtomicU64,
    /// Damage was met.
    damaged: AtomicBool,
    orders: Orders,
}

impl Index {
    /// Opens the index of a share, or makes it. One that is damaged, or of another version, is made anew; damage
    /// that shows later: [`Index::is_damaged`].
    pub(crate) fn open(folder: &Path, share: ShareId) -> Result<Self, IndexError> {
        fs::create_dir_all(folder)?;
        let path = Self::file(folder, share);
        let writer = match open_writer(&path) {
            Ok(writer) => writer,
            Err(error) => {
                tracing::warn!(%error, "an index is made anew");
                sqlite::remove(&path)?;
                open_writer(&path)?
            }
        };
        Ok(Self {
            path,
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            counts: Counts::default(),
            generation: AtomicU64::new(0),
            damaged: AtomicBool::new(false),
            orders: Orders::default(),
        })
    }

    /// Removes the index of a share that is no more.
    pub(crate) fn remove(folder: &Path, share: ShareId) -> io::Result<()> {
        sqlite::remove(&Self::file(folder, share))
    }

    /// Removes the indexes of all other shares: one that was open when its share went stays on systems that remove no open file.
    pub(crate) fn sweep(folder: &Path, shares: &[ShareId]) -> io::Result<()> {
        let kept: Vec<PathBuf> = shares.iter().flat_map(|share| sqlite::files(&Self::file(folder, *share))).collect();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let is_index = path.file_name().and_then(|name| name.to_str()).is_some_and(is_index);
            if is_index && !kept.contains(&path) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn file(folder: &Path, share: ShareId) -> PathBuf {
        folder.join(format!("{share:?}{END}"))
    }

    /// Its size on the disk, in bytes.
    #[cfg(test)]
    pub(crate) fn size(&self) -> u64 {
        sqlite::files(&self.path).iter().filter_map(|part| fs::metadata(part).ok()).map(|part| part.len()).sum()
    }

    /// It has to be made anew ([`Index::make_anew`]).
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Throws everything away that it holds.
    ///
    /// # Errors
    /// The files cannot be removed, as long as one who reads has them open on some systems, or not be made: it is as damaged as before.
    pub(crate) fn make_anew(&self) -> Result<(), IndexError> {
        let mut writer = self.writer();
        {
            let mut readers = self.readers();
            self.generation.fetch_add(1, Ordering::Relaxed);
            readers.clear();
        }
        // Closes the files, which some systems do not remove before.
        *writer = Connection::open_in_memory()?;
        sqlite::remove(&self.path)?;
        *writer = open_writer(&self.path)?;
        self.damaged.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// A panic while the lock was held left no transaction open: SQLite rolled it back.
    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes it, all or nothing.
    fn write<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, IndexError> {
        let mut connection = self.writer();
        let generation = self.generation.load(Ordering::Relaxed);
        let written = connection.transaction().and_then(|transaction| {
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        });
        self.noticed(generation, written)
    }

    /// Reads with a connection that sees one state of the index, whatever is written meanwhile.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, IndexError> {
        let generation = self.generation.load(Ordering::Relaxed);
        let kept = self.readers().pop();
        let mut connection = self.noticed(generation, kept.map_or_else(|| open_reader(&self.path), Ok))?;
        let done = connection.transaction().and_then(|transaction| work(&transaction));
        let mut readers = self.readers();
        if readers.len() < IDLE_READERS && generation == self.generation.load(Ordering::Relaxed) {
            readers.push(connection);
        }
        drop(readers);
        self.noticed(generation, done)
    }

    /// Damage of an index that was thrown away meanwhile does not count.
    fn noticed<T>(&self, generation: u64, done: rusqlite::Result<T>) -> Result<T, IndexError> {
        if let Err(error) = &done
            && sqlite::is_damage(error)
            && generation == self.generation.load(Ordering::Relaxed)
        {
            self.damaged.store(true, Ordering::Relaxed);
        }
        Ok(done?)
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of an index, or of a file beside it.
fn is_index(name: &str) -> bool {
    let Some((id, end)) = name.split_once('.') else { return false };
    id.len() == 2 * size_of::<ShareId>() && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && end.starts_with("db")
}

fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        VERSION => {
            // Finds a file that is no database at all; damage inside shows when it is met.
            connection.query_row("SELECT id FROM entries WHERE id = 1", [], |_| Ok(()))?;
        }
        0 => connection
            .execute_batch(&format!("BEGIN; {} PRAGMA user_version = {VERSION}; COMMIT;", include_str!("schema.sql")))?,
        _ => return Err(rusqlite::Error::InvalidQuery),
    }
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}
