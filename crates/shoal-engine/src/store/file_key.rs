//! What tells one version of a file from another without reading it.

use std::{
    fs::{File, Metadata},
    io,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// A file's identity and version on this machine. Together with its path it is the key of cached hashes: as long as it stays the
/// same, the content is taken to be the same.
///
/// What it cannot see: a change that keeps size, time (to the drive's resolution) and place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileKey {
    /// Size in bytes.
    pub(crate) size: u64,
    /// Last modification, in nanoseconds since 1970 UTC, cut to what 64 bits hold.
    pub(crate) modified: i64,
    /// The drive, as the system numbers it.
    pub(crate) device: u64,
    /// The file's number on its drive.
    pub(crate) inode: u64,
}

impl FileKey {
    /// The key of an open file.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        #[cfg(unix)]
        let (device, inode) = {
            use std::os::unix::fs::MetadataExt;
            (metadata.dev(), metadata.ino())
        };
        #[cfg(windows)]
        let (device, inode) = {
            use cap_fs_ext::MetadataExt;
            // The standard library keeps these two to itself on stable Rust.
            let by_handle = cap_std::fs::Metadata::from_file(file)?;
            (by_handle.dev(), by_handle.ino())
        };
        Ok(Self { size: metadata.len(), modified: modified_nanos(&metadata)?, device, inode })
    }

    /// The key of what stands at `path`; a link is not followed.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let metadata = std::fs::symlink_metadata(path)?;
            let modified = modified_nanos(&metadata)?;
            Ok(Self { size: metadata.len(), modified, device: metadata.dev(), inode: metadata.ino() })
        }
        #[cfg(windows)]
        {
            use std::os::windows::fs::OpenOptionsExt;
            const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
            Self::of(&File::options().read(true).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(path)?)
        }
    }

    /// The key as it is kept in a database.
    pub(crate) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let parts = [self.size, self.modified.cast_unsigned(), self.device, self.inode];
        for (place, part) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(parts) {
            *place = part.to_le_bytes();
        }
        bytes
    }

    /// Both name the same file, whatever its version.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        // 0 is what systems say that have no such number.
        self.inode != 0 && (self.device, self.inode) == (other.device, other.inode)
    }
}

fn modified_nanos(metadata: &Metadata) -> io::Result<i64> {
    metadata.modified().map(nanos)
}

/// A time as [`FileKey::modified`] has it.
pub(crate) fn nanos(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    /// Times here are whole tenths of a microsecond: Windows knows no finer ones.
    #[test]
    fn a_change_of_size_or_time_changes_the_key_and_a_rename_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "one").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_700)).unwrap();
        let key = FileKey::of(&file).unwrap();
        assert_eq!((key.size, key.modified), (3, 1_700_000_000_123_456_700));

        std::fs::rename(&path, folder.path().join("b")).unwrap();
        assert_eq!(FileKey::at(&folder.path().join("b")).unwrap(), key);

        file.set_modified(UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_800)).unwrap();
        let touched = FileKey::of(&file).unwrap();
        assert!(touched != key && touched.is_same_file(&key));
        assert!(touched.to_bytes() != key.to_bytes() && key.to_bytes().ends_with(&key.inode.to_le_bytes()));
        std::fs::write(folder.path().join("c"), "one").unwrap();
        assert!(!FileKey::at(&folder.path().join("c")).unwrap().is_same_file(&key));
    }

    #[test]
    fn times_before_1970_and_beyond_64_bits_are_kept_or_cut() {
        assert_eq!(nanos(UNIX_EPOCH - Duration::from_nanos(500)), -500);
        assert_eq!(nanos(UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX) * 8)), i64::MAX);
    }
}
