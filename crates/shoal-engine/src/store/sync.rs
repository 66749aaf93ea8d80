//! Bringing to the disk what was written, and hearing it when that fails.
//!
//! A failed sync is told once. After that the system holds the lost bytes for clean, so a second try succeeds and means nothing
//! (Linux: "errseq", `Documentation/filesystems/vfs.rst`). Callers therefore never try again; they start the file anew.

use cap_std::fs::Dir;
use std::io;

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
