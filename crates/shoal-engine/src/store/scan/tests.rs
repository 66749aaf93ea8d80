#![allow(clippy::unwrap_used)]

use super::*;
use crate::store::source::Offered;
use std::time::Instant;

/// What a scan emits, and what it says in the end.
fn scanned(paths: &[&Path]) -> (Vec<(RelativePath, Kind, SystemTime)>, Scan) {
    let paths: Vec<_> = paths.iter().map(|path| path.to_path_buf()).collect();
    let mut entries = Vec::new();
    let scan = scan(&paths, &|_| None, &|| false, &mut |entry| {
        entries.push((entry.path.clone(), entry.kind, entry.modified));
        ControlFlow::Continue(())
    });
    (entries, scan.unwrap())
}

fn names(entries: &[(RelativePath, Kind, SystemTime)]) -> Vec<&str> {
    entries.iter().map(|(path, ..)| path.as_str()).collect()
}

#[test]
fn folders_come_whole_in_the_order_of_paths_and_lead_back_to_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    for inner in ["a", "a/empty", "a b", "z/deep/er"] {
        std::fs::create_dir_all(root.join(inner)).unwrap();
    }
    for file in ["a/x", "a-b", "a.txt", "a b/y", "z/deep/er/-n\new line", "ä"] {
        std::fs::write(root.join(file), file).unwrap();
    }
    let (entries, scan) = scanned(&[&root]);
    let found = names(&entries);
    assert_eq!(
        found,
        [
            "root",
            "root/a",
            "root/a/empty",
            "root/a/x",
            "root/a b",
            "root/a b/y",
            "root/a-b",
            "root/a.txt",
            "root/z",
            "root/z/deep",
            "root/z/deep/er",
            "root/z/deep/er/-n\new line",
            "root/ä"
        ]
    );
    assert!(entries.is_sorted_by(|one, next| one.0 < next.0));
    assert_eq!((scan.files, scan.folders, scan.skipped_count), (6, 7, 0));
    assert_eq!(scan.bytes, entries.iter().map(|(_, kind, _)| if let Kind::File { size, .. } = kind { *size } else { 0 }).sum());
    for (path, kind, modified) in &entries {
        if let Kind::File { size, .. } = *kind {
            scan.roots.open(path, Offered { size, modified: *modified }).unwrap();
        }
    }
}

#[test]
fn roots_of_one_name_get_numbers_and_one_given_twice_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut given = Vec::new();
    for inner in ["1", "2", "3"] {
        std::fs::create_dir(folder.path().join(inner)).unwrap();
        given.push(folder.path().join(inner).join("same.txt"));
        std::fs::write(given.last().unwrap(), inner).unwrap();
    }
    let (entries, scan) = scanned(&[&given[0], &given[1], &given[0], &given[2]]);
    assert_eq!(names(&entries), ["same (2).txt", "same (3).txt", "same.txt"]);
    assert_eq!(scan.roots.real_path(&entries[1].0).unwrap(), given[2]);
}

#[test]
fn what_was_given_and_is_not_there_is_an_error_and_nothing_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let error = scan(std::slice::from_ref(&missing), &|_| None, &|| false, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(&error, ScanError::Source { path, .. } if *path == missing), "{error}");
    assert_eq!(scanned(&[]).1.files, 0);
}

#[test]
fn a_scan_is_broken_off_when_nobody_wants_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), "").unwrap();
    let paths = [folder.path().to_owned()];
    assert_eq!(scan(&paths, &|_| None, &|| true, &mut |_| ControlFlow::Continue(())).unwrap_err(), ScanError::Cancelled);
    assert_eq!(scan(&paths, &|_| None, &|| false, &mut |_| ControlFlow::Break(())).unwrap_err(), ScanError::Cancelled);
}

#[test]
fn a_transfer_that_is_not_finished_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let hidden = format!(".shoal-{}", crate::store::testing::TRANSFER);
    for inner in [&hidden, ".shoal-notes"] {
        std::fs::create_dir(folder.path().join(inner)).unwrap();
    }
    let (entries, scan) = scanned(&[folder.path()]);
    assert_eq!(entries.len(), 2);
    assert_eq!(scan.skipped[0].reason, SkipReason::Unfinished);
    assert_eq!(scan.skipped[0].path, folder.path().join(hidden));
}

#[cfg(unix)]
#[test]
fn links_pipes_and_paths_too_deep_are_left_out_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("file"), "1").unwrap();
    std::os::unix::fs::symlink("file", root.join("link")).unwrap();
    std::os::unix::fs::symlink("/", root.join("slash")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    std::fs::create_dir_all(root.join(["d"; 200].join("/"))).unwrap();
    let (entries, scan) = scanned(&[&root]);
    assert_eq!(entries.iter().filter(|(_, kind, _)| *kind != Kind::Folder).count(), 1);
    assert_eq!(entries.len(), 1 + 1 + 127);
    let reasons: Vec<_> = scan.skipped.iter().map(|skipped| &skipped.reason).collect();
    assert_eq!(reasons, [&SkipReason::Name(NameError::TooDeep), &SkipReason::Link, &SkipReason::Special, &SkipReason::Link]);
    assert_eq!(scan.skipped[1].path, root.join("link"));

    // Given itself, a link is followed, and a pipe is an error.
    std::os::unix::fs::symlink(&root, folder.path().join("pointed at")).unwrap();
    let (entries, scan) = scanned(&[&folder.path().join("pointed at"), &root.join("link")]);
    assert_eq!(names(&entries)[..2], ["link", "pointed at"]);
    assert_eq!(scan.files, 2);
    let paths = [root.join("pipe")];
    assert!(scan_error(&paths).to_string().contains("pipe"));
}

#[cfg(unix)]
fn scan_error(paths: &[PathBuf]) -> ScanError {
    scan(paths, &|_| None, &|| false, &mut |_| ControlFlow::Continue(())).unwrap_err()
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_unicode_times_and_bits_come_as_they_are() {
    use std::os::unix::{ffi::OsStrExt, fs::PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join(OsStr::from_bytes(b"caf\xe9"));
    std::fs::write(&real, "1").unwrap();
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o755)).unwrap();
    for time in [crate::store::testing::then(), SystemTime::UNIX_EPOCH - std::time::Duration::from_nanos(1_500_000_001)] {
        std::fs::File::options().write(true).open(&real).unwrap().set_modified(time).unwrap();
        let (entries, scan) = scanned(&[folder.path()]);
        let (path, kind, modified) = &entries[1];
        assert_eq!((*kind, *modified), (Kind::File { size: 1, executable: true }, time));
        assert_eq!(scan.roots.real_path(path).unwrap(), real);
        scan.roots.open(path, Offered { size: 1, modified: *modified }).unwrap();
    }
}

#[test]
fn a_hundred_thousand_files_are_scanned_in_well_under_a_second() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..100_000 {
        if n % 1000 == 0 {
            std::fs::create_dir(folder.path().join(format!("folder {}", n / 1000))).unwrap();
        }
        std::fs::File::create(folder.path().join(format!("folder {}/a file {n}.jpg", n / 1000))).unwrap();
    }
    let start = Instant::now();
    let mut count = 0;
    let scan = scan(&[folder.path().to_owned()], &|_| None, &|| false, &mut |_| {
        count += 1;
        ControlFlow::Continue(())
    });
    let took = start.elapsed();
    println!("{count} entries scanned in {took:.2?}");
    assert_eq!((scan.unwrap().files, count), (100_000, 100_101));
    assert!(took.as_secs() < 3, "{took:?}");
}
