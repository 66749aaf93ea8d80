//! Files on their way: what has arrived of them, at its place, in the transfer's hidden folder.
//!
//! Which ranges of a partial file are verified is kept elsewhere (`database`). This module tells when there is nothing left that
//! such a record could speak of ([`Partial::exists`]).

use super::{
    commit::{Ready, dress},
    disk::DiskError,
    file_key::FileKey,
    folders::open_file,
    sync::sync_folder,
    target::{Partials, Target},
};
use cap_std::fs::OpenOptions;
use shoal_proto::{RelativePath, manifest::EntryIndex};
use std::{
    fs::File,
    io,
    sync::{Arc, Mutex, PoisonError},
};

/// A file of several pieces that is being received. Writes may come from several threads, to different places.
#[derive(Debug)]
pub(crate) struct Partial {
    file: File,
    name: Box<str>,
    new: bool,
    /// The folder in which its name is not durable yet.
    unsynced: Mutex<Option<Arc<Partials>>>,
}

impl Partial {
    /// Opens what there is of an entry, or makes an empty file of `size` bytes that takes no room yet (where the filesystem has
    /// sparse files).
    ///
    /// # Errors
    /// The hidden folder or the file cannot be made, or is not what it should be.
    pub(crate) fn open(target: &Target, entry: EntryIndex, path: &RelativePath, size: u64) -> Result<Self, DiskError> {
        let failed = |error| DiskError::of("opening", path.as_str(), error);
        let partials = target.partials()?;
        let (file, new) = match reopen(&partials, entry).map_err(failed)? {
            Some(file) => (file, false),
            None => (create(target, partials, &file_name(entry)).map_err(failed)?, true),
        };
        let unsynced = Mutex::new(if new { Some(target.partials()?) } else { None });
        if file.metadata().map_err(failed)?.len() != size {
            file.set_len(size).map_err(failed)?;
        }
        Ok(Self { file, name: path.as_str().into(), new, unsynced })
    }

    /// Whether there is anything of an entry. Where there is not, what is remembered of verified ranges is void, and must be
    /// forgotten for good before [`Partial::open`] makes a new file that would pass for the old one.
    ///
    /// # Errors
    /// The hidden folder cannot be made, or the file is not what it should be.
    pub(crate) fn exists(target: &Target, entry: EntryIndex, path: &RelativePath) -> Result<bool, DiskError> {
        let kept = reopen(&*target.partials()?, entry).map_err(|error| DiskError::of("opening", path.as_str(), error))?;
        Ok(kept.is_some())
    }

    /// Nothing was there: whatever is remembered of verified ranges is void.
    pub(crate) fn is_new(&self) -> bool {
        self.new
    }

    /// Writes `bytes`, which were verified, at `offset`.
    ///
    /// # Errors
    /// The drive is full or refuses.
    pub(crate) fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        write_all_at(&self.file, offset, bytes).map_err(|error| DiskError::of("writing", &self.name, error))
    }

    /// Everything written so far is on the disk. Only then may it be remembered as there.
    ///
    /// # Errors
    /// [`DiskError::SyncFailed`]: drop this and call [`remove`]; the entry starts over.
    pub(crate) fn sync(&self) -> Result<(), DiskError> {
        let failed = |error| DiskError::sync_failed(&self.name, &error);
        self.file.sync_data().map_err(failed)?;
        let mut unsynced = self.unsynced.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(partials) = &*unsynced {
            sync_folder(&partials.dir).map_err(failed)?;
        }
        *unsynced = None;
        Ok(())
    }
}

/// Writes a file of one piece whole, with its times and bits, and returns its key. What was there of it is dropped.
///
/// # Errors
/// As for [`Partial::open`] and [`Partial::write_at`].
pub(crate) fn write_small(target: &Target, ready: &Ready<'_>, bytes: &[u8]) -> Result<FileKey, DiskError> {
    let failed = |error| DiskError::of("writing", ready.path.as_str(), error);
    let (partials, name) = (target.partials()?, file_name(ready.entry));
    let path = partials.path.join(&name);
    let file = create(target, partials, &name).map_err(failed)?;
    write_all_at(&file, 0, bytes).map_err(failed)?;
    dress(&file, &path, ready);
    FileKey::of(&file).map_err(failed)
}

/// What there is of an entry, to be read; `None`: nothing, or it has its name already.
pub(crate) fn read(target: &Target, entry: EntryIndex) -> Option<File> {
    open_file(&target.partials().ok()?.dir, file_name(entry), OpenOptions::new().read(true)).ok()
}

/// Drops what there is of an entry, if anything.
///
/// # Errors
/// The drive refuses.
pub(crate) fn remove(target: &Target, entry: EntryIndex) -> Result<(), DiskError> {
    let name = file_name(entry);
    match target.partials()?.dir.remove_file(&name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DiskError::of("removing", &name, error)),
        _ => Ok(()),
    }
}

/// An entry's name in the hidden folder.
pub(super) fn file_name(entry: EntryIndex) -> String {
    entry.0.to_string()
}

/// Opens what there is of an entry, unless it has another name already.
fn reopen(partials: &Partials, entry: EntryIndex) -> io::Result<Option<File>> {
    match open_file(&partials.dir, file_name(entry), OpenOptions::new().read(true).write(true)) {
        Ok(file) => Ok(is_only_here(&file)?.then_some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes an empty partial file; one that is there loses its name, not its bytes (they may have a name elsewhere).
fn create(target: &Target, mut partials: Arc<Partials>, name: &str) -> io::Result<File> {
    let mut reopened = false;
    loop {
        let made = open_file(&partials.dir, name, OpenOptions::new().read(true).write(true).create_new(true));
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => partials.dir.remove_file(name)?,
            // The hidden folder itself was removed while it was open.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !reopened => {
                reopened = true;
                target.forget_partials();
                partials = target.partials().map_err(io::Error::other)?;
            }
            made => return made,
        }
    }
}

/// A partial file with a second name was committed by linking, and the process died before the first name was removed (or
/// somebody linked it): what is written to it would change the other.
fn is_only_here(file: &File) -> io::Result<bool> {
    #[cfg(unix)]
    let names = std::os::unix::fs::MetadataExt::nlink(&file.metadata()?);
    #[cfg(windows)]
    let names = cap_fs_ext::MetadataExt::nlink(&cap_std::fs::Metadata::from_file(file)?);
    Ok(names == 1)
}

#[cfg(unix)]
fn write_all_at(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = bytes.get(written..).unwrap_or_default();
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fills `bytes` from `offset` on, without moving the file's own position.
#[cfg(unix)]
pub(crate) fn read_exact_at(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

/// Fills `bytes` from `offset` on. It moves the file's own position, which nobody uses.
#[cfg(windows)]
pub(crate) fn read_exact_at(file: &File, mut offset: u64, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                bytes = bytes.get_mut(read..).unwrap_or_default();
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
