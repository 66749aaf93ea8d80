//! Received files, opened again by transfer and entry: for hosts whose front end cannot reach this disk.

use super::{
    Direction, added,
    transfers::{Transfers, blocking, recording},
    write::system_time,
};
use crate::{
    error::TransferError,
    store::{
        database::{Database, Kept},
        file_key::FileKey,
        target::Target,
    },
};
use shoal_proto::{
    Entry, Manifest, RelativePath, display,
    manifest::{EntryIndex, EntryKind},
    message::TransferId,
};
use std::{fs::File, ops::Range, sync::Arc, time::SystemTime};

/// Files that a transfer brought, in the offer's order. The iterator opens them one after another, and blocks; what was moved or
/// changed since is an error of its own, and the rest goes on.
#[derive(Debug)]
pub struct Received {
    /// What to call them all: the file's or folder's own name, else the offer's; not safe to print.
    pub name: String,
    /// It is one file, rather than a folder or several.
    pub is_one_file: bool,
    database: Arc<Database>,
    manifest: Manifest,
    kept: Kept,
    target: Target,
    left: Range<u32>,
}

/// A received file, open for reading.
#[derive(Debug)]
pub struct ReceivedFile {
    /// Its path in the offer; not safe to print.
    pub path: RelativePath,
    /// Its size in bytes, as it was offered and as it is on the disk.
    pub size: u64,
    /// When it was changed last, as the sender said.
    pub modified: SystemTime,
    /// The file. Nothing was read from it yet.
    pub file: File,
}

impl Transfers {
    /// What an entry of a transfer is here; without one, all of it.
    pub(crate) async fn received(&self, id: TransferId, entry: Option<u32>) -> Result<Received, TransferError> {
        let database = self.database.clone();
        blocking(move || Received::new(database, id, entry.map(EntryIndex))).await
    }
}

impl Received {
    fn new(database: Arc<Database>, id: TransferId, entry: Option<EntryIndex>) -> Result<Self, TransferError> {
        let unknown = || TransferError::NotFound(id.to_string());
        let record = database.transfer(id).map_err(recording)?.ok_or_else(unknown)?;
        let (Direction::Receive, Some(into)) = (record.direction, record.into.as_deref()) else { return Err(unknown()) };
        let manifest = database.manifest(id).map_err(recording)?.ok_or_else(unknown)?;
        let kept = database.kept(id).map_err(recording)?;
        let (left, name) = match entry {
            None => (0..manifest.len(), record.name.clone()),
            Some(index) => {
                let folder = manifest.entry(index).ok_or_else(|| not_there(&record.name))?.path;
                let end = manifest.entries_from(index).find(|(_, entry)| !entry.path.starts_with(&folder));
                (index.0..end.map_or(manifest.len(), |(end, _)| end.0), folder.file_name().to_owned())
            }
        };
        // Opening a target makes its folder, which nobody asked for.
        if !into.is_dir() {
            return Err(not_there(&name));
        }
        let target = added::target(&record, into).map_err(recording)?;
        let is_file = manifest.entry(EntryIndex(left.start)).is_some_and(|entry| matches!(entry.kind, EntryKind::File { .. }));
        Ok(Self { name, is_one_file: left.len() == 1 && is_file, database, manifest, kept, target, left })
    }

    /// The file where it was put: beside its own name if that is recorded, else under it. Another size: another file has the
    /// name now. Links are not followed.
    fn open(&self, entry: Entry) -> Result<ReceivedFile, TransferError> {
        let placed = self.database.placed(self.target.path(), entry.path.as_str()).map_err(recording)?;
        let placed = placed.and_then(|placed| RelativePath::parse(&placed).ok()).and_then(|placed| self.target.existing(&placed));
        let is_it = |key: &FileKey| key.size == entry.kind.size();
        let own = || self.target.existing(&entry.path).filter(|found| is_it(&found.key));
        let found = placed.filter(|found| is_it(&found.key)).or_else(own).ok_or_else(|| not_there(entry.path.file_name()))?;
        Ok(ReceivedFile { size: entry.kind.size(), modified: system_time(entry.modified), path: entry.path, file: found.file })
    }

    fn is_in_place(&self, index: EntryIndex) -> bool {
        let Kept { wanted, settled, failures, .. } = &self.kept;
        wanted.contains(index.0) && settled.contains(index.0) && !failures.contains_key(&index)
    }
}

impl Iterator for Received {
    type Item = Result<ReceivedFile, TransferError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let index = EntryIndex(self.left.next()?);
            let file = self.manifest.entry(index).filter(|entry| matches!(entry.kind, EntryKind::File { .. }));
            if let Some(entry) = file.filter(|_| self.is_in_place(index)) {
                return Some(self.open(entry));
            }
        }
    }
}

fn not_there(name: &str) -> TransferError {
    TransferError::NotThere { name: display::shown(name) }
}
