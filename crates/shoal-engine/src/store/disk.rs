//! What can go wrong on a disk, sorted by what a person or the transfer can do about it; and how much room a drive has.

use shoal_proto::display::shown;
use std::{
    fmt::Display,
    io,
    path::{Path, PathBuf},
};

/// Why something was not written. Each text is one sentence for people and names the file, safe to print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DiskError {
    /// The drive, or what this user may use of it, is full. Goes on when there is room.
    #[error("there is no room left on the drive for {name}")]
    NoSpace {
        /// The file.
        name: String,
    },
    /// The system does not let this user write there.
    #[error("{name} cannot be written: {reason}")]
    CannotWrite {
        /// The file or folder.
        name: String,
        /// What the system said.
        reason: String,
    },
    /// A link, or something else that is no folder, stands where a folder is needed, and no free name was found beside it.
    #[error("{name} is a link or not a folder: nothing is written there")]
    Escapes {
        /// What stands in the way.
        name: String,
    },
    /// The system could not say that the bytes are on the disk. The partial file is gone: nothing of it counts as verified.
    #[error("{name} could not be brought to the disk safely ({reason}): it has to be received again")]
    SyncFailed {
        /// The file.
        name: String,
        /// What the system said.
        reason: String,
    },
    /// What was received is not there as it was left. Nothing of it counts as verified.
    #[error("what was received of {name} was changed or removed by something else: it has to be received again")]
    Altered {
        /// The file.
        name: String,
    },
    /// Everything else.
    #[error("{what} {name} failed: {reason}")]
    Io {
        /// What was done, as in "writing".
        what: &'static str,
        /// The file or folder.
        name: String,
        /// What the system said.
        reason: String,
    },
}

impl DiskError {
    /// Sorts an error of the system. `name` is a path as it came or as it lies on the disk; it is made safe to print here.
    pub(crate) fn of(what: &'static str, name: &str, source: io::Error) -> Self {
        let name = shown(name);
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::NoSpace { name },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::CannotWrite { name, reason: source.to_string() }
            }
            _ => Self::Io { what, name, reason: source.to_string() },
        }
    }

    /// As [`DiskError::of`], for a path of this machine.
    pub(crate) fn of_path(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::of(what, &path.to_string_lossy(), source)
    }

    pub(super) fn escapes(name: &str) -> Self {
        Self::Escapes { name: shown(name) }
    }

    /// A folder that has to stay where it is did not.
    pub(super) fn moved(path: &Path, reason: &impl Display) -> Self {
        Self::CannotWrite { name: shown(&path.to_string_lossy()), reason: reason.to_string() }
    }

    pub(crate) fn altered(name: &str) -> Self {
        Self::Altered { name: shown(name) }
    }

    pub(super) fn sync_failed(name: &str, reason: &impl Display) -> Self {
        Self::SyncFailed { name: shown(name), reason: reason.to_string() }
    }

    /// The transfer can go on by itself once circumstances change (room on the drive, rights).
    pub(crate) fn is_obstacle(&self) -> bool {
        matches!(self, Self::NoSpace { .. } | Self::CannotWrite { .. })
    }
}

/// Bytes that this user may still write on the drive of `path`, or of its nearest ancestor that exists.
///
/// # Errors
/// What the system said about that ancestor.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let path: PathBuf = std::path::absolute(path)?;
    for ancestor in path.ancestors() {
        match fs4::available_space(ancestor) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            answer => return answer,
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn errors_are_sorted_by_what_can_be_done_and_name_the_file() {
        let of = |kind: io::ErrorKind| DiskError::of("writing", "a/b.txt", kind.into());
        assert!(matches!(of(io::ErrorKind::StorageFull), DiskError::NoSpace { .. }));
        assert!(matches!(of(io::ErrorKind::QuotaExceeded), DiskError::NoSpace { .. }));
        assert!(matches!(of(io::ErrorKind::FileTooLarge), DiskError::NoSpace { .. }));
        assert!(matches!(of(io::ErrorKind::PermissionDenied), DiskError::CannotWrite { .. }));
        assert!(matches!(of(io::ErrorKind::ReadOnlyFilesystem), DiskError::CannotWrite { .. }));
        assert!(matches!(of(io::ErrorKind::Other), DiskError::Io { .. }));
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::PermissionDenied, io::ErrorKind::Other] {
            assert!(of(kind).to_string().contains("a/b.txt"));
        }
        assert!(of(io::ErrorKind::StorageFull).is_obstacle() && !of(io::ErrorKind::Other).is_obstacle());
    }

    #[cfg(unix)]
    #[test]
    fn the_codes_of_the_system_have_the_kinds_that_are_looked_for() {
        use rustix::io::Errno;
        let of = |errno: Errno| DiskError::of("writing", "a", io::Error::from_raw_os_error(errno.raw_os_error()));
        for full in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG] {
            assert!(matches!(of(full), DiskError::NoSpace { .. }), "{full}");
        }
        for refused in [Errno::ACCESS, Errno::PERM, Errno::ROFS] {
            assert!(matches!(of(refused), DiskError::CannotWrite { .. }), "{refused}");
        }
    }

    #[test]
    fn free_space_is_that_of_the_nearest_folder_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        let here = free_space(folder.path()).unwrap();
        let below = free_space(&folder.path().join("not/yet/there")).unwrap();
        assert!(here > 0 && here.abs_diff(below) < 1 << 30, "{here} {below}");
    }
}
