#![allow(clippy::unwrap_used)]

use super::*;
use crate::store::testing::{path, then};
use std::path::Path;

fn roots(folder: &Path) -> Roots {
    Roots::new(vec![Root { name: "r".into(), path: folder.to_owned() }])
}

fn put(path: &Path, bytes: &[u8]) -> Offered {
    std::fs::write(path, bytes).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(then()).unwrap();
    Offered { size: bytes.len() as u64, modified: then() }
}

#[test]
fn pieces_are_read_as_they_lie_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    let bytes: Vec<u8> = (0..600_000_u32).map(|n| (n % 251) as u8).collect();
    let offered = put(&folder.path().join("a/file"), &bytes);
    let roots = roots(folder.path());
    let file = roots.open(&path("r/a/file"), offered).unwrap();
    let mut all = vec![0; 600_000];
    let (first, second) = all.split_at_mut(250_000);
    file.read_at(0, first).unwrap();
    file.read_at(250_000, second).unwrap();
    assert!(all == bytes);
    file.unchanged().unwrap();
    assert_eq!(file.read_at(599_999, &mut [0; 2]), Err(SourceError::Changed));
    assert_eq!(roots.real_path(&path("r/a/file")).unwrap(), folder.path().join("a/file"));
    assert_eq!(FileKey::at(&folder.path().join("a/file")).unwrap(), file.key());
    assert_eq!(roots.iter().len(), 1);
}

#[test]
fn another_version_is_never_given_for_the_one_that_was_offered() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("file");
    let offered = put(&real, b"version 1");
    let roots = roots(folder.path());
    let file = roots.open(&path("r/file"), offered).unwrap();

    // Written to while it is read.
    std::fs::write(&real, b"version 2").unwrap();
    assert_eq!(file.unchanged(), Err(SourceError::Changed));
    assert_eq!(roots.open(&path("r/file"), offered).unwrap_err(), SourceError::Changed);

    // Cut while it is read.
    std::fs::write(&real, b"v").unwrap();
    assert_eq!(file.read_at(0, &mut [0; 9]), Err(SourceError::Changed));

    // Replaced while it is read: what is open stays one version.
    let offered = put(&real, b"version 3");
    let file = roots.open(&path("r/file"), offered).unwrap();
    std::fs::remove_file(&real).unwrap();
    std::fs::write(&real, b"version 4").unwrap();
    let mut piece = [0; 9];
    file.read_at(0, &mut piece).unwrap();
    assert_eq!(&piece, b"version 3");
    file.unchanged().unwrap();
}

#[test]
fn what_is_gone_is_told_and_what_came_back_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a");
    std::fs::create_dir(&inner).unwrap();
    let offered = put(&inner.join("file"), b"here");
    let roots = roots(folder.path());
    roots.open(&path("r/a/file"), offered).unwrap();
    std::fs::remove_dir_all(&inner).unwrap();
    for name in ["r/a/file", "r/b", "other/file", "other", "r"] {
        assert_eq!(roots.open(&path(name), offered).unwrap_err(), SourceError::Gone, "{name}");
    }
    std::fs::create_dir(&inner).unwrap();
    put(&inner.join("file"), b"here");
    roots.open(&path("r/a/file"), offered).unwrap();
}

#[cfg(unix)]
#[test]
fn links_below_the_root_are_not_followed_and_pipes_do_not_block() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let offered = put(&outside.path().join("secret"), b"secret");
    std::os::unix::fs::symlink(outside.path(), folder.path().join("folder")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("file")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap().success());
    let roots = roots(folder.path());
    for name in ["r/folder/secret", "r/file", "r/pipe"] {
        assert!(matches!(roots.open(&path(name), offered), Err(SourceError::Unreadable(_))), "{name}");
    }
    // The root itself may be a link.
    let linked = Roots::new(vec![Root { name: "l".into(), path: folder.path().join("file") }]);
    linked.open(&path("l"), offered).unwrap();
}
