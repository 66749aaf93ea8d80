//! Received files, opened again by transfer and entry: for hosts whose front end cannot reach this disk.

use super::{
    Direction,
    transfers::{Transfers, blocking, recording},
};
use crate::{
    error::TransferError,
    store::{
        database::{Database, TransferRecord},
        file_key::FileKey,
        target::Target,
    },
};
use shoal_proto::{
    Entry, RelativePath, display,
    manifest::{EntryIndex, EntryKind},
    message::TransferId,
};
use std::{fs::File, io, path::Path};

/// A received file, open for reading.
#[derive(Debug)]
pub struct ReceivedFile {
    /// Its name as it was sent; not safe to print.
    pub name: String,
    /// Its size in bytes, as it was offered and as it is on the disk.
    pub size: u64,
    /// The file. Nothing was read from it yet.
    pub file: File,
}

impl Transfers {
    /// Opens a file that a transfer brought; without an entry the only one that it brought.
    pub(crate) async fn received(&self, id: TransferId, entry: Option<u32>) -> Result<ReceivedFile, TransferError> {
        let database = self.database.clone();
        blocking(move || open(&database, id, entry.map(EntryIndex))).await
    }
}

fn open(database: &Database, id: TransferId, entry: Option<EntryIndex>) -> Result<ReceivedFile, TransferError> {
    let unknown = || TransferError::NotFound(id.to_string());
    let record = database.transfer(id).map_err(recording)?.ok_or_else(unknown)?;
    let (Direction::Receive, Some(into)) = (record.direction, record.into.as_deref()) else { return Err(unknown()) };
    let manifest = database.manifest(id).map_err(recording)?.ok_or_else(unknown)?;
    let kept = database.kept(id).map_err(recording)?;
    let in_place = |index: EntryIndex| {
        kept.wanted.contains(index.0) && kept.settled.contains(index.0) && !kept.failures.contains_key(&index)
    };
    let entry = match entry {
        Some(index) => manifest.entry(index).filter(|_| in_place(index)),
        None => {
            let mut files = manifest.entries().filter(|(_, entry)| matches!(entry.kind, EntryKind::File { .. }));
            files.next().filter(|(index, _)| in_place(*index)).filter(|_| files.next().is_none()).map(|(_, entry)| entry)
        }
    };
    let entry = entry.filter(|entry| matches!(entry.kind, EntryKind::File { .. })).ok_or_else(|| not_there(&record.name))?;
    let (name, size) = (entry.path.file_name().to_owned(), entry.kind.size());
    let file = look(database, &record, into, &entry).map_err(recording)?;
    file.map(|file| ReceivedFile { name, size, file }).ok_or_else(|| not_there(entry.path.file_name()))
}

/// The file where it was put: beside its own name if that is recorded, else under it. Another size: another file has the name now.
fn look(database: &Database, record: &TransferRecord, into: &Path, entry: &Entry) -> io::Result<Option<File>> {
    // Opening a target makes its folder, which nobody asked for.
    if !into.is_dir() {
        return Ok(None);
    }
    let target = Target::open(into, record.id).map_err(io::Error::other)?;
    let placed = database.placed(target.path(), entry.path.as_str()).map_err(io::Error::other)?;
    let placed = placed.and_then(|placed| RelativePath::parse(&placed).ok()).and_then(|placed| target.existing(&placed));
    let is_it = |key: &FileKey| key.size == entry.kind.size();
    let found = placed.filter(|found| is_it(&found.key)).or_else(|| target.existing(&entry.path).filter(|found| is_it(&found.key)));
    Ok(found.map(|found| found.file))
}

fn not_there(name: &str) -> TransferError {
    TransferError::NotThere { name: display::shown(name) }
}
