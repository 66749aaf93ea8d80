//! How a file gets its final name: verified → times and bits set → synced → renamed, never over anything → the folder synced.
//!
//! The order is the promise: whoever sees a file under its final name sees all of its bytes, after a power cut too. Verifying
//! comes before and is the caller's part.

use super::{
    disk::DiskError,
    file_key::FileKey,
    folders::{Folder, open_file, split},
    mark::mark,
    partial::file_name,
    place::place,
    sync::FolderSyncs,
    target::{Partials, Target},
};
use cap_std::fs::OpenOptions;
use shoal_proto::{RelativePath, manifest::EntryIndex};
use std::{
    collections::BTreeSet,
    fs::File,
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Up to here a batch is synced file by file: syncing a whole drive waits for what others write there, too.
const MIN_FOR_WHOLE_DRIVE: usize = 5;

/// A file whose bytes are verified, and what it is to become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready<'a> {
    /// Which partial file.
    pub(crate) entry: EntryIndex,
    /// Where it goes, as the sender calls it.
    pub(crate) path: &'a RelativePath,
    /// Size in bytes.
    pub(crate) size: u64,
    /// May be run as a program.
    pub(crate) executable: bool,
    /// Last modification.
    pub(crate) modified: SystemTime,
    /// What [`super::partial::write_small`] said: it has its times and bits, and needs nothing more but a sync.
    pub(crate) key: Option<FileKey>,
}

/// What to do when the name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clash {
    /// The new file becomes `name (2).ext`, or the next number that is free.
    KeepBoth,
    /// The old file goes to the system's trash. Only files: a folder or link of that name stays, and both are kept.
    Replace,
}

/// What became of a name that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was free.
    Free,
    /// Both are there.
    KeptBoth,
    /// The old file lies in the trash.
    Replaced,
    /// The old file was to go to the trash, and could not: both are there.
    NotReplaced {
        /// What the system said.
        reason: String,
    },
}

/// A file in its place.
#[derive(Debug)]
pub(crate) struct Placed {
    /// Where, relative to the target, with the names that the disk has.
    pub(crate) path: PathBuf,
    /// Its identity and version.
    pub(crate) key: FileKey,
    /// What became of a clash.
    pub(crate) outcome: Outcome,
}

/// Gives files their names; many small ones with a few syncs for all of them. The answers are in the order of `files`.
///
/// Nothing is held open for each file: a batch may be larger than the limit of descriptors. None of the partial files may be open
/// (Windows renames no open file). Where a file fails, its partial file is kept for another try, except after
/// [`DiskError::SyncFailed`] and [`DiskError::Altered`].
pub(crate) fn commit_batch(target: &Target, files: &[Ready<'_>], clash: Clash) -> Vec<Result<Placed, DiskError>> {
    let partials = match target.check().and_then(|()| target.partials()) {
        Ok(partials) => partials,
        Err(error) => return files.iter().map(|_| Err(error.clone())).collect(),
    };
    let folders: BTreeSet<_> = files.iter().map(|file| split(file.path.as_str()).0).collect();
    let mut syncs = FolderSyncs::new(&partials.drive, folders.len());

    let mut answers = Vec::with_capacity(files.len());
    for (index, (file, durable)) in files.iter().zip(make_durable(&partials, files)).enumerate() {
        answers.push(durable.and_then(|key| place(target, &partials, file, key, clash)).map(|in_place| {
            syncs.add(in_place.folder, in_place.elsewhere, index);
            in_place.placed
        }));
    }
    let new_folders = target.sync_new_folders();
    for (index, error) in syncs.finish() {
        if let (Some(answer @ Ok(_)), Some(file)) = (answers.get_mut(index), files.get(index)) {
            *answer = Err(DiskError::sync_failed(file.path.as_str(), &error));
        }
    }
    if let Err(error) = new_folders {
        answers.iter_mut().filter(|answer| answer.is_ok()).for_each(|answer| *answer = Err(error.clone()));
    }
    answers
}

/// Sets a folder's times. Last of all, and the deepest folder first: whatever is put into a folder changes them.
/// Returns where it is, relative to the target.
///
/// # Errors
/// The folder cannot be opened or made.
pub(crate) fn commit_folder(target: &Target, path: &RelativePath, modified: SystemTime) -> Result<PathBuf, DiskError> {
    target.check()?;
    let folder = target.enter(path.as_str())?;
    target.sync_new_folders()?;
    // Whoever adds to a share changes nothing that was there before.
    if folder.new || !target.is_anchored() {
        courtesy("times", &folder.path, set_folder_time(target, &folder, modified));
    }
    Ok(folder.path.clone())
}

/// Unix opens a folder like a file. (cap-std's own call would panic at times before 1970, which a peer may send.)
#[cfg(unix)]
fn set_folder_time(_: &Target, folder: &Folder, modified: SystemTime) -> io::Result<()> {
    File::from(super::sync::readable(&folder.dir)?).set_modified(modified)
}

/// Windows opens a folder for its times through the one that holds it. Times before 1970 become 1970: see above.
#[cfg(not(unix))]
fn set_folder_time(target: &Target, folder: &Folder, modified: SystemTime) -> io::Result<()> {
    use cap_fs_ext::{DirExt, SystemTimeSpec};
    let modified = modified.max(SystemTime::UNIX_EPOCH);
    let modified = SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(modified));
    target.root().set_symlink_times(&folder.path, None, Some(modified))
}

/// Brings the bytes of files to the disk, dressed as they are to be.
fn make_durable(partials: &Partials, files: &[Ready<'_>]) -> Vec<Result<FileKey, DiskError>> {
    if files.len() < MIN_FOR_WHOLE_DRIVE {
        return files.iter().map(|file| prepare(partials, file, true)).collect();
    }
    let prepared: Vec<_> = files.iter().map(|file| file.key.map_or_else(|| prepare(partials, file, false), Ok)).collect();
    match partials.drive.sync() {
        Some(Ok(())) => prepared,
        // Whose bytes were lost is not told, so nobody's count.
        Some(Err(error)) => files.iter().map(|file| Err(start_over(partials, file, &error))).collect(),
        None => files.iter().map(|file| prepare(partials, file, true)).collect(),
    }
}

/// Sets what a file is to have besides its bytes, and with `sync` brings it to the disk. Its key stays the same from here on.
fn prepare(partials: &Partials, ready: &Ready<'_>, sync: bool) -> Result<FileKey, DiskError> {
    let name = file_name(ready.entry);
    let file = match open_file(&partials.dir, &name, OpenOptions::new().read(true).write(true)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(DiskError::altered(ready.path.as_str())),
        opened => opened.map_err(|error| failed(ready, error))?,
    };
    if file.metadata().map_err(|error| failed(ready, error))?.len() != ready.size {
        return Err(DiskError::altered(ready.path.as_str()));
    }
    dress(&file, &partials.path.join(name), ready);
    if sync {
        file.sync_all().map_err(|error| start_over(partials, ready, &error))?;
    }
    FileKey::of(&file).map_err(|error| failed(ready, error))
}

pub(super) fn failed(ready: &Ready<'_>, error: io::Error) -> DiskError {
    DiskError::of("finishing", ready.path.as_str(), error)
}

/// After a failed sync the bytes in memory look right and those on the disk are unknown: the file goes.
fn start_over(partials: &Partials, ready: &Ready<'_>, error: &io::Error) -> DiskError {
    if let Err(error) = partials.dir.remove_file(file_name(ready.entry)) {
        tracing::warn!(%error, entry = ready.entry.0, "a partial file that counts no more cannot be removed");
    }
    DiskError::sync_failed(ready.path.as_str(), error)
}

/// Bit, mark and times; the times last, since the others may change them. `path` is where the file is now.
pub(super) fn dress(file: &File, path: &Path, ready: &Ready<'_>) {
    if ready.executable {
        courtesy("the executable bit", path, make_executable(file));
    }
    courtesy("the mark of the web", path, mark(file, path));
    courtesy("times", path, file.set_modified(ready.modified));
}

/// Whoever may read it may run it.
fn make_executable(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mut permissions = file.metadata()?.permissions();
        let mode = permissions.mode();
        permissions.set_mode(mode | (mode & 0o444) >> 2);
        file.set_permissions(permissions)?;
    }
    let _ = file;
    Ok(())
}

/// Times, bits and marks that a filesystem cannot hold (FAT has no bits and no year before 1980) do not keep a file from
/// arriving.
fn courtesy(what: &str, path: &Path, set: io::Result<()>) {
    if let Err(error) = set {
        tracing::debug!(%error, path = %path.display(), "the drive does not take {what}");
    }
}

#[cfg(test)]
mod tests;
