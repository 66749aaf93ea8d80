//! A look at what stands under a name, without opening it and without following a link.

use cap_std::fs::Dir;
use std::{ffi::OsStr, io, time::SystemTime};

/// Names do not tell what is hidden on this system.
pub(super) const HAS_MARKS: bool = cfg!(any(windows, target_os = "macos"));

/// `FILE_ATTRIBUTE_HIDDEN` and `FILE_ATTRIBUTE_SYSTEM`: <https://learn.microsoft.com/windows/win32/fileio/file-attribute-constants>.
#[cfg(windows)]
const HIDDEN: u32 = 0x2;
#[cfg(windows)]
const SYSTEM: u32 = 0x4;

/// Of `chflags(2)`.
#[cfg(target_os = "macos")]
const UF_HIDDEN: u32 = 0x8000;

/// What stands under a name.
pub(super) struct Found {
    pub(super) kind: FoundKind,
    pub(super) modified: SystemTime,
    /// Its number on its drive; 0 where the system does not say it without opening.
    pub(super) inode: u64,
    /// Marked as hidden or as the system's own, whatever its name.
    pub(super) hidden: bool,
}

pub(super) enum FoundKind {
    Folder,
    File { size: u64, executable: bool },
    Link,
    Special,
}

impl Found {
    /// Looks without following a link.
    #[cfg(unix)]
    pub(super) fn in_dir(dir: &Dir, name: &OsStr) -> io::Result<Self> {
        use rustix::fs::{AtFlags, FileType, statat};
        use std::time::{Duration, UNIX_EPOCH};

        // One call to the system, where cap-std's needs three; a name without a separator cannot leave its folder.
        let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let mode = stat.st_mode;
        let kind = match FileType::from_raw_mode(mode) {
            FileType::Directory => FoundKind::Folder,
            FileType::RegularFile => {
                FoundKind::File { size: u64::try_from(stat.st_size).unwrap_or(0), executable: mode & 0o111 != 0 }
            }
            FileType::Symlink => FoundKind::Link,
            _ => FoundKind::Special,
        };
        // The fields' types differ between systems.
        #[allow(clippy::unnecessary_cast)]
        let (seconds, nanos) = (stat.st_mtime as i64, stat.st_mtime_nsec as u32);
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let second = if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
        let modified = second.and_then(|second| second.checked_add(Duration::from_nanos(u64::from(nanos))));
        #[cfg(target_os = "macos")]
        let hidden = stat.st_flags & UF_HIDDEN != 0;
        #[cfg(not(target_os = "macos"))]
        let hidden = false;
        Ok(Self { kind, modified: modified.unwrap_or(UNIX_EPOCH), inode: stat.st_ino, hidden })
    }

    /// Looks without following a link.
    #[cfg(not(unix))]
    pub(super) fn in_dir(dir: &Dir, name: &OsStr) -> io::Result<Self> {
        let metadata = dir.symlink_metadata(name)?;
        let kind = if metadata.is_symlink() {
            FoundKind::Link
        } else if metadata.is_dir() {
            FoundKind::Folder
        } else if metadata.is_file() {
            FoundKind::File { size: metadata.len(), executable: false }
        } else {
            FoundKind::Special
        };
        #[cfg(windows)]
        let hidden = cap_std::fs::MetadataExt::file_attributes(&metadata) & (HIDDEN | SYSTEM) != 0;
        #[cfg(not(windows))]
        let hidden = false;
        Ok(Self { kind, modified: metadata.modified()?.into_std(), inode: 0, hidden })
    }

    /// What was given itself, links followed.
    pub(super) fn of_std(metadata: &std::fs::Metadata) -> io::Result<Self> {
        #[cfg(unix)]
        let executable = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
        #[cfg(not(unix))]
        let executable = false;
        let kind = if metadata.is_dir() {
            FoundKind::Folder
        } else if metadata.is_file() {
            FoundKind::File { size: metadata.len(), executable }
        } else {
            FoundKind::Special
        };
        // Whatever somebody chose is meant.
        Ok(Self { kind, modified: metadata.modified()?, inode: 0, hidden: false })
    }
}
