//! Pictures that were made, in a database of their own that can be thrown away. That an image has none is kept, too: it need not be tried
//! again.

use crate::store::{file_key::FileKey, sqlite};
use rusqlite::{Connection, OptionalExtension, params};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

/// File in the data folder.
const FILE: &str = "thumbnails.db";

/// Bytes of pictures that are kept; those that were not asked for longest go first.
const MAX_BYTES: i64 = 64 * 1024 * 1024;

/// What a picture takes beside its bytes.
const ROW: i64 = 64;

/// Of the schema; another one is thrown away.
const VERSION: u32 = 1;

/// Kept pictures. The database is opened, and made, once somebody asks for one; without it nothing is kept.
#[derive(Debug)]
pub(super) struct Cache {
    path: PathBuf,
    opened: OnceLock<Option<Mutex<Connection>>>,
}

/// Of an image, its version and a size.
pub(super) type Key = [u8; 32];

pub(super) fn key(path: &Path, version: &FileKey, edge: u16) -> Key {
    let mut hasher = blake3::Hasher::new();
    hasher.update(path.as_os_str().as_encoded_bytes()).update(&version.to_bytes()).update(&edge.to_le_bytes());
    hasher.finalize().into()
}

impl Cache {
    pub(super) fn of(data_dir: &Path) -> Self {
        Self { path: data_dir.join(FILE), opened: OnceLock::new() }
    }

    fn open(&self) -> Option<Mutex<Connection>> {
        let opened = open(&self.path).or_else(|error| {
            tracing::warn!(%error, "kept thumbnails are thrown away");
            if let Err(error) = sqlite::remove(&self.path) {
                tracing::warn!(%error, "kept thumbnails cannot be removed");
            }
            open(&self.path)
        });
        opened.map(Mutex::new).inspect_err(|error| tracing::warn!(%error, "thumbnails are not kept")).ok()
    }

    /// A picture, empty if there is none of this image; `None`: not known.
    pub(super) fn get(&self, key: &Key) -> Option<Vec<u8>> {
        self.with(|connection| {
            let found =
                connection.query_row("SELECT picture FROM pictures WHERE key = ?1", [key], |row| row.get(0)).optional()?;
            if found.is_some() {
                connection
                    .execute("UPDATE pictures SET used = unixepoch() WHERE key = ?1 AND used < unixepoch() - 3600", [key])?;
            }
            Ok(found)
        })
        .flatten()
    }

    pub(super) fn put(&self, key: &Key, picture: &[u8]) {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            transaction.execute("INSERT OR REPLACE INTO pictures VALUES (?1, unixepoch(), ?2)", params![key, picture])?;
            let bytes: i64 = transaction.query_row("SELECT total(length(picture) + ?1) FROM pictures", [ROW], |row| {
                Ok(row.get::<_, f64>(0)? as i64)
            })?;
            if bytes > MAX_BYTES {
                // A tenth at once, so that this is rare.
                transaction.execute(
                    "DELETE FROM pictures WHERE key IN (SELECT key FROM pictures ORDER BY used LIMIT (SELECT count(*) / 10 + 1 FROM pictures))",
                    [],
                )?;
            }
            transaction.commit()
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Option<T> {
        let mut connection = self.opened.get_or_init(|| self.open()).as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut connection).inspect_err(|error| tracing::warn!(%error, "thumbnails are not kept")).ok()
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What a crash takes can be made again.
    connection.pragma_update(None, "synchronous", "OFF")?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != VERSION {
        connection.execute_batch(
            "DROP TABLE IF EXISTS pictures;
             CREATE TABLE pictures (key BLOB PRIMARY KEY, used INTEGER NOT NULL, picture BLOB NOT NULL) WITHOUT ROWID;",
        )?;
        connection.pragma_update(None, "user_version", VERSION)?;
    }
    Ok(connection)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pictures_are_kept_over_a_restart_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::of(folder.path());
        let key = |number: u32| Key::from(*blake3::hash(&number.to_le_bytes()).as_bytes());
        assert_eq!(cache.get(&key(0)), None);
        cache.put(&key(0), b"picture");
        cache.put(&key(1), b"");
        drop(cache);
        let cache = Cache::of(folder.path());
        assert_eq!((cache.get(&key(0)), cache.get(&key(1))), (Some(b"picture".to_vec()), Some(Vec::new())));
        let picture = vec![7; 60_000];
        for number in 2..1500 {
            cache.put(&key(number), &picture);
        }
        let kept = (0..1500).filter(|number| cache.get(&key(*number)).is_some()).count();
        assert!((800..1200).contains(&kept), "{kept}");
    }

    #[test]
    fn a_damaged_file_is_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let files = sqlite::files(&folder.path().join(FILE));
        for file in &files {
            std::fs::write(file, vec![7; 10_000]).unwrap();
        }
        let cache = Cache::of(folder.path());
        cache.put(&[0; 32], b"a");
        assert_eq!(cache.get(&[0; 32]), Some(b"a".to_vec()));
        drop(cache);
        assert_eq!(files.map(|file| file.exists()), [true, false, false], "what was beside it went, too");
    }
}
