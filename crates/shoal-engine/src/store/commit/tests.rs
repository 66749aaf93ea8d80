#![allow(clippy::unwrap_used)]

use super::*;
use crate::store::{
    partial::Partial,
    testing::{Tmpfs, commit, files, path, ready, receive, target, then, write_small},
};
use std::time::{Duration, Instant};

fn name_of(placed: &Placed) -> &str {
    placed.path.to_str().unwrap()
}

#[test]
fn nothing_existing_is_overwritten_when_two_threads_commit_the_same_names() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let target = &target;
            scope.spawn(move || {
                for n in 0..100 {
                    let text = format!("{thread} {n}");
                    receive(target, thread * 100 + n, "a/same.txt", text.as_bytes(), Clash::KeepBoth).unwrap();
                }
            });
        }
    });
    let found = files(folder.path());
    let mut contents: Vec<_> = found.values().map(|bytes| String::from_utf8(bytes.clone()).unwrap()).collect();
    let mut expected: Vec<_> = (0..200).map(|n| format!("{} {}", n / 100, n % 100)).collect();
    contents.sort();
    expected.sort();
    assert_eq!(contents, expected);
    assert!(found.contains_key("a/same.txt") && found.contains_key("a/same (200).txt"));
}

#[test]
fn times_to_the_nanosecond_the_bit_and_the_key_are_those_of_the_file_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    for (entry, executable) in [(0, false), (1, true)] {
        let path = path(&format!("run{entry}"));
        write_small(&target, EntryIndex(entry), &path, b"#!/bin/sh").unwrap();
        let placed = commit(&target, &Ready { executable, ..ready(entry, &path, 9) }, Clash::KeepBoth).unwrap();
        assert_eq!(placed.outcome, Outcome::Free);
        let real = folder.path().join(&placed.path);
        let metadata = std::fs::metadata(&real).unwrap();
        assert_eq!(metadata.modified().unwrap(), then());
        assert_eq!(FileKey::at(&real).unwrap(), placed.key);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(metadata.permissions().mode() & 0o111 != 0, executable);
            assert_eq!(metadata.permissions().mode() & 0o400, 0o400);
        }
    }
}

#[test]
fn a_taken_name_gets_the_next_free_number() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    std::fs::write(folder.path().join("a.txt"), "old").unwrap();
    std::fs::write(folder.path().join("a (2).txt"), "older").unwrap();
    let placed = receive(&target, 0, "a.txt", b"new", Clash::KeepBoth).unwrap();
    assert_eq!((name_of(&placed), &placed.outcome), ("a (3).txt", &Outcome::KeptBoth));
    assert_eq!(std::fs::read(folder.path().join("a.txt")).unwrap(), b"old");
}

#[test]
fn names_of_255_bytes_arrive_and_clash_like_others() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    let name = format!("{}.txt", "n".repeat(251));
    let first = receive(&target, 0, &name, b"one", Clash::KeepBoth).unwrap();
    let second = receive(&target, 1, &name, b"two", Clash::KeepBoth).unwrap();
    assert_eq!(name_of(&first), name);
    assert_ne!(name_of(&second), name);
    assert_eq!(std::fs::read(folder.path().join(&second.path)).unwrap(), b"two");
}

#[test]
#[ignore = "mounts a tmpfs: needs root"]
fn replace_puts_the_old_file_into_the_trash() {
    // On a filesystem of its own, whose trash is in its top folder: so the test leaves that of the user alone.
    let drive = Tmpfs::new("4m");
    let target = target(drive.path());
    std::fs::write(drive.path().join("a.txt"), "old").unwrap();
    let placed = receive(&target, 0, "a.txt", b"new", Clash::Replace).unwrap();
    assert_eq!((name_of(&placed), &placed.outcome), ("a.txt", &Outcome::Replaced));
    assert_eq!(std::fs::read(drive.path().join("a.txt")).unwrap(), b"new");
    let found = files(drive.path());
    let trashed: Vec<_> = found.iter().filter(|(name, _)| name.contains("Trash") && name.ends_with("a.txt")).collect();
    assert_eq!(trashed.len(), 1, "{found:?}");
    assert_eq!(trashed[0].1, b"old");
}

#[test]
fn replace_keeps_both_where_the_old_one_is_no_file_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    std::fs::create_dir(folder.path().join("a")).unwrap();
    let placed = receive(&target, 0, "a", b"new", Clash::Replace).unwrap();
    assert_eq!(name_of(&placed), "a (2)");
    assert!(matches!(placed.outcome, Outcome::NotReplaced { .. }));
    assert!(folder.path().join("a").is_dir());
}

#[test]
#[ignore = "mounts a tmpfs: needs root"]
fn a_mount_point_inside_the_target_is_written_by_copying_and_never_over_anything() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("mounted")).unwrap();
    let mounted = Tmpfs::at(&folder.path().join("mounted"), "1m");
    std::fs::write(mounted.path().join("a"), "old").unwrap();
    let target = target(folder.path());

    let relative = path("mounted/a");
    write_small(&target, EntryIndex(7), &relative, b"new").unwrap();
    let placed = commit(&target, &Ready { executable: true, ..ready(7, &relative, 3) }, Clash::KeepBoth).unwrap();
    assert_eq!(name_of(&placed), "mounted/a (2)");
    let real = folder.path().join(&placed.path);
    assert_eq!(FileKey::at(&real).unwrap(), placed.key);
    assert_eq!(std::fs::metadata(&real).unwrap().modified().unwrap(), then());
    assert_eq!(files(mounted.path()).len(), 2, "no copy is left behind");
    assert_eq!(files(folder.path()).len(), 2, "no partial file is left behind");

    // Where the copy has no room, the partial file stays for another try, and no copy is left.
    let big = vec![1; 2 << 20];
    let error = receive(&target, 8, "mounted/big", &big, Clash::KeepBoth).unwrap_err();
    assert!(matches!(error, DiskError::NoSpace { .. }), "{error}");
    assert_eq!(files(mounted.path()).len(), 2);
    assert_eq!(files(folder.path()).len(), 3);
}

#[test]
#[ignore = "mounts a tmpfs: needs root"]
fn a_full_drive_is_told_and_what_was_written_stays() {
    let drive = Tmpfs::new("1m");
    let target = target(drive.path());
    let size = 4 << 20;
    let partial = Partial::open(&target, EntryIndex(0), &path("big"), size).unwrap();
    let piece = vec![7; 256 << 10];
    let mut written = 0;
    let error = loop {
        match partial.write_at(written, &piece) {
            Ok(()) => written += piece.len() as u64,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, DiskError::NoSpace { .. }), "{error}");
    assert!(written >= 512 << 10, "{written}");
    let back = std::fs::read(target.partials().unwrap().path.join("0")).unwrap();
    assert!(back[..written as usize].iter().all(|byte| *byte == 7));
    assert!(crate::store::disk::free_space(drive.path()).unwrap() < 256 << 10);
}

#[test]
fn a_partial_file_that_is_gone_or_cut_is_told_and_nothing_gets_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    let (gone, cut) = (path("gone"), path("cut"));
    write_small(&target, EntryIndex(1), &cut, b"whole").unwrap();
    for file in [ready(0, &gone, 4), ready(1, &cut, 9)] {
        let error = commit(&target, &file, Clash::KeepBoth).unwrap_err();
        assert!(matches!(error, DiskError::Altered { .. }), "{error}");
    }
    assert!(!folder.path().join("gone").exists() && !folder.path().join("cut").exists());
}

#[test]
fn a_folder_that_is_removed_while_it_is_open_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    receive(&target, 0, "a/b/one", b"1", Clash::KeepBoth).unwrap();
    std::fs::remove_dir_all(folder.path().join("a")).unwrap();
    receive(&target, 1, "a/b/two", b"2", Clash::KeepBoth).unwrap();
    assert_eq!(std::fs::read(folder.path().join("a/b/two")).unwrap(), b"2");
}

#[test]
fn a_commit_that_died_between_link_and_unlink_is_finished_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    let relative = path("a");
    write_small(&target, EntryIndex(0), &relative, b"1").unwrap();
    let partials = target.partials().unwrap();
    std::fs::hard_link(partials.path.join("0"), folder.path().join("a")).unwrap();
    let placed = commit(&target, &ready(0, &relative, 1), Clash::KeepBoth).unwrap();
    assert_eq!(name_of(&placed), "a");
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn folders_get_their_times_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    receive(&target, 0, "a/b/file", b"1", Clash::KeepBoth).unwrap();
    for name in ["a/b", "a/empty", "a"] {
        assert_eq!(commit_folder(&target, &path(name), then()).unwrap(), Path::new(name));
    }
    for name in ["a/b", "a/empty", "a"] {
        assert_eq!(std::fs::metadata(folder.path().join(name)).unwrap().modified().unwrap(), then(), "{name}");
    }
}

#[test]
fn a_time_that_no_disk_has_keeps_nothing_from_arriving() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    let times = [1, 3_000_000_000, 1 << 40, i64::MAX as u64].map(Duration::from_secs);
    let times =
        times.iter().flat_map(|away| [SystemTime::UNIX_EPOCH.checked_sub(*away), SystemTime::UNIX_EPOCH.checked_add(*away)]);
    for (entry, modified) in (0..).zip(times.flatten()) {
        let (file, inside) = (path(&format!("{entry}")), path(&format!("folder {entry}")));
        write_small(&target, EntryIndex(entry), &file, b"1").unwrap();
        let placed = commit(&target, &Ready { modified, ..ready(entry, &file, 1) }, Clash::KeepBoth).unwrap();
        assert_eq!(FileKey::at(&folder.path().join(&placed.path)).unwrap(), placed.key);
        commit_folder(&target, &inside, modified).unwrap();
    }
    let before_1970 = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    // Windows: see `set_folder_time`.
    let of_folder = if cfg!(windows) { SystemTime::UNIX_EPOCH } else { before_1970 };
    for (name, time) in [("0", before_1970), ("folder 0", of_folder)] {
        assert_eq!(std::fs::metadata(folder.path().join(name)).unwrap().modified().unwrap(), time, "{name}");
    }
}

#[test]
fn a_batch_of_2000_is_faster_than_one_by_one_and_one_bad_file_fails_alone() {
    const FILES: u32 = 2000;
    let bytes = [5; 4096];
    let paths: Vec<_> = (0..FILES).map(|n| path(&format!("{:02}/{n}", n % 50))).collect();
    let readies: Vec<_> = (0..).zip(&paths).map(|(n, path)| ready(n, path, bytes.len())).collect();

    let folder = tempfile::tempdir().unwrap();
    let target_of_batch = target(folder.path());
    let start = Instant::now();
    for ready in &readies {
        write_small(&target_of_batch, ready.entry, ready.path, &bytes).unwrap();
    }
    let wrote = start.elapsed();
    std::fs::remove_file(target_of_batch.partials().unwrap().path.join("77")).unwrap();
    let answers = commit_batch(&target_of_batch, &readies, Clash::KeepBoth);
    let batch = start.elapsed();
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_err(), n == 77, "{n}: {answer:?}");
    }
    assert_eq!(files(folder.path()).len(), FILES as usize - 1);

    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    let start = Instant::now();
    for ready in readies.iter().take(200) {
        write_small(&target, ready.entry, ready.path, &bytes).unwrap();
        commit(&target, ready, Clash::KeepBoth).unwrap();
    }
    let single = start.elapsed() * (FILES / 200);
    println!("{FILES} files of 4 KiB: {batch:.2?} in a batch (of which written in {wrote:.2?}), {single:.2?} one by one");
}

/// Runs the ignored test `child` of this module under strace, with a fault, in `folder`.
#[cfg(target_os = "linux")]
fn run_with_fault(fault: &str, child: &str, folder: &Path) {
    let status = std::process::Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("inject={fault}")])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", &format!("store::commit::tests::{child}")])
        .env("SHOAL_TEST_FOLDER", folder)
        .output()
        .unwrap();
    assert!(status.status.success(), "{fault}: {}", String::from_utf8_lossy(&status.stdout));
    assert!(String::from_utf8_lossy(&status.stdout).contains("1 passed"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_failed_sync_fails_the_file_and_it_starts_over() {
    // The first fsync of all is that of the target, which got the hidden folder.
    for fault in ["fsync:error=EIO:when=2", "syncfs:error=EIO:when=1"] {
        let folder = tempfile::tempdir().unwrap();
        run_with_fault(fault, "child_of_a_failed_sync", folder.path());
    }
}

#[test]
#[ignore = "run by another test, with faults"]
fn child_of_a_failed_sync() {
    let folder = std::env::var_os("SHOAL_TEST_FOLDER").unwrap();
    let target = target(Path::new(&folder));
    // One goes through fsync, ten through syncfs; the fault hits one of them.
    let mut failures = 0;
    for count in [1, 10] {
        let paths: Vec<_> = (0..count).map(|n| path(&format!("{count}-{n}"))).collect();
        let readies: Vec<_> = (0..).zip(&paths).map(|(n, path)| ready(n, path, 3)).collect();
        for ready in &readies {
            write_small(&target, ready.entry, ready.path, b"new").unwrap();
        }
        let failed: Vec<_> = commit_batch(&target, &readies, Clash::KeepBoth).into_iter().filter_map(Result::err).collect();
        if failed.is_empty() {
            continue;
        }
        failures += 1;
        assert_eq!(failed.len(), readies.len());
        assert!(failed.iter().all(|error| matches!(error, DiskError::SyncFailed { .. })), "{failed:?}");
        assert_eq!(files(Path::new(&folder)).keys().filter(|name| name.starts_with(&format!("{count}-"))).count(), 0);
        for ready in &readies {
            assert!(Partial::open(&target, ready.entry, ready.path, 3).unwrap().is_new());
            write_small(&target, ready.entry, ready.path, b"new").unwrap();
        }
        // Received again, it arrives; the drive is now synced file by file.
        assert!(commit_batch(&target, &readies, Clash::KeepBoth).iter().all(Result::is_ok));
    }
    assert_eq!(failures, 1);
    assert_eq!(files(Path::new(&folder)).len(), 11);
}
