//! Bringing to the disk what was written, and hearing it when that fails.
//!
//! A failed sync is told once. After that the system holds the lost bytes for clean, so a second try succeeds and means nothing
//! (Linux: "errseq", `Documentation/filesystems/vfs.rst`). Callers therefore never try again; they start the file anew.

use super::folders::Folder;
use cap_std::fs::Dir;
use std::{io, sync::Arc};

/// Most folders that a batch holds open until it syncs them; where more are to be synced, the whole drive is, if that can be had.
const MAX_FOLDERS_WAITING: usize = 16;

/// Makes renames and new names in a folder durable.
///
/// Windows has no such call; NTFS and ReFS journal names by themselves.
pub(super) fn sync_folder(dir: &Dir) -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        match rustix::fs::fsync(readable(dir)?) {
            // Some network and FUSE filesystems have no sync of folders, and say so.
            Err(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
    #[cfg(not(unix))]
    {
        let _ = dir;
        Ok(())
    }
}

/// The same folder, opened for more than passing through: cap-std keeps folders as `O_PATH`, which can't be synced.
#[cfg(unix)]
fn readable(dir: &Dir) -> io::Result<rustix::fd::OwnedFd> {
    use rustix::fs::{Mode, OFlags};
    Ok(rustix::fs::openat(dir, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Syncs the whole filesystem at once: for many small files far faster than one by one. Linux only.
///
/// Opened before the first byte is written, because an error is told only to descriptors that are older than it.
#[derive(Debug)]
pub(super) struct WholeDrive {
    /// `None` after a failure, which this descriptor has then told to one caller only.
    #[cfg(target_os = "linux")]
    trusted: std::sync::Mutex<Option<rustix::fd::OwnedFd>>,
}

impl WholeDrive {
    /// The filesystem that holds `dir`.
    pub(super) fn of(dir: &Dir) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        return Ok(Self { trusted: std::sync::Mutex::new(Some(readable(dir)?)) });
        #[cfg(not(target_os = "linux"))]
        {
            let _ = dir;
            Ok(Self {})
        }
    }

    /// It can be synced whole, as far as is known.
    fn is_trusted(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.trusted.lock().unwrap_or_else(std::sync::PoisonError::into_inner).is_some();
        #[cfg(not(target_os = "linux"))]
        false
    }

    /// Everything written to it so far is on the disk. `None`: not to be had, sync file by file.
    pub(super) fn sync(&self) -> Option<io::Result<()>> {
        #[cfg(target_os = "linux")]
        {
            let mut trusted = self.trusted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let answer = rustix::fs::syncfs(trusted.as_ref()?);
            if answer.is_err() {
                *trusted = None;
            }
            Some(answer.map_err(Into::into))
        }
        #[cfg(not(target_os = "linux"))]
        None
    }
}

/// Folders that got names, in one batch, and are to be synced, each once.
pub(super) struct FolderSyncs<'a> {
    /// Set when it is to be synced whole.
    drive: Option<&'a WholeDrive>,
    /// All that count on `drive`.
    on_drive: Vec<usize>,
    /// Folders that are synced by themselves, with those that count on each.
    waiting: Vec<(Arc<Folder>, Vec<usize>)>,
    failed: Vec<(usize, String)>,
}

impl<'a> FolderSyncs<'a> {
    /// For about `folders` folders on `drive`.
    pub(super) fn new(drive: &'a WholeDrive, folders: usize) -> Self {
        let drive = (folders > MAX_FOLDERS_WAITING && drive.is_trusted()).then_some(drive);
        Self { drive, on_drive: Vec::new(), waiting: Vec::new(), failed: Vec::new() }
    }

    /// The file at `index` of the batch got its name in `folder`; `elsewhere`: that is not on the drive.
    pub(super) fn add(&mut self, folder: Arc<Folder>, elsewhere: bool, index: usize) {
        if self.drive.is_some() && !elsewhere {
            return self.on_drive.push(index);
        }
        match self.waiting.iter_mut().find(|(waiting, _)| Arc::ptr_eq(waiting, &folder)) {
            Some((_, files)) => files.push(index),
            None => self.waiting.push((folder, vec![index])),
        }
        if self.waiting.len() >= MAX_FOLDERS_WAITING {
            self.sync_waiting();
        }
    }

    /// Syncs all. Returns the files whose names are not durable, with what the system said.
    pub(super) fn finish(mut self) -> Vec<(usize, String)> {
        self.sync_waiting();
        if let Some(drive) = self.drive {
            let error = match drive.sync() {
                Some(Ok(())) => return self.failed,
                Some(Err(error)) => error.to_string(),
                None => "another sync of this drive failed".to_owned(),
            };
            self.failed.extend(self.on_drive.iter().map(|index| (*index, error.clone())));
        }
        self.failed
    }

    fn sync_waiting(&mut self) {
        for (folder, files) in self.waiting.drain(..) {
            if let Err(error) = sync_folder(&folder.dir) {
                self.failed.extend(files.into_iter().map(|index| (index, error.to_string())));
            }
        }
    }
}
