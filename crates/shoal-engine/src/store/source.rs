//! Reading what was offered: the very version that was offered, or not at all.

use super::{
    beneath::Beneath,
    file_key::{FileKey, nanos},
    folders::{Folder, RecentFolders, open_file, split},
    names::on_disk,
    partial::read_exact_at,
};
use cap_fs_ext::DirExt;
use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions},
};
use shoal_proto::{
    RelativePath,
    message::EntryFailure,
    name::{from_os, to_os},
};
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

/// Something that a person gave to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root {
    /// The first component of its entries' paths.
    pub(crate) name: String,
    /// Where it is; absolute.
    pub(crate) path: PathBuf,
}

/// All roots of a transfer, and the way from an entry's path to its file.
///
/// Keeps a few folders open, which keeps their drive from being ejected: drop it while nothing is sent.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    /// Sorted by name.
    roots: Vec<Root>,
    /// The folder that nothing may leave, for parts of a share: their roots are no better than what is below them.
    beneath: Option<Beneath>,
    recent: RecentFolders,
}

/// The version of a file that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offered {
    /// Size in bytes.
    pub(crate) size: u64,
    /// Last modification.
    pub(crate) modified: SystemTime,
}

/// Why a file cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceError {
    /// It is not there.
    #[error("it is no longer there")]
    Gone,
    /// It is not the version that was offered.
    #[error("it was changed after it was offered")]
    Changed,
    /// The system refuses to read it.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl From<io::Error> for SourceError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Gone,
            _ => Self::Unreadable(error.to_string()),
        }
    }
}

impl From<&SourceError> for EntryFailure {
    fn from(error: &SourceError) -> Self {
        match error {
            SourceError::Gone => Self::Gone,
            SourceError::Changed => Self::Changed,
            SourceError::Unreadable(_) => Self::Unreadable,
        }
    }
}

impl Roots {
    /// The roots of a scan, perhaps of an earlier run.
    pub(crate) fn new(mut roots: Vec<Root>) -> Self {
        roots.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Self { roots, beneath: None, recent: RecentFolders::default() }
    }

    /// All roots are reached from this folder, by names alone.
    pub(crate) fn within(mut self, folder: Option<PathBuf>) -> Self {
        self.beneath = folder.map(Beneath::new);
        self
    }

    /// Each root.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Root> {
        self.roots.iter()
    }

    /// Where an entry was looked for, for a message. `None`: no root has that name.
    pub(crate) fn real_path(&self, path: &RelativePath) -> Option<PathBuf> {
        let mut components = path.components();
        let mut real = self.root(components.next()?)?.path.clone();
        real.extend(components.map(to_os));
        Some(real)
    }

    /// Opens the file of an entry. Below its root no link is followed.
    ///
    /// # Errors
    /// It is gone, refused, or no longer what was offered.
    pub(crate) fn open(&self, path: &RelativePath, offered: Offered) -> Result<SourceFile, SourceError> {
        let (file, real) = match self.open_file(path) {
            // A folder kept open may have been removed and made anew.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.recent.clear();
                self.open_file(path)?
            }
            opened => opened?,
        };
        let key = FileKey::of(&file)?;
        if (key.size, key.modified) != (offered.size, nanos(offered.modified)) {
            return Err(SourceError::Changed);
        }
        Ok(SourceFile { file, key, path: real })
    }

    fn open_file(&self, path: &RelativePath) -> io::Result<(File, PathBuf)> {
        if let Some(beneath) = &self.beneath {
            let inside = self.inside(beneath, path).ok_or(io::ErrorKind::NotFound)?;
            return Ok((beneath.open_file(&inside)?, beneath.real_path(&inside)));
        }
        let (parent, name) = split(path.as_str());
        if !parent.is_empty() {
            let folder = self.folder(parent)?;
            return on_disk(name, |real| {
                Ok((open_file(&folder.dir, real, OpenOptions::new().read(true))?, folder.path.join(real)))
            });
        }
        // The root itself: links are followed, as when it was given. Looked at first, so that no pipe is waited for.
        let root = self.root(name).ok_or(io::ErrorKind::NotFound)?;
        if !std::fs::metadata(&root.path)?.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok((File::open(&root.path)?, root.path.clone()))
    }

    /// An entry's path from the folder that it must not leave.
    fn inside(&self, beneath: &Beneath, path: &RelativePath) -> Option<RelativePath> {
        let mut components = path.components();
        let root = self.root(components.next()?)?.path.strip_prefix(beneath.root()).ok()?;
        let names: Option<Vec<String>> = root.iter().map(|name| from_os(name).ok()).collect();
        let mut names = names?;
        names.extend(components.map(str::to_owned));
        RelativePath::from_components(names.iter().map(String::as_str)).ok()
    }

    fn folder(&self, key: &str) -> io::Result<Arc<Folder>> {
        if let Some(folder) = self.recent.get(key) {
            return Ok(folder);
        }
        let (parent, name) = split(key);
        let folder = if parent.is_empty() {
            let path = self.root(name).ok_or(io::ErrorKind::NotFound)?.path.clone();
            Folder { dir: Dir::open_ambient_dir(&path, ambient_authority())?, path, new: false }
        } else {
            let parent = self.folder(parent)?;
            on_disk(name, |real| {
                Ok(Folder { dir: parent.dir.open_dir_nofollow(real)?, path: parent.path.join(real), new: false })
            })?
        };
        let folder = Arc::new(folder);
        self.recent.put(key, Arc::clone(&folder));
        Ok(folder)
    }

    fn root(&self, name: &str) -> Option<&Root> {
        let at = self.roots.binary_search_by(|root| root.name.as_str().cmp(name)).ok()?;
        self.roots.get(at)
    }
}

/// A file that was offered, open, in the version that was offered.
#[derive(Debug)]
pub(crate) struct SourceFile {
    file: File,
    key: FileKey,
    path: PathBuf,
}

impl SourceFile {
    /// Its identity and version.
    pub(crate) fn key(&self) -> FileKey {
        self.key
    }

    /// Where it is on this machine: the path part of its key in the cache of hashes.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Fills `bytes` from `offset` on.
    ///
    /// # Errors
    /// [`SourceError::Changed`]: it ends early. Else the system refuses.
    pub(crate) fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), SourceError> {
        match read_exact_at(&self.file, offset, bytes) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(SourceError::Changed),
            answer => Ok(answer?),
        }
    }

    /// To be asked after the last piece was read, and before its root is told: all pieces are of one version.
    ///
    /// # Errors
    /// [`SourceError::Changed`], or the system refuses.
    pub(crate) fn unchanged(&self) -> Result<(), SourceError> {
        if FileKey::of(&self.file)? == self.key { Ok(()) } else { Err(SourceError::Changed) }
    }
}

#[cfg(test)]
mod tests;
