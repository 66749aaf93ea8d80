//! Databases that can be thrown away: their files, and when that is due.

use rusqlite::ErrorCode;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A database and the two files that SQLite keeps beside it.
pub(crate) fn files(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| {
        let mut file = path.as_os_str().to_owned();
        file.push(end);
        file.into()
    })
}

/// Removes a database, as far as it is there.
///
/// # Errors
/// A file that is there cannot be removed.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    for file in files(path) {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The file is not what was written into it: no other attempt will be better.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
