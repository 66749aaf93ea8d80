//! Hearing of changes in a share from the system. It may miss some: a rescan finds those ([`super::keeper`]).

use notify::{Config, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

/// Most folders that are watched one by one, in one share. Each costs about a kilobyte of the kernel's memory.
const MAX_WATCHED: usize = 32 * 1024;

/// What the system said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Something in this folder is not as it was.
    Changed(PathBuf),
    /// More happened than could be told.
    Lost,
}

/// Watches the folders of one share until it is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    /// `None`: the system gives no more.
    watcher: Option<RecommendedWatcher>,
    /// Folders, to be counted; one that was removed counts until the next rescan.
    watched: HashSet<PathBuf>,
    full: bool,
}

impl Watcher {
    /// `hear` is called on a thread of the watcher and must not wait.
    pub(crate) fn new(root: &Path, hear: impl Fn(Heard) + Send + 'static) -> Self {
        let handler = move |event: notify::Result<notify::Event>| match event {
            Ok(event) if event.need_rescan() => hear(Heard::Lost),
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
            Ok(event) => {
                event.paths.iter().filter_map(|path| path.parent()).for_each(|folder| hear(Heard::Changed(folder.to_owned())))
            }
            Err(error) => {
                tracing::debug!(%error, "a change was not told");
                hear(Heard::Lost);
            }
        };
        let watcher = RecommendedWatcher::new(handler, Config::default().with_follow_symlinks(false));
        let mut watcher = Self { watcher: kept(watcher), watched: HashSet::new(), full: false };
        if !Self::ONE_BY_ONE {
            watcher.add(root, RecursiveMode::Recursive);
        }
        watcher
    }

    /// inotify knows single folders only. notify would walk the tree for us, with the folders that are left out.
    const ONE_BY_ONE: bool = cfg!(any(target_os = "linux", target_os = "android"));

    /// All folders are about to be watched anew.
    pub(crate) fn begin_again(&mut self) {
        self.watched.clear();
        self.full = false;
    }

    /// Watches a folder, to be called before it is read. Once more for the same folder costs little, and is needed when it was removed and
    /// made anew.
    pub(crate) fn watch(&mut self, folder: &Path) {
        if Self::ONE_BY_ONE {
            self.add(folder, RecursiveMode::NonRecursive);
        }
    }

    /// Everything that was to be watched is.
    pub(crate) fn is_whole(&self) -> bool {
        self.watcher.is_some() && !self.full
    }

    fn add(&mut self, folder: &Path, mode: RecursiveMode) {
        if self.watched.len() >= MAX_WATCHED && !self.watched.contains(folder) {
            self.full = true;
            return;
        }
        let Some(watcher) = &mut self.watcher else { return };
        match watcher.watch(folder, mode) {
            Ok(()) => _ = self.watched.insert(folder.to_owned()),
            Err(error) => {
                tracing::debug!(%error, "a folder is not watched");
                self.full = true;
            }
        }
    }
}

fn kept(watcher: notify::Result<RecommendedWatcher>) -> Option<RecommendedWatcher> {
    watcher.map_err(|error| tracing::warn!(%error, "changes in a share are noticed late")).ok()
}
