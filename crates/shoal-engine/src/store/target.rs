//! The folder chosen for a transfer, as a capability.
//!
//! Everything is opened from an open folder, one name at a time, and links are never followed: what a name means is settled by
//! the descriptor that is held, not by a path that somebody may change in between. The folder itself is what a person chose, so
//! links that lead to it are followed.
//!
//! Where a link, or a file, stands under the name of a folder that is needed, the folder `name (2)` beside it is taken.

use super::{
    beneath::{Anchor, Beneath, is_called},
    disk::DiskError,
    file_key::FileKey,
    folders::{Folder, RecentFolders, open_file, split},
    sync::{WholeDrive, sync_folder},
};
use cap_fs_ext::DirExt;
use cap_std::{
    ambient_authority,
    fs::{Dir, DirBuilder, OpenOptions},
};
use shoal_proto::{
    RelativePath,
    manifest::EntryIndex,
    mapping::{Rules, beside},
    message::TransferId,
    name::to_os,
};
use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// How many names are tried, the first included, before something that has the same name is given up on.
const MAX_NAMES_TRIED: u32 = 10_000;

/// How many of them are looked at for a copy that came before.
const MAX_COPIES_LOOKED_AT: usize = 64;

/// How often a folder is opened or made anew while something else changes it under us.
const MAX_ATTEMPTS: u32 = 16;

/// Where the files of one transfer go.
#[derive(Debug)]
pub(crate) struct Target {
    path: PathBuf,
    root: Arc<Folder>,
    recent: RecentFolders,
    /// What keeps it inside of a share.
    anchor: Option<Anchor>,
    partials_name: String,
    partials: Mutex<Option<Arc<Partials>>>,
    /// Folders in which a folder was made that is not durable yet.
    unsynced: Mutex<BTreeSet<Box<str>>>,
}

/// The hidden folder that holds a transfer's partial files, each named by its entry's number.
#[derive(Debug)]
pub(super) struct Partials {
    pub(super) dir: Dir,
    /// Its path on the disk, for the few calls that have no other form.
    pub(super) path: PathBuf,
    pub(super) drive: WholeDrive,
}

/// A regular file that stands where a sent one is to go: perhaps the same, perhaps an older version of it.
#[derive(Debug)]
pub(crate) struct Existing {
    /// Its identity and version.
    pub(crate) key: FileKey,
    /// It, open for reading.
    pub(crate) file: File,
    /// Where it is.
    pub(crate) path: PathBuf,
}

impl Target {
    /// Opens the folder at `path`, which is made when it is missing.
    ///
    /// # Errors
    /// It is no folder, cannot be made or opened.
    pub(crate) fn open(path: &Path, transfer: TransferId) -> Result<Self, DiskError> {
        let failed = |error| DiskError::of_path("opening the folder", path, error);
        let path = std::path::absolute(path).map_err(failed)?;
        make_durably(&path).map_err(failed)?;
        let dir = Dir::open_ambient_dir(&path, ambient_authority()).map_err(failed)?;
        Ok(Self::new(path, dir, None, transfer))
    }

    /// Opens a folder in a share, for what others add to it. It is not made, not reached over a link, and has to stay where it is
    /// ([`Target::check`]).
    ///
    /// # Errors
    /// It is not there, or something on the way to it is no folder.
    pub(crate) fn beneath(share: Beneath, folder: Option<&RelativePath>, transfer: TransferId) -> Result<Self, DiskError> {
        let path = folder.map_or_else(|| share.root().to_owned(), |folder| share.real_path(folder));
        let open = Anchor::open(share, folder).map_err(|error| DiskError::of_path("opening the folder", &path, error));
        let (anchor, dir) = open?;
        Ok(Self::new(path, dir, Some(anchor), transfer))
    }

    fn new(path: PathBuf, dir: Dir, anchor: Option<Anchor>, transfer: TransferId) -> Self {
        Self {
            path,
            root: Arc::new(Folder { dir, path: PathBuf::new(), new: false }),
            recent: RecentFolders::default(),
            anchor,
            partials_name: format!(".shoal-{transfer}"),
            partials: Mutex::default(),
            unsynced: Mutex::default(),
        }
    }

    /// That the folder in a share is still where it was: what was moved out of the share, or has a link in its place, gets no more files.
    ///
    /// # Errors
    /// [`DiskError::CannotWrite`]: it goes on when the folder is there again.
    pub(super) fn check(&self) -> Result<(), DiskError> {
        let Some(anchor) = &self.anchor else { return Ok(()) };
        anchor.check().map_err(|error| DiskError::moved(&self.path, &error))
    }

    /// It has to stay where it was: it is a place in a share.
    pub(super) const fn is_anchored(&self) -> bool {
        self.anchor.is_some()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder itself.
    #[cfg(not(unix))]
    pub(super) fn root(&self) -> &Dir {
        &self.root.dir
    }

    /// Opens the folder of a transfer, made with those above it when missing. Returns where it is, relative to the target.
    ///
    /// # Errors
    /// It cannot be made or opened, or no name is free for it.
    pub(crate) fn folder(&self, path: &RelativePath) -> Result<PathBuf, DiskError> {
        Ok(self.enter(path.as_str())?.path.clone())
    }

    /// There is a folder to which `path` leads.
    pub(crate) fn has_folder(&self, path: &RelativePath) -> bool {
        matches!(self.look_up(path.as_str(), false), Ok(Some(_)))
    }

    /// The regular file under the name that `path` would get, if there is one and it can be read.
    pub(crate) fn existing(&self, path: &RelativePath) -> Option<Existing> {
        let (parent, name) = split(path.as_str());
        let folder = self.look_up(parent, false).ok()??;
        let name = names_for(name).next()?;
        // Asked first, so that no pipe or device is opened.
        let is_there = folder.dir.symlink_metadata(&name).is_ok_and(|metadata| metadata.is_file());
        (is_there && self.means(&folder, &name)).then_some(())?;
        let file = open_file(&folder.dir, &name, OpenOptions::new().read(true)).ok()?;
        Some(Existing { key: FileKey::of(&file).ok()?, file, path: self.path().join(&folder.path).join(&name) })
    }

    /// A regular file of this very size and time under one of the names beside its own that `path` would get: it came before, and
    /// its record was lost, as in a kill.
    pub(crate) fn existing_beside(&self, path: &RelativePath, size: u64, modified: SystemTime) -> Option<Existing> {
        let (parent, name) = split(path.as_str());
        let folder = self.look_up(parent, false).ok()??;
        let beside = names_for(name).skip(1).take(MAX_COPIES_LOOKED_AT);
        let there = beside.map_while(|name| Some((folder.dir.symlink_metadata(&name).ok()?, name)));
        let (_, name) = there.into_iter().find(|(metadata, name)| {
            let same_time = metadata.modified().is_ok_and(|time| time.into_std() == modified);
            metadata.is_file() && metadata.len() == size && same_time && self.means(&folder, name)
        })?;
        let file = open_file(&folder.dir, &name, OpenOptions::new().read(true)).ok()?;
        Some(Existing { key: FileKey::of(&file).ok()?, file, path: self.path().join(&folder.path).join(&name) })
    }

    /// The folder of `path` was made for this transfer, a moment ago: there is no older copy in it to look for.
    pub(crate) fn is_in_new_folder(&self, path: &RelativePath) -> bool {
        self.recent.get(split(path.as_str()).0).is_some_and(|folder| folder.new)
    }

    /// Removes the transfer's partial files and their folder.
    ///
    /// # Errors
    /// Something of it could not be removed.
    pub(crate) fn remove_partials(&self) -> Result<(), DiskError> {
        // Closed first: Windows removes no folder that is open.
        self.forget_partials();
        let name = &self.partials_name;
        let gone = match self.root.dir.symlink_metadata(name) {
            Ok(metadata) if metadata.is_dir() => self.root.dir.remove_dir_all(name),
            // Not ours.
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        match gone {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DiskError::of("removing", name, error)),
            _ => Ok(()),
        }
    }

    /// The folder for partial files, made when missing.
    pub(super) fn partials(&self) -> Result<Arc<Partials>, DiskError> {
        let mut partials = self.partials.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*partials {
            return Ok(Arc::clone(open));
        }
        let name = &self.partials_name;
        let opened = match enter_child(&self.root.dir, name.as_ref(), Some(&private_folder())) {
            Ok(Child::Folder { dir, made: false }) => Ok(dir),
            Ok(Child::Folder { dir, made: true }) => sync_folder(&self.root.dir).map(|()| dir),
            Ok(Child::Absent) => Err(io::ErrorKind::NotFound.into()),
            Ok(Child::Occupied) => return Err(DiskError::escapes(name)),
            Err(error) => Err(error),
        };
        let opened = opened.and_then(|dir| {
            let drive = WholeDrive::of(&dir)?;
            Ok(Arc::new(Partials { dir, path: self.path.join(name), drive }))
        });
        let open = opened.map_err(|error| DiskError::of("making the folder", name, error))?;
        *partials = Some(Arc::clone(&open));
        Ok(open)
    }

    /// Closes the folders kept open: one of them is no longer where it was.
    pub(super) fn forget_folders(&self) {
        self.recent.clear();
    }

    /// Closes the hidden folder: it is no longer where it was.
    pub(super) fn forget_partials(&self) {
        *self.partials.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The name in other folders for a file that is copied there and not yet whole.
    pub(super) fn temporary_name(&self, entry: EntryIndex) -> OsString {
        format!("{}-{}", self.partials_name, entry.0).into()
    }

    /// The folder that a peer calls `key` (empty: the target itself), made when missing.
    pub(super) fn enter(&self, key: &str) -> Result<Arc<Folder>, DiskError> {
        self.look_up(key, true)?.ok_or_else(|| DiskError::of("making the folder", key, io::ErrorKind::NotFound.into()))
    }

    fn look_up(&self, key: &str, make: bool) -> Result<Option<Arc<Folder>>, DiskError> {
        if key.is_empty() {
            return Ok(Some(Arc::clone(&self.root)));
        }
        if let Some(folder) = self.recent.get(key) {
            return Ok(Some(folder));
        }
        let (parent_key, name) = split(key);
        let Some(parent) = self.look_up(parent_key, make)? else { return Ok(None) };
        let builder = make.then(DirBuilder::new);
        for name in names_for(name) {
            let child = enter_child(&parent.dir, &name, builder.as_ref());
            match child.map_err(|error| DiskError::of("opening the folder", key, error))? {
                // Another spelling of its name, by which it could be one that the share leaves out.
                Child::Folder { made: false, .. } if !self.means(&parent, &name) => {}
                Child::Folder { dir, made } => {
                    if made {
                        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner).insert(parent_key.into());
                    }
                    let folder = Arc::new(Folder { dir, path: parent.path.join(&name), new: made });
                    self.recent.put(key, Arc::clone(&folder));
                    return Ok(Some(folder));
                }
                Child::Absent => return Ok(None),
                Child::Occupied => {}
            }
        }
        Err(DiskError::escapes(key))
    }

    /// In a share, a name means only what is called exactly so.
    fn means(&self, folder: &Folder, name: &OsStr) -> bool {
        self.anchor.is_none() || is_called(&folder.dir, name).is_ok()
    }

    /// Makes the folders durable that were made since the last time.
    pub(super) fn sync_new_folders(&self) -> Result<(), DiskError> {
        // Held to the end: who finds the list empty may rely on it.
        let mut unsynced = self.unsynced.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(key) = unsynced.first().cloned() {
            // A folder that was removed meanwhile needs no sync.
            if let Some(folder) = self.look_up(&key, false)? {
                sync_folder(&folder.dir).map_err(|error| DiskError::of("syncing the folder", &key, error))?;
            }
            unsynced.remove(&key);
        }
        Ok(())
    }
}

/// The names on this disk that a component may get: its own, then the numbered ones beside it.
pub(super) fn names_for(component: &str) -> impl Iterator<Item = OsString> {
    let own = Rules::HERE.map(component).name;
    (1..=MAX_NAMES_TRIED).map(move |n| to_os(&if n == 1 { own.clone() } else { beside(&own, n) }))
}

/// What stands under a name where a folder is wanted.
enum Child {
    Folder {
        dir: Dir,
        made: bool,
    },
    Absent,
    /// A link, a file: nothing to go through.
    Occupied,
}

fn enter_child(parent: &Dir, name: &OsStr, make: Option<&DirBuilder>) -> io::Result<Child> {
    let mut made = false;
    for _ in 0..MAX_ATTEMPTS {
        let error = match parent.open_dir_nofollow(name) {
            Ok(dir) => return Ok(Child::Folder { dir, made }),
            Err(error) => error,
        };
        if error.kind() == io::ErrorKind::NotFound {
            let Some(builder) = make else { return Ok(Child::Absent) };
            match parent.create_dir_with(name, builder) {
                Ok(()) => made = true,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            continue;
        }
        match parent.symlink_metadata(name) {
            // Some systems call a link that may not be followed "too many links", others "not a folder": so look.
            Ok(metadata) if !metadata.is_dir() => return Ok(Child::Occupied),
            // It is a folder now and was something else when it was opened.
            Ok(_) if error.kind() != io::ErrorKind::PermissionDenied => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            _ => return Err(error),
        }
    }
    Ok(Child::Occupied)
}

/// A folder that only this user enters: nobody else reads or changes what is not verified yet.
fn private_folder() -> DirBuilder {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    {
        use cap_std::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder
}

/// Makes a folder and those above it, and each new one durable.
fn make_durably(path: &Path) -> io::Result<()> {
    let missing = path.ancestors().take_while(|ancestor| !ancestor.exists()).count();
    std::fs::create_dir_all(path)?;
    for parent in path.ancestors().skip(1).take(missing) {
        sync_folder(&Dir::open_ambient_dir(parent, ambient_authority())?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
