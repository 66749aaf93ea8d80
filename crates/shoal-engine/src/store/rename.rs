//! A rename that never replaces what exists.

use cap_std::fs::{Dir, OpenOptions};
use std::{ffi::OsStr, io};

/// A name in an open folder.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) dir: &'a Dir,
    pub(super) name: &'a OsStr,
}

impl At<'_> {
    pub(super) fn remove(self) -> io::Result<()> {
        self.dir.remove_file(self.name)
    }
}

/// Gives a file another name, on the same filesystem, unless that name is taken.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`]: the name is taken. [`io::ErrorKind::CrossesDevices`]: another filesystem. Else what the
/// system said.
pub(super) fn rename_no_replace(from: At<'_>, to: At<'_>) -> io::Result<()> {
    match by_system(from, to) {
        Err(error) if is_missing(&error) => {}
        answer => return answer,
    }
    match by_link(from, to) {
        // Anything else may mean "no hard links here" in the words of that filesystem; if it means more, the next call says so.
        Err(error) if !is_an_answer(&error) => by_placeholder(from, to),
        answer => answer,
    }
}

/// `renameat2(RENAME_NOREPLACE)` (Linux 3.15) and `renameatx_np(RENAME_EXCL)` (macOS 10.12).
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn by_system(from: At<'_>, to: At<'_>) -> io::Result<()> {
    Ok(rustix::fs::renameat_with(from.dir, from.name, to.dir, to.name, rustix::fs::RenameFlags::NOREPLACE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn by_system(_: At<'_>, _: At<'_>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The system or the filesystem has no such call.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

fn is_an_answer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists | io::ErrorKind::CrossesDevices | io::ErrorKind::NotFound | io::ErrorKind::StorageFull
    )
}

/// A second name, which is refused when it is taken, then the first one goes. A crash in between leaves both, which is noticed
/// when the partial file is opened again.
fn by_link(from: At<'_>, to: At<'_>) -> io::Result<()> {
    from.dir.hard_link(from.name, to.dir, to.name)?;
    from.dir.remove_file(from.name)
}

/// The last resort, for filesystems with neither (FAT and exFAT on Windows and macOS): takes the name with an empty file, which
/// is refused when the name is taken, and renames over that. A crash in between leaves the empty file.
fn by_placeholder(from: At<'_>, to: At<'_>) -> io::Result<()> {
    drop(to.dir.open_with(to.name, OpenOptions::new().write(true).create_new(true))?);
    from.dir.rename(from.name, to.dir, to.name).inspect_err(|_| {
        if let Err(error) = to.dir.remove_file(to.name) {
            tracing::warn!(%error, name = %to.name.display(), "an empty file is left behind");
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    type Way = fn(At<'_>, At<'_>) -> io::Result<()>;

    #[test]
    fn each_way_moves_to_a_free_name_and_refuses_a_taken_one() {
        let ways: [(&str, Way); 4] =
            [("system", by_system), ("link", by_link), ("placeholder", by_placeholder), ("all", rename_no_replace)];
        for (way, rename) in ways {
            if cfg!(windows) && way == "system" {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let dir = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
            let at = |name: &'static str| At { dir: &dir, name: name.as_ref() };
            dir.write("new", "new").unwrap();
            dir.write("old", "old").unwrap();
            assert_eq!(rename(at("new"), at("old")).unwrap_err().kind(), io::ErrorKind::AlreadyExists, "{way}");
            assert_eq!((dir.read("old").unwrap(), dir.read("new").unwrap()), (b"old".into(), b"new".into()), "{way}");
            rename(at("new"), at("free")).unwrap();
            assert_eq!(dir.read("free").unwrap(), b"new", "{way}");
            assert!(!dir.exists("new"), "{way}");
            assert_eq!(rename(at("gone"), at("other")).unwrap_err().kind(), io::ErrorKind::NotFound, "{way}");
            assert!(!dir.exists("other"), "{way}");
        }
    }
}
