//! What stays of a share while its rights change: its folder, its index, and the news about it.

use super::{
    filter::Filter,
    index::{FolderState, FoundEntry, Index},
};
use crate::store::{
    beneath::{Beneath, Inside, Kind, Seen},
    database::Database,
};
use shoal_proto::{
    RelativePath,
    name::{MAX_DEPTH, MAX_PATH},
    share::ShareId,
};
use std::{
    ffi::OsStr,
    io,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::watch;

/// What is looked for in place of something left out. Should there be such a file: it is left out, too.
const NO_NAME: &str = ".shoal-00000000000000000000000000000000";

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
    /// It is not there, or left out: then the disk is not looked at for it, but as long as if it were not there.
    pub(crate) fn open(&self, path: Option<&RelativePath>) -> io::Result<Inside> {
        if let Some(above) = path.and_then(|path| self.filter().shown_above(path, true)) {
            self.beneath.open(above.as_ref())?.enter(NO_NAME)?;
            return Err(io::ErrorKind::NotFound.into());
        }
        if self.filter().shows_hidden() { self.beneath.open(path) } else { self.beneath.open_unhidden(path) }
    }

    /// A file or folder that is shared, as it is now.
    ///
    /// # Errors
    /// It is not there, or left out: then the disk is not looked at for it.
    pub(crate) fn look_for(&self, path: &RelativePath) -> io::Result<Seen> {
        self.look_in(&self.open(path.parent().as_ref())?, path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// As [`Kept::look_for`], in the open folder that `path` is in.
    pub(crate) fn look_in(&self, inside: &Inside, path: &RelativePath) -> Option<Seen> {
        let filter = self.filter();
        let is_out = |is_folder| filter.leaves_out(path.as_str(), is_folder);
        // Whether it is there is not to show in the time.
        let name = if is_out(false) && is_out(true) { NO_NAME } else { path.file_name() };
        let is_hidden = |seen: &Seen| seen.hidden && !filter.shows_hidden();
        inside.look_for(name).filter(|seen| !is_hidden(seen) && !is_out(seen.size.is_none()))
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
        self.each_name(inside, path, &mut |name, real, is_folder| {
            // Something else since the list was read was not judged.
            if let Some(seen) = inside.look(real).filter(|seen| seen.size.is_none() == is_folder) {
                take(name, seen);
            }
        })
    }

    /// As [`Kept::each_in`], only the names and whether they are folders: much faster, since files are not looked at.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn each_name(
        &self,
        inside: &Inside,
        path: Option<&RelativePath>,
        take: &mut dyn FnMut(&str, &OsStr, bool),
    ) -> io::Result<()> {
        let originals = |name: &str| {
            self.database.long_name(name).unwrap_or_else(|error| {
                tracing::warn!(%error, "the original of a shortened name is not known");
                None
            })
        };
        let listed = inside.names(&originals)?;
        let filter = self.filter();
        let mut full = path.map_or(String::new(), |path| format!("{}/", path.as_str()));
        let folder = full.len();
        // What is too deep or too long to travel can be neither asked for nor fetched.
        let room = if path.map_or(0, RelativePath::depth) < MAX_DEPTH { MAX_PATH.saturating_sub(folder) } else { 0 };
        for (name, real, kind) in listed.iter().filter(|(name, ..)| name.len() <= room) {
            full.truncate(folder);
            full.push_str(name);
            let is_folder = match kind {
                Kind::File => false,
                Kind::Folder => true,
                // What is left out either way need not be looked at.
                Kind::Unknown if filter.leaves_out(&full, true) && filter.leaves_out(&full, false) => continue,
                Kind::Unknown => match inside.look(&real) {
                    Some(seen) if filter.shows_hidden() || !seen.hidden => seen.size.is_none(),
                    _ => continue,
                },
            };
            if !filter.leaves_out(&full, is_folder) {
                take(name, &real, is_folder);
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
