//! What is to be done for the index of one share, and in which order.

use super::{
    calm::Calm,
    hashing::Hashing,
    index::{FolderState, IndexError, ROOT},
    keeper::{Desk, News},
    kept::Kept,
    watcher::Watcher,
};
use crate::store::{database::Database, names::from_disk};
use shoal_proto::RelativePath;
use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

/// Entries that are put into the index at once, and folders.
const TOGETHER: usize = 4096;
const FOLDERS_TOGETHER: u32 = 128;

/// From the first news of a folder to a look at it: changes come in swarms.
const SETTLE: Duration = Duration::from_millis(100);

/// A folder rests so many times as long as it took to read: one of 100,000 files in which one grows is not read without end.
const REST: u32 = 10;

/// Everything is looked through this often where all is watched, and where it is not.
const RESCAN_WATCHED: Duration = Duration::from_secs(30 * 60);
const RESCAN_UNWATCHED: Duration = Duration::from_secs(5 * 60);

/// How often a share is looked for whose drive is not there.
const RESCAN_GONE: Duration = Duration::from_secs(5);

/// From the news that a folder is gone to a look at the one above it.
const READ_ABOVE: Duration = Duration::from_secs(2);

/// How long hashing waits for a better moment.
const HASH_LATER: Duration = Duration::from_secs(1);

/// Windows' error for a link where none is followed.
#[cfg(windows)]
const STOPPED_ON_SYMLINK: i32 = 681;

/// One share's index and what it waits for.
#[derive(Debug)]
pub(super) struct Work {
    kept: Arc<Kept>,
    watcher: Watcher,
    /// Folders that changed, and when they are to be looked at.
    changed: HashMap<PathBuf, Instant>,
    /// Folders that were just read, and until when they rest.
    resting: HashMap<PathBuf, Instant>,
    /// There may be folders that were never read.
    to_read: bool,
    /// How far a look through everything is.
    rescan: Option<i64>,
    /// Another look follows: news were lost during this one, and what it has passed may have changed.
    once_more: bool,
    next_rescan: Instant,
    hashing: Hashing,
    to_hash: bool,
}

impl Work {
    /// A share whose index may be new, or from before a restart: then everything is looked through.
    pub(super) fn new(kept: Arc<Kept>, desk: &Arc<Desk>) -> Self {
        let (share, desk) = (kept.id, desk.clone());
        let watcher = Watcher::new(kept.beneath.root(), move |heard| desk.hear(share, heard));
        let is_new = kept.index.folder(None).is_ok_and(|root| root.is_some_and(|root| root.listed.is_none()));
        let now = Instant::now();
        Self {
            kept,
            watcher,
            changed: HashMap::new(),
            resting: HashMap::new(),
            to_read: true,
            rescan: (!is_new).then_some(0),
            once_more: false,
            next_rescan: now + RESCAN_WATCHED,
            hashing: Hashing::default(),
            to_hash: true,
        }
    }

    pub(super) fn hear(&mut self, news: News, now: Instant) {
        if news.lost {
            // One that is under way goes on: begun anew each time, it would never get to its end.
            self.once_more = self.rescan.is_some_and(|after| after > 0);
            self.rescan.get_or_insert(0);
        }
        self.resting.retain(|_, until| *until > now);
        for folder in news.folders {
            let rested = self.resting.get(&folder).copied().unwrap_or(now);
            let at = rested.max(now + SETTLE);
            let due = self.changed.entry(folder).or_insert(at);
            *due = at.min(*due);
        }
    }

    /// Something else is left out.
    pub(super) fn read_again(&mut self) {
        if let Err(error) = self.kept.index.set_all_to_read() {
            tracing::warn!(%error, "an index is not read again");
        }
        self.to_read = true;
    }

    /// Does the next thing. When to come back; `None`: at once.
    pub(super) fn step(&mut self, now: Instant, database: &Database, calm: &mut Calm) -> Option<Instant> {
        let done = if self.kept.index.is_damaged() {
            self.make_anew()
        } else if let Some(folder) = self.due(now) {
            self.read_changed(&folder, now)
        } else if self.to_read {
            self.read_new()
        } else if let Some(after) = self.rescan {
            self.rescan_from(after, now)
        } else if now >= self.next_rescan {
            self.watcher.begin_again();
            self.rescan = Some(0);
            Ok(())
        } else {
            return self.rest(now, database, calm);
        };
        if let Err(error) = done {
            tracing::warn!(%error, share = ?self.kept.id, "an index is not up to date");
            // Not again at once: the drive may be full.
            self.to_read = false;
            self.end_rescan();
            self.next_rescan = now + RESCAN_GONE;
            // Nor this.
            return self.kept.index.is_damaged().then_some(self.next_rescan);
        }
        None
    }

    /// The index is damaged: begins with an empty one. Pages come from the disk meanwhile.
    fn make_anew(&mut self) -> Result<(), IndexError> {
        self.kept.index.make_anew()?;
        tracing::warn!(share = ?self.kept.id, "a damaged index is made anew");
        // The numbers of files are others from now on.
        self.hashing = Hashing::default();
        self.end_rescan();
        self.to_read = true;
        self.kept.tell();
        Ok(())
    }

    /// The index is up to date.
    fn rest(&mut self, now: Instant, database: &Database, calm: &mut Calm) -> Option<Instant> {
        if self.to_hash && calm.is_now(now) {
            self.to_hash = self.hashing.step(&self.kept, database);
            // As long as it took, for whoever else reads the drive.
            return self.to_hash.then(|| now + now.elapsed() * 2);
        }
        let hash = self.to_hash.then(|| now + HASH_LATER);
        let changed = self.changed.values().min().copied();
        [hash, changed, Some(self.next_rescan)].into_iter().flatten().min()
    }

    /// A folder that changed and has settled.
    fn due(&mut self, now: Instant) -> Option<PathBuf> {
        let folder = self.changed.iter().find(|(_, at)| **at <= now)?.0.clone();
        self.changed.remove(&folder);
        Some(folder)
    }

    fn read_changed(&mut self, folder: &Path, now: Instant) -> Result<(), IndexError> {
        let Some(path) = self.travels(folder) else { return Ok(()) };
        // One that is not known yet comes with the folder that it is in.
        if let Some(row) = self.kept.index.folder(path.as_ref())? {
            self.read(&[(row.id, path)])?;
        }
        self.resting.insert(folder.to_owned(), Instant::now() + now.elapsed() * REST);
        Ok(())
    }

    /// The path in the share of a folder on the disk; `Some(None)`: the share itself.
    #[allow(clippy::option_option)]
    fn travels(&self, folder: &Path) -> Option<Option<RelativePath>> {
        let inside = folder.strip_prefix(self.kept.beneath.root()).ok()?;
        let names: Option<Vec<String>> = inside.iter().map(|name| from_disk(name, &|_| None).ok()).collect();
        let names = names?;
        if names.is_empty() {
            return Some(None);
        }
        RelativePath::from_components(names.iter().map(String::as_str)).ok().map(Some)
    }

    fn read_new(&mut self) -> Result<(), IndexError> {
        let folders = self.kept.index.folders_to_read(FOLDERS_TOGETHER)?;
        self.to_read = !folders.is_empty();
        if self.to_read {
            return self.read(&folders);
        }
        // Sums of folders can be told from now on.
        self.kept.tell();
        Ok(())
    }

    fn rescan_from(&mut self, after: i64, now: Instant) -> Result<(), IndexError> {
        let folders = self.kept.index.folders_after(after, FOLDERS_TOGETHER)?;
        let Some((last, _)) = folders.last() else {
            self.rescan = self.once_more.then_some(0);
            self.once_more = false;
            let wait = if self.watcher.is_whole() { RESCAN_WATCHED } else { RESCAN_UNWATCHED };
            self.next_rescan = now + wait;
            return Ok(());
        };
        self.rescan = Some(*last);
        self.read(&folders)
    }

    /// Reads folders from the disk and puts them into the index, in several parts when they are long.
    fn read(&mut self, folders: &[(i64, Option<RelativePath>)]) -> Result<(), IndexError> {
        let mut states: Vec<FolderState> = Vec::new();
        let mut entries = 0;
        for (id, path) in folders {
            let real =
                path.as_ref().map_or_else(|| self.kept.beneath.root().to_owned(), |path| self.kept.beneath.real_path(path));
            // First, so that nothing is missed between the two.
            self.watcher.watch(&real);
            match self.kept.state(*id, path.as_ref()) {
                Ok(state) => {
                    entries += state.entries.len();
                    states.push(state);
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    states.push(FolderState { id: *id, ..FolderState::default() });
                }
                Err(error) if is_gone(&error) => {
                    tracing::debug!(%error, "a shared folder is gone");
                    self.is_gone(*id, path.as_ref())?;
                }
                Err(error) => {
                    tracing::warn!(%error, folder = %real.display(), "a shared folder cannot be read now");
                    self.skip(*id)?;
                }
            }
            if entries >= TOGETHER {
                self.apply(&states)?;
                states.clear();
                entries = 0;
            }
        }
        self.apply(&states)
    }

    fn is_gone(&mut self, id: i64, path: Option<&RelativePath>) -> Result<(), IndexError> {
        let changed = self.kept.index.is_gone(id)?;
        match path {
            None => self.look_for_root_later(),
            Some(path) => {
                // It may be there again, or under this name something else. Not at once: some drives list what cannot be opened.
                let above = path.parent();
                let above =
                    above.map_or_else(|| self.kept.beneath.root().to_owned(), |above| self.kept.beneath.real_path(&above));
                self.changed.entry(above).or_insert_with(|| Instant::now() + READ_ABOVE);
            }
        }
        self.tell(&changed);
        Ok(())
    }

    /// What is known of a folder stays until it can be read again.
    fn skip(&mut self, id: i64) -> Result<(), IndexError> {
        self.kept.index.set_outdated(id)?;
        if id == ROOT {
            self.look_for_root_later();
        }
        Ok(())
    }

    fn look_for_root_later(&mut self) {
        self.end_rescan();
        self.next_rescan = Instant::now() + RESCAN_GONE;
    }

    fn end_rescan(&mut self) {
        self.rescan = None;
        self.once_more = false;
    }

    fn apply(&mut self, states: &[FolderState]) -> Result<(), IndexError> {
        if !states.is_empty() {
            let changed = self.kept.index.apply(states)?;
            self.tell(&changed);
        }
        Ok(())
    }

    fn tell(&mut self, changed: &[i64]) {
        if !changed.is_empty() {
            self.to_read = true;
            self.to_hash = true;
            self.hashing.begin_again();
            self.kept.tell();
        }
    }
}

/// A folder is not there any more, or is none: every other error may pass.
fn is_gone(error: &io::Error) -> bool {
    #[cfg(unix)]
    let is_link = error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    #[cfg(windows)]
    let is_link = error.raw_os_error() == Some(STOPPED_ON_SYMLINK);
    is_link || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
