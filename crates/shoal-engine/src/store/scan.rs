//! Walking what a person gave to send.
//!
//! What is given itself may be a link, which is followed: the person pointed at it. Links inside folders are not, so nothing is
//! sent that lies outside of what was given. Entries come in the order of [`RelativePath`], a folder before what is in it, and
//! none is kept here: a million files cost what the largest single folder's names cost.

use super::{
    found::{Found, FoundKind},
    names::{Names, Originals, from_disk},
    source::{Root, Roots},
};
use cap_fs_ext::DirExt;
use cap_std::{ambient_authority, fs::Dir};
use shoal_proto::{
    RelativePath,
    display::shown,
    mapping::beside,
    name::{NameError, to_os},
    piece::checked_piece_count,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Most things left out that are listed one by one; the rest is counted.
pub(crate) const MAX_SKIPPED_LISTED: usize = 1000;

/// Something to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScannedEntry<'a> {
    /// Its path, as it travels.
    pub(crate) path: &'a RelativePath,
    /// What it is.
    pub(crate) kind: Kind,
    /// Last modification.
    pub(crate) modified: SystemTime,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A folder, empty or not.
    Folder,
    /// A file.
    File {
        /// Size in bytes.
        size: u64,
        /// May be run as a program. Never on Windows, which has no such bit.
        executable: bool,
    },
}

/// What a scan found.
#[derive(Debug)]
pub(crate) struct Scan {
    /// The way back from entries to real files.
    pub(crate) roots: Roots,
    /// Number of files.
    pub(crate) files: u64,
    /// Number of folders.
    pub(crate) folders: u64,
    /// Sum of the files' sizes, in bytes.
    pub(crate) bytes: u64,
    /// What is left out, the first [`MAX_SKIPPED_LISTED`].
    pub(crate) skipped: Vec<Skipped>,
    /// How much is left out in all.
    pub(crate) skipped_count: u64,
}

/// Something that is left out.
#[derive(Debug)]
pub(crate) struct Skipped {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Why it is left out.
    pub(crate) reason: SkipReason,
}

/// Why something is left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SkipReason {
    /// A symbolic link, or a junction.
    #[error("links are not sent")]
    Link,
    /// A pipe, socket or device.
    #[error("it is neither a file nor a folder")]
    Special,
    /// What a transfer to this machine has received so far.
    #[error("it belongs to a transfer that is not finished")]
    Unfinished,
    /// The system refuses.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Its name or path is none that travels.
    #[error("it has {0}")]
    Name(#[from] NameError),
    /// A file beside it came here under this very name, and was given another.
    #[error("its name is that of another file beside it, which is called otherwise on this drive only")]
    NameTaken,
    /// Beyond what the protocol carries.
    #[error("it is too large")]
    TooLarge,
}

/// Why there is no scan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScanError {
    /// Something that was given cannot be sent.
    #[error("{} cannot be sent: {reason}", shown(&path.to_string_lossy()))]
    Source {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: SkipReason,
    },
    /// Whoever asked does not want it any more.
    #[error("the search for files was broken off")]
    Cancelled,
}

/// Walks files and folders, folders whole, and hands each entry to `emit`, which may break off.
///
/// Roots that have the same name get numbered ones; the same root given twice counts once. What came here under a name that this
/// disk refuses goes under that name again; `originals` finds those that were shortened.
///
/// # Errors
/// One of `paths` itself cannot be read or is no file or folder, or somebody broke off.
pub(crate) fn scan(
    paths: &[PathBuf],
    originals: Originals<'_>,
    cancelled: &dyn Fn() -> bool,
    emit: &mut dyn FnMut(ScannedEntry<'_>) -> ControlFlow<()>,
) -> Result<Scan, ScanError> {
    let roots = name_roots(paths, originals)?;
    let scan = Scan { roots: Roots::default(), files: 0, folders: 0, bytes: 0, skipped: Vec::new(), skipped_count: 0 };
    let mut walk = Walk { scan, originals, cancelled, emit };
    for root in &roots {
        walk.root(root)?;
    }
    walk.scan.roots = Roots::new(roots);
    Ok(walk.scan)
}

/// Gives each root its name, in the order of names.
fn name_roots(paths: &[PathBuf], originals: Originals<'_>) -> Result<Vec<Root>, ScanError> {
    let mut named = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for given in paths {
        let failed = |reason| ScanError::Source { path: given.clone(), reason };
        let mut path = std::path::absolute(given).map_err(|error| failed(unreadable(&error)))?;
        if path.components().next_back().is_some_and(|last| last == std::path::Component::ParentDir) {
            path = path.canonicalize().map_err(|error| failed(unreadable(&error)))?;
        }
        if !seen.insert(path.clone()) {
            continue;
        }
        let own = match path.file_name() {
            Some(name) => from_disk(name, originals).map_err(|error| failed(error.into()))?,
            None => name_of_drive(&path),
        };
        let free = |name: &String| !named.contains_key(name);
        let name = (1..).map(|n| if n == 1 { own.clone() } else { beside(&own, n) }).find(free);
        named.insert(name.unwrap_or(own), path);
    }
    Ok(named.into_iter().map(|(name, path)| Root { name, path }).collect())
}

/// `C:\` is sent as `C`, `/` as `root`.
fn name_of_drive(path: &Path) -> String {
    let letter: String = path.to_string_lossy().chars().filter(char::is_ascii_alphanumeric).take(1).collect();
    if letter.is_empty() { "root".to_owned() } else { letter }
}

fn unreadable(error: &io::Error) -> SkipReason {
    SkipReason::Unreadable(error.to_string())
}

struct Walk<'a> {
    scan: Scan,
    originals: Originals<'a>,
    cancelled: &'a dyn Fn() -> bool,
    emit: &'a mut dyn FnMut(ScannedEntry<'_>) -> ControlFlow<()>,
}

/// A folder that is being walked.
struct Level {
    dir: Dir,
    names: Names,
    next: usize,
    /// Bytes of the walk's path that are this folder's own.
    path_len: usize,
}

impl Walk<'_> {
    fn root(&mut self, root: &Root) -> Result<(), ScanError> {
        let failed = |reason| ScanError::Source { path: root.path.clone(), reason };
        let metadata = std::fs::metadata(&root.path).map_err(|error| failed(unreadable(&error)))?;
        let found = Found::of_std(&metadata).map_err(|error| failed(unreadable(&error)))?;
        let path = RelativePath::parse(&root.name).map_err(|error| failed(error.into()))?;
        match found.kind {
            FoundKind::File { size, .. } => {
                if checked_piece_count(size).is_none() {
                    return Err(failed(SkipReason::TooLarge));
                }
                std::fs::File::open(&root.path).map_err(|error| failed(unreadable(&error)))?;
                self.emit(&path, &found)
            }
            FoundKind::Folder => {
                let opened = Dir::open_ambient_dir(&root.path, ambient_authority());
                let dir = opened.map_err(|error| failed(unreadable(&error)))?;
                let level = self.list(dir, root, path.as_str()).map_err(|error| failed(unreadable(&error)))?;
                self.emit(&path, &found)?;
                self.tree(root, level)
            }
            FoundKind::Link | FoundKind::Special => Err(failed(SkipReason::Special)),
        }
    }

    /// Walks a folder depth first, which is the order of paths when each folder's names are sorted.
    fn tree(&mut self, root: &Root, top: Level) -> Result<(), ScanError> {
        let mut path = root.name.clone();
        let mut levels = vec![top];
        while let Some(level) = levels.last_mut() {
            if (self.cancelled)() {
                return Err(ScanError::Cancelled);
            }
            path.truncate(level.path_len);
            let Some((name, real)) = level.names.get(level.next) else {
                levels.pop();
                continue;
            };
            level.next += 1;
            path.push('/');
            path.push_str(name);
            match self.child(root, &level.dir, &real, &path)? {
                Ok(Some(below)) => levels.push(below),
                Ok(None) => {}
                Err(reason) => self.skip(root, &path, reason),
            }
        }
        Ok(())
    }

    /// Emits one child, if it can be sent; a folder is returned to be walked.
    fn child(
        &mut self,
        root: &Root,
        dir: &Dir,
        name: &OsStr,
        path: &str,
    ) -> Result<Result<Option<Level>, SkipReason>, ScanError> {
        let relative = match RelativePath::parse(path) {
            Ok(relative) => relative,
            Err(error) => return Ok(Err(error.into())),
        };
        let found = match Found::in_dir(dir, name) {
            Ok(found) => found,
            Err(error) => return Ok(Err(unreadable(&error))),
        };
        match found.kind {
            FoundKind::Link => Ok(Err(SkipReason::Link)),
            FoundKind::Special => Ok(Err(SkipReason::Special)),
            FoundKind::File { size, .. } if checked_piece_count(size).is_none() => Ok(Err(SkipReason::TooLarge)),
            FoundKind::File { .. } => self.emit(&relative, &found).map(|()| Ok(None)),
            FoundKind::Folder if is_unfinished(name) => Ok(Err(SkipReason::Unfinished)),
            FoundKind::Folder => match dir.open_dir_nofollow(name).and_then(|dir| self.list(dir, root, path)) {
                Ok(level) => self.emit(&relative, &found).map(|()| Ok(Some(level))),
                Err(error) => Ok(Err(unreadable(&error))),
            },
        }
    }

    /// Reads the names of a folder.
    fn list(&mut self, dir: Dir, root: &Root, path: &str) -> io::Result<Level> {
        let mut names = Names::default();
        for entry in dir.entries()? {
            let name = entry?.file_name();
            match from_disk(&name, self.originals) {
                Ok(travels) => names.add(travels, name),
                Err(error) => {
                    let mut real = real_path(root, path);
                    real.push(name);
                    self.skip_path(real, error.into());
                }
            }
        }
        for name in names.sort() {
            let mut real = real_path(root, path);
            real.push(to_os(&name));
            self.skip_path(real, SkipReason::NameTaken);
        }
        Ok(Level { dir, names, next: 0, path_len: path.len() })
    }

    fn emit(&mut self, path: &RelativePath, found: &Found) -> Result<(), ScanError> {
        let kind = match found.kind {
            FoundKind::File { size, executable } => {
                self.scan.files += 1;
                self.scan.bytes = self.scan.bytes.saturating_add(size);
                Kind::File { size, executable }
            }
            _ => {
                self.scan.folders += 1;
                Kind::Folder
            }
        };
        match (self.emit)(ScannedEntry { path, kind, modified: found.modified }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ScanError::Cancelled),
        }
    }

    fn skip(&mut self, root: &Root, path: &str, reason: SkipReason) {
        self.skip_path(real_path(root, path), reason);
    }

    fn skip_path(&mut self, path: PathBuf, reason: SkipReason) {
        self.scan.skipped_count += 1;
        if self.scan.skipped.len() < MAX_SKIPPED_LISTED {
            self.scan.skipped.push(Skipped { path, reason });
        }
    }
}

/// Where an entry of `root` is on this machine.
fn real_path(root: &Root, path: &str) -> PathBuf {
    let mut real = root.path.clone();
    real.extend(path.split('/').skip(1).map(to_os));
    real
}

/// The hidden folder of a transfer to this machine (`.shoal-` and the transfer's id).
fn is_unfinished(name: &OsStr) -> bool {
    let id = name.to_str().and_then(|name| name.strip_prefix(".shoal-"));
    id.is_some_and(|id| id.parse::<shoal_proto::message::TransferId>().is_ok())
}

#[cfg(test)]
mod tests;
