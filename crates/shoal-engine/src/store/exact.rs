//! Whether a name leads to one thing only in a folder: the filesystem decides, and sometimes the folder itself.
//!
//! vfat, exFAT, NTFS, CIFS and folders with the casefold mark take names in another case, vfat and NTFS short forms of long names too
//! (`SSH~1` for `.ssh`). What is not known to take a name as it is counts as one of them. So does ZFS, where this is a setting that cannot
//! be asked for.

use cap_std::fs::Dir;

/// Filesystems of Linux that take names as they are, but for folders with [`CASEFOLD`] (`statfs(2)`, `linux/magic.h`).
#[cfg(target_os = "linux")]
const EXACT: [u32; 6] = [
    0x0000_ef53, // ext2, ext3, ext4
    0x9123_683e, // btrfs
    0x5846_5342, // XFS
    0x0102_1994, // tmpfs
    0x794c_7630, // overlayfs
    0xf2f5_2010, // F2FS
];

/// A folder in which case makes no difference (`FS_CASEFOLD_FL` of `linux/fs.h`).
#[cfg(target_os = "linux")]
const CASEFOLD: u32 = 0x4000_0000;

/// What a name leads to in this folder has that very name.
#[cfg(target_os = "linux")]
pub(super) fn is_exact(dir: &Dir) -> bool {
    use rustix::{
        fs::{Mode, OFlags, fstatfs, ioctl_getflags, openat},
        io::Errno,
    };
    let Ok(filesystem) = fstatfs(dir) else { return false };
    // Open for reading, too: one that was only found does not tell its marks.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let marks = openat(dir, ".", flags, Mode::empty()).and_then(ioctl_getflags);
    let marks = match marks {
        Ok(marks) => Some(marks.bits()),
        // Those that have no marks say so, and have no casefold then.
        Err(Errno::NOTTY | Errno::OPNOTSUPP) => Some(0),
        Err(_) => None,
    };
    // The type's width differs between processors; the magic numbers have 32 bits.
    marks.is_some_and(|marks| takes_exactly(filesystem.f_type as u32, marks))
}

/// Elsewhere nothing says so.
#[cfg(not(target_os = "linux"))]
pub(super) const fn is_exact(_dir: &Dir) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn takes_exactly(filesystem: u32, marks: u32) -> bool {
    EXACT.contains(&filesystem) && marks & CASEFOLD == 0
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::unreadable_literal)]
    use super::*;
    use cap_std::ambient_authority;

    #[test]
    fn only_what_is_known_to_take_names_as_they_are_is_trusted() {
        for (filesystem, exact) in [
            (0xef53, true),
            (0x01021994, true),
            (0x4d44, false),     // vfat
            (0x2011bab0, false), // exFAT
            (0xff534d42, false), // CIFS
            (0x65735546, false), // FUSE
            (0x7366746e, false), // NTFS
            (0x2fc12fc1, false), // ZFS
            (0x6969, false),     // NFS
            (0, false),
        ] {
            assert_eq!(takes_exactly(filesystem, 0), exact, "{filesystem:x}");
            assert!(!takes_exactly(filesystem, CASEFOLD), "{filesystem:x}");
        }
    }

    /// As where this program's tests run: the answer agrees with what the folder does.
    #[test]
    fn a_folder_that_is_trusted_knows_no_other_case() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "text").unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        assert!(!is_exact(&dir) || !folder.path().join("FILE").exists());
        let filesystem = rustix::fs::fstatfs(&dir).unwrap().f_type as u32;
        assert_eq!(is_exact(&dir), takes_exactly(filesystem, 0), "marks can be asked for");
        // No filesystem for files of people.
        let system = Dir::open_ambient_dir("/proc", ambient_authority()).unwrap();
        assert!(!is_exact(&system));
    }
}
