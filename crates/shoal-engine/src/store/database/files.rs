//! What is known of files on this disk: under which name they came, and the hashes of their pieces.

use super::{
    Database, DatabaseError,
    forms::{hashes_blob, hashes_from, path_bytes},
};
use crate::store::file_key::FileKey;
use rusqlite::{Connection, OptionalExtension, params};
use shoal_proto::{Hash, PieceIndex};
use std::path::{Path, PathBuf};

impl Database {
    /// The path that an offered path got in a folder, when it was not its own; both with `/` between names.
    pub(crate) fn placed(&self, folder: &Path, offered: &str) -> Result<Option<String>, DatabaseError> {
        let sql = "SELECT name FROM placed WHERE folder = ?1 AND offered = ?2";
        let connection = self.lock();
        Ok(connection.prepare_cached(sql)?.query_row(params![path_bytes(folder), offered], |row| row.get(0)).optional()?)
    }

    /// The original of a name that was too long for this disk.
    pub(crate) fn long_name(&self, shortened: &str) -> Result<Option<String>, DatabaseError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT original FROM long_names WHERE shortened = ?1")?;
        Ok(statement.query_row([shortened], |row| row.get(0)).optional()?)
    }

    /// Keeps the originals of names that are too long for this disk: shortened, original.
    pub(crate) fn add_long_names(&self, names: &[(String, String)]) -> Result<(), DatabaseError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        for (shortened, original) in names {
            let sql = "INSERT OR IGNORE INTO long_names (shortened, original) VALUES (?1, ?2)";
            transaction.prepare_cached(sql)?.execute([shortened, original])?;
        }
        Ok(transaction.commit()?)
    }

    /// Piece hashes of a file, as far as they are known, when the file is still the one that was hashed.
    pub(crate) fn hashes(&self, path: &Path, key: &FileKey) -> Result<Vec<(PieceIndex, Vec<Hash>)>, DatabaseError> {
        let connection = self.lock();
        let mut statement =
            connection.prepare_cached("SELECT first, hashes FROM hashes WHERE path = ?1 AND key = ?2 ORDER BY first")?;
        let rows = statement.query_map(params![path_bytes(path), key.to_bytes()], |row| {
            Ok((PieceIndex(row.get(0)?), hashes_from(&row.get::<_, Vec<u8>>(1)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps piece hashes of files; what was kept for another state of the same file goes.
    pub(crate) fn add_hashes(&self, runs: &[(PathBuf, FileKey, PieceIndex, Vec<Hash>)]) -> Result<(), DatabaseError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        for (path, key, first, hashes) in runs {
            put_hashes(&transaction, path, key, *first, hashes)?;
        }
        transaction.commit()?;
        Ok(())
    }
}

/// Keeps hashes of a file from piece `first` on; what was kept for another state of it goes.
pub(super) fn put_hashes(
    connection: &Connection,
    path: &Path,
    key: &FileKey,
    first: PieceIndex,
    hashes: &[Hash],
) -> Result<(), rusqlite::Error> {
    let (path, key) = (path_bytes(path), key.to_bytes());
    connection.prepare_cached("DELETE FROM hashes WHERE path = ?1 AND key <> ?2")?.execute(params![path, key])?;
    let sql = "INSERT OR REPLACE INTO hashes (path, key, first, hashes) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(sql)?.execute(params![path, key, first.0, hashes_blob(hashes)])?;
    Ok(())
}
