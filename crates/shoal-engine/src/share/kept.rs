//! What stays of a share while its rights change: its folder, its index, and the news about it.

use super::{
    filter::Filter,
    index::{FolderState, FoundEntry, Index},
};
use crate::store::{
    beneath::{Beneath, Inside, Seen},
    database::Database,
};
use shoal_proto::{
    RelativePath,
    name::{MAX_DEPTH, MAX_PATH},
    share::ShareId,
};
use std::{
    io,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::watch;

/// The parts of a share that look at the disk.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) id: ShareId,
    pub(crate) beneath: Beneath,
    pub(crate) index: Index,
    filter: RwLock<Arc<Filter>>,
    /// Counts changes of the index.
    pub(crate) changes: watch::Sender<u64>,
    database: Arc<Database>,
}

impl Kept {
    pub(crate) fn new(id: ShareId, beneath: Beneath, index: Index, filter: Filter, database: Arc<Database>) -> Self {
        let filter = RwLock::new(Arc::new(filter));
        Self { id, beneath, index, filter, changes: watch::Sender::new(0), database }
    }

    /// What is left out.
    pub(crate) fn filter(&self) -> Arc<Filter> {
        self.filter.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Something else is left out from now on; the index follows when it was read again.
    pub(crate) fn set_filter(&self, filter: Filter) {
        *self.filter.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(filter);
    }

    /// Those who watch look again.
    pub(crate) fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Opens a folder that is shared; `None`: the share itself.
    ///
    /// # Errors
    /// It is not there, or left out: then the disk is not looked at.
    pub(crate) fn open(&self, path: Option<&RelativePath>) -> io::Result<Inside> {
        if path.is_some_and(|path| self.filter().leaves_out_path(path, true)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.beneath.open(path)
    }

    /// A file or folder that is shared, as it is now.
    ///
    /// # Errors
    /// It is not there, or left out: then the disk is not looked at for it.
    pub(crate) fn look_for(&self, path: &RelativePath) -> io::Result<Seen> {
        let inside = self.open(path.parent().as_ref())?;
        let seen = inside.look_for(path.file_name()).filter(|seen| !self.filter().leaves_out_path(path, seen.size.is_none()));
        seen.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Hands over everything shared in an open folder, by name.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn each_in(
        &self,
        inside: &Inside,
        path: Option<&RelativePath>,
        take: &mut dyn FnMut(&str, Seen),
    ) -> io::Result<()> {
        let originals = |name: &str| {
            self.database.long_name(name).unwrap_or_else(|error| {
                tracing::warn!(%error, "the original of a shortened name is not known");
                None
            })
        };
        let names = inside.names(&originals)?;
        let filter = self.filter();
        let mut full = path.map_or(String::new(), |path| format!("{}/", path.as_str()));
        let folder = full.len();
        // What is too deep or too long to travel can be neither asked for nor fetched.
        let room = if path.map_or(0, RelativePath::depth) < MAX_DEPTH { MAX_PATH.saturating_sub(folder) } else { 0 };
        for (name, real) in (0..).map_while(|index| names.get(index)) {
            full.truncate(folder);
            full.push_str(name);
            // What is left out either way need not be looked at.
            if filter.leaves_out(&full, true) && filter.leaves_out(&full, false) {
                continue;
            }
            let seen = inside.look(&real).filter(|seen| !filter.leaves_out(&full, seen.size.is_none()));
            if let Some(seen) = seen.filter(|_| name.len() <= room) {
                take(name, seen);
            }
        }
        Ok(())
    }

    /// A folder as the disk has it now, for the index.
    ///
    /// # Errors
    /// It cannot be opened or read.
    pub(crate) fn state(&self, id: i64, path: Option<&RelativePath>) -> io::Result<FolderState> {
        let inside = self.open(path)?;
        // Before the names are read: what changes while they are is noticed the next time.
        let listed = inside.modified()?;
        let mut entries = Vec::new();
        self.each_in(&inside, path, &mut |name, Seen { size, modified, inode, .. }| {
            entries.push(FoundEntry { name: name.to_owned(), size, modified, inode });
        })?;
        Ok(FolderState { id, listed, entries })
    }
}
