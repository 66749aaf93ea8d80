//! Open folders that are kept at hand, a few of them: files of one folder come one after another.

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, OpenOptions};
use std::{
    collections::VecDeque,
    ffi::OsStr,
    fs::File,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

/// Most folders kept open for one target or source. Descriptors are scarce: 1,024 a process by default on Linux, 256 on macOS.
const MAX_OPEN: usize = 64;

/// An open folder inside a root.
#[derive(Debug)]
pub(super) struct Folder {
    /// The capability.
    pub(super) dir: Dir,
    /// Where it was found, relative to the root and with the names that the disk has. Empty for the root.
    pub(super) path: PathBuf,
    /// It was made when it was opened: whatever is in it came since then.
    pub(super) new: bool,
}

/// Folders by the path that a peer knows them under, the most recently used first.
#[derive(Debug, Default)]
pub(super) struct RecentFolders {
    folders: Mutex<VecDeque<(Box<str>, Arc<Folder>)>>,
}

impl RecentFolders {
    pub(super) fn get(&self, key: &str) -> Option<Arc<Folder>> {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let at = folders.iter().position(|(known, _)| **known == *key)?;
        let found = folders.remove(at)?;
        let folder = Arc::clone(&found.1);
        folders.push_front(found);
        Some(folder)
    }

    pub(super) fn put(&self, key: &str, folder: Arc<Folder>) {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.retain(|(known, _)| **known != *key);
        folders.truncate(MAX_OPEN - 1);
        folders.push_front((key.into(), folder));
    }

    /// Closes everything: what is on the disk is not what it was.
    pub(super) fn clear(&self) {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The path of the folder that holds `path`, and the last name. The root's path is empty.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Opens a regular file of `dir`. A link is not followed, and a pipe or device that was put there neither blocks nor is taken.
pub(super) fn open_file(dir: &Dir, name: impl AsRef<OsStr>, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use cap_std::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    let file = dir.open_with(name.as_ref(), options.follow(FollowSymlinks::No))?.into_std();
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn few_folders_stay_open_and_the_recent_ones_are_found() {
        let root = tempfile::tempdir().unwrap();
        let open = || Dir::open_ambient_dir(root.path(), cap_std::ambient_authority()).unwrap();
        let recent = RecentFolders::default();
        for n in 0..200 {
            recent.put(&n.to_string(), Arc::new(Folder { dir: open(), path: PathBuf::from(n.to_string()), new: false }));
            assert!(n == 0 || recent.get("0").is_some(), "used again and again, it stays");
        }
        assert_eq!(recent.folders.lock().unwrap().len(), MAX_OPEN);
        assert_eq!(recent.get("199").unwrap().path, PathBuf::from("199"));
        assert!(recent.get("100").is_none());
        recent.clear();
        assert!(recent.get("199").is_none());
    }

    #[test]
    fn a_path_splits_into_folder_and_name() {
        assert_eq!(split("a/b/c"), ("a/b", "c"));
        assert_eq!(split("c"), ("", "c"));
    }
}
