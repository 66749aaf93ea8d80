//! A folder into which others may look, and never out of it.
//!
//! Everything is opened from the folder itself, one name at a time, and no link is followed, so what a path means is settled by the
//! descriptors that are held: a folder that becomes a link while it is read is refused, and one that is moved out of the share meanwhile
//! was still reached through it. The folder itself is what a person chose, so links that lead to it are followed.

use super::{
    exact,
    file_key::nanos,
    folders::open_file,
    found::{Found, FoundKind, HAS_MARKS},
    names::{Names, Originals, from_disk, on_disk},
};
use cap_fs_ext::{DirExt, MetadataExt};
use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions},
};
use shoal_proto::{RelativePath, name::to_os, piece::checked_piece_count};
use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// A folder that may be looked into.
#[derive(Debug, Clone)]
pub(crate) struct Beneath {
    root: PathBuf,
}

/// A folder in it, or itself, open.
#[derive(Debug)]
pub(crate) struct Inside {
    dir: Dir,
}

/// What is there under a name, if it can be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its size in bytes; `None`: a folder.
    pub(crate) size: Option<u64>,
    /// May be run as a program.
    pub(crate) executable: bool,
    /// Last modification, in nanoseconds since 1970.
    pub(crate) modified: i64,
    /// Its number on its drive, or 0.
    pub(crate) inode: u64,
    /// Marked as hidden or as the system's own, where systems have such marks beside names.
    pub(crate) hidden: bool,
}

/// What a folder's list says of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    /// It has to be looked at.
    Unknown,
}

/// A folder's list.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    names: Names,
    /// Those that are not files: mostly the fewer.
    others: HashMap<OsString, Kind>,
}

impl Listed {
    /// By name: as it travels, as the disk has it, and what it is.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, OsString, Kind)> {
        (0..).map_while(|index| self.names.get(index)).map(|(name, real)| {
            let kind = self.others.get(&real).copied().unwrap_or(Kind::File);
            (name, real, kind)
        })
    }
}

impl Beneath {
    /// The folder at `root`, an absolute path.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where it is.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where something in it is, for a message or as a key. Not for opening.
    pub(crate) fn real_path(&self, path: &RelativePath) -> PathBuf {
        let mut real = self.root.clone();
        real.extend(path.components().map(to_os));
        real
    }

    /// Opens a folder in it; `None`: itself.
    ///
    /// # Errors
    /// It is not there, is no folder, or a link stands somewhere on the way.
    pub(crate) fn open(&self, path: Option<&RelativePath>) -> io::Result<Inside> {
        let mut inside = Inside { dir: Dir::open_ambient_dir(&self.root, ambient_authority())? };
        for component in path.iter().flat_map(|path| path.components()) {
            inside = inside.enter(component)?;
        }
        Ok(inside)
    }

    /// As [`Beneath::open`], where nothing on the way is marked as hidden.
    ///
    /// # Errors
    /// As [`Beneath::open`].
    pub(crate) fn open_unhidden(&self, path: Option<&RelativePath>) -> io::Result<Inside> {
        if !HAS_MARKS {
            return self.open(path);
        }
        let mut inside = self.open(None)?;
        for component in path.iter().flat_map(|path| path.components()) {
            inside.look_for(component).filter(|seen| !seen.hidden).ok_or(io::ErrorKind::NotFound)?;
            inside = inside.enter(component)?;
        }
        Ok(inside)
    }

    /// Opens a regular file in it for reading.
    ///
    /// # Errors
    /// As [`Beneath::open`], and when it is no regular file.
    pub(crate) fn open_file(&self, path: &RelativePath) -> io::Result<File> {
        let parent = self.open(path.parent().as_ref())?;
        on_disk(path.file_name(), |real| {
            parent.is_called(real)?;
            open_file(&parent.dir, real, OpenOptions::new().read(true))
        })
    }
}

impl Inside {
    /// Opens a folder in this one, which may not be a link.
    pub(crate) fn enter(&self, name: &str) -> io::Result<Self> {
        on_disk(name, |real| {
            self.is_called(real)?;
            Ok(Self { dir: self.dir.open_dir_nofollow(real)? })
        })
    }

    /// The names in it, sorted, as they travel, and what is under them as far as the list itself says. Such as cannot travel, and what is
    /// neither file nor folder, are left out.
    pub(crate) fn names(&self, originals: Originals<'_>) -> io::Result<Listed> {
        let mut listed = Listed::default();
        for entry in self.dir.entries()? {
            let entry = entry?;
            let real = entry.file_name();
            let kind = match entry.file_type() {
                // Marks are not in the list.
                Ok(kind) if HAS_MARKS && !kind.is_symlink() => Kind::Unknown,
                Ok(kind) if kind.is_file() => Kind::File,
                Ok(kind) if kind.is_dir() => Kind::Folder,
                Ok(kind) if kind.is_symlink() => continue,
                // Some filesystems do not say.
                _ => Kind::Unknown,
            };
            if let Ok(name) = from_disk(&real, originals) {
                if kind != Kind::File {
                    listed.others.insert(real.clone(), kind);
                }
                listed.names.add(name, real);
            }
        }
        // What is called on the disk as another file travels cannot be asked for.
        listed.names.sort();
        Ok(listed)
    }

    /// What is there under a name that the disk has; `None`: nothing that can be shared.
    pub(crate) fn look(&self, real: &OsStr) -> Option<Seen> {
        let found = Found::in_dir(&self.dir, real).ok()?;
        let (size, executable) = match found.kind {
            FoundKind::Folder => (None, false),
            FoundKind::File { size, executable } => {
                checked_piece_count(size)?;
                (Some(size), executable)
            }
            FoundKind::Link | FoundKind::Special => return None,
        };
        Some(Seen { size, executable, modified: nanos(found.modified), inode: found.inode, hidden: found.hidden })
    }

    /// As [`Inside::look`], by a name that travels.
    pub(crate) fn look_for(&self, name: &str) -> Option<Seen> {
        let look = |real: &OsStr| {
            self.is_called(real)?;
            self.look(real).ok_or_else(|| io::ErrorKind::NotFound.into())
        };
        on_disk(name, look).ok()
    }

    fn is_called(&self, real: &OsStr) -> io::Result<()> {
        is_called(&self.dir, real)
    }

    /// When the list of its names changed last, in nanoseconds since 1970.
    pub(crate) fn modified(&self) -> io::Result<i64> {
        Ok(nanos(self.dir.dir_metadata()?.modified()?.into_std()))
    }
}

/// That something in a folder has this very name. Where other spellings of a name lead to it, and short forms of long names, a path could
/// get past what its owner's patterns leave out.
pub(super) fn is_called(dir: &Dir, real: &OsStr) -> io::Result<()> {
    if exact::is_exact(dir) { Ok(()) } else { is_listed(dir, real) }
}

fn is_listed(dir: &Dir, real: &OsStr) -> io::Result<()> {
    for entry in dir.entries()? {
        if entry?.file_name() == real {
            return Ok(());
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// A folder in a share that is written to, and is to stay where it is meanwhile.
#[derive(Debug)]
pub(super) struct Anchor {
    share: Beneath,
    folder: Option<RelativePath>,
    /// Its drive and its number there.
    identity: (u64, u64),
}

impl Anchor {
    /// Opens the folder.
    ///
    /// # Errors
    /// As [`Beneath::open`].
    pub(super) fn open(share: Beneath, folder: Option<&RelativePath>) -> io::Result<(Self, Dir)> {
        let Inside { dir } = share.open(folder)?;
        Ok((Self { identity: identity(&dir)?, share, folder: folder.cloned() }, dir))
    }

    /// That the same folder is still there.
    ///
    /// # Errors
    /// It is not, or cannot be opened.
    pub(super) fn check(&self) -> io::Result<()> {
        let is_same = identity(&self.share.open(self.folder.as_ref())?.dir)? == self.identity;
        if is_same { Ok(()) } else { Err(io::Error::other("another folder is in its place")) }
    }
}

fn identity(dir: &Dir) -> io::Result<(u64, u64)> {
    let metadata = dir.dir_metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{
        io::Read,
        os::unix::fs::symlink,
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    fn path(text: &str) -> RelativePath {
        RelativePath::parse(text).unwrap()
    }

    /// A share at `share` beside a secret at `outside/secret`.
    fn scene() -> (tempfile::TempDir, Beneath) {
        let place = tempfile::tempdir().unwrap();
        for folder in ["share/a/b", "outside"] {
            std::fs::create_dir_all(place.path().join(folder)).unwrap();
        }
        std::fs::write(place.path().join("share/a/file"), "shared").unwrap();
        std::fs::write(place.path().join("outside/secret"), "secret").unwrap();
        let share = Beneath::new(place.path().join("share"));
        (place, share)
    }

    #[test]
    fn links_are_neither_seen_nor_followed_wherever_they_lead() {
        let (place, share) = scene();
        let at = |name: &str| place.path().join("share").join(name);
        symlink(place.path().join("outside"), at("folder")).unwrap();
        symlink("../outside/secret", at("file")).unwrap();
        symlink("a", at("inward")).unwrap();
        let inside = share.open(None).unwrap();
        let names = inside.names(&|_| None).unwrap();
        let seen: Vec<_> = names.iter().map(|(name, _, kind)| (name, kind)).collect();
        assert_eq!(seen, [("a", Kind::Folder)]);
        assert!(inside.look_for("file").is_none() && inside.look_for("folder").is_none() && inside.look_for("a").is_some());
        for outside in ["folder", "inward", "file"] {
            assert!(share.open(Some(&path(outside))).is_err(), "{outside}");
        }
        for outside in ["folder/secret", "file", "inward/file"] {
            assert!(share.open_file(&path(outside)).is_err(), "{outside}");
        }
        let mut text = String::new();
        share.open_file(&path("a/file")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "shared");
    }

    /// A folder and a link to the outside take turns under one name, while the file in it is read again and again.
    #[test]
    fn a_folder_that_becomes_a_link_while_it_is_read_shows_nothing_of_the_outside() {
        let (place, share) = scene();
        std::fs::write(place.path().join("outside/file"), "secret").unwrap();
        let (folder, link) = (place.path().join("share/a"), place.path().join("share/link"));
        symlink(place.path().join("outside"), &link).unwrap();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let swap = scope.spawn(|| {
                use rustix::fs::{CWD, RenameFlags, renameat_with};
                while !over.load(Ordering::Relaxed) {
                    renameat_with(CWD, &folder, CWD, &link, RenameFlags::EXCHANGE).unwrap();
                }
            });
            let (mut read, mut refused) = (0, 0);
            while (read < 200 || refused < 200) && read + refused < 200_000 {
                match share.open_file(&path("a/file")) {
                    Ok(mut file) => {
                        let mut text = String::new();
                        file.read_to_string(&mut text).unwrap();
                        assert_eq!(text, "shared");
                        read += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
            over.store(true, Ordering::Relaxed);
            swap.join().unwrap();
            assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
        });
    }

    #[test]
    fn only_the_very_name_is_listed() {
        let (_place, share) = scene();
        let inside = share.open(Some(&path("a"))).unwrap();
        let is_there = |name: &str| is_listed(&inside.dir, OsStr::new(name)).is_ok();
        assert!(is_there("file") && is_there("b"));
        assert!(!is_there("FILE") && !is_there("B") && !is_there("fil") && !is_there("FILE~1"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_pipe_is_no_file_and_is_not_waited_for() {
        let (place, share) = scene();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            place.path().join("share/pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        assert!(share.open(None).unwrap().look_for("pipe").is_none());
        assert!(share.open_file(&path("pipe")).is_err());
    }
}
