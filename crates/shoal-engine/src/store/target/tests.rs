#![allow(clippy::unwrap_used)]

use super::*;
use crate::store::{
    commit::Clash,
    partial::{self, Partial},
    testing::{TRANSFER, files, path, receive, target, write_small},
};
#[cfg(unix)]
use crate::store::{commit::commit_folder, testing::then};
#[cfg(unix)]
use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::{Duration, Instant},
};

#[test]
fn a_missing_target_is_made_and_a_file_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("a/b/c");
    receive(&target(&below), 0, "x", b"1", Clash::KeepBoth).unwrap();
    assert!(below.join("x").is_file());
    let error = Target::open(&below.join("x"), TRANSFER).unwrap_err();
    assert!(error.to_string().contains("x"), "{error}");
}

#[test]
fn opening_a_target_leaves_nothing_in_it_and_removing_partial_files_removes_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    target.remove_partials().unwrap();
    write_small(&target, EntryIndex(0), &path("a"), b"1").unwrap();
    write_small(&target, EntryIndex(1), &path("b"), b"1").unwrap();
    partial::remove(&target, EntryIndex(1)).unwrap();
    partial::remove(&target, EntryIndex(1)).unwrap();
    assert_eq!(files(folder.path()).len(), 1);
    target.remove_partials().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    write_small(&target, EntryIndex(0), &path("a"), b"1").unwrap();
    // Removed by somebody else while it is open: made anew.
    std::fs::remove_dir_all(target.partials().unwrap().path.clone()).unwrap();
    receive(&target, 2, "c", b"1", Clash::KeepBoth).unwrap();
}

#[test]
fn a_partial_file_opened_again_keeps_its_bytes_and_a_new_one_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (entry, name) = (EntryIndex(3), path("big"));
    {
        let partial = Partial::open(&target(folder.path()), entry, &name, 10 << 20).unwrap();
        assert!(partial.is_new());
        partial.write_at(5 << 20, b"kept").unwrap();
        partial.sync().unwrap();
    }
    let target = target(folder.path());
    let partial = Partial::open(&target, entry, &name, 10 << 20).unwrap();
    assert!(!partial.is_new());
    let back = std::fs::read(target.partials().unwrap().path.join("3")).unwrap();
    assert_eq!(&back[5 << 20..][..4], b"kept");
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(target.partials().unwrap().path.join("3")).unwrap();
        assert!(metadata.len() == 10 << 20 && metadata.blocks() * 512 < 1 << 20, "sparse");
    }
    // A second name: perhaps a file that was committed. It must not change.
    std::fs::hard_link(target.partials().unwrap().path.join("3"), folder.path().join("committed")).unwrap();
    let again = Partial::open(&target, entry, &name, 10 << 20).unwrap();
    assert!(again.is_new());
    again.write_at(5 << 20, b"else").unwrap();
    assert_eq!(&std::fs::read(folder.path().join("committed")).unwrap()[5 << 20..][..4], b"kept");
}

#[test]
fn what_stands_under_a_name_is_found_if_it_is_a_file_of_the_target() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    std::fs::write(folder.path().join("a/file"), "here").unwrap();
    std::fs::write(outside.path().join("file"), "outside").unwrap();
    let target = target(folder.path());
    let found = target.existing(&path("a/file")).unwrap();
    assert_eq!(found.key, FileKey::of(&found.file).unwrap());
    assert_eq!(std::io::read_to_string(found.file).unwrap(), "here");
    assert!(target.existing(&path("a")).is_none() && target.existing(&path("b/c")).is_none());
    assert!(!folder.path().join("b").exists(), "looking makes nothing");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(outside.path().join("file"), folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("folder")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap().success());
        for name in ["link", "folder/file", "pipe"] {
            assert!(target.existing(&path(name)).is_none(), "{name}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_linked_folder_or_a_file_in_the_way_is_gone_round() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("linked")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("missing"), folder.path().join("dangling")).unwrap();
    std::fs::write(folder.path().join("file"), "old").unwrap();
    let target = target(folder.path());
    for name in ["linked", "dangling", "file"] {
        let placed = receive(&target, 0, &format!("{name}/sub/x"), b"1", Clash::KeepBoth).unwrap();
        assert_eq!(placed.path, PathBuf::from(format!("{name} (2)/sub/x")));
        assert_eq!(target.folder(&path(name)).unwrap(), PathBuf::from(format!("{name} (2)")), "the same again");
        commit_folder(&target, &path(name), then()).unwrap();
    }
    assert!(files(outside.path()).is_empty());
    assert_eq!(std::fs::read(folder.path().join("file")).unwrap(), b"old");
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_the_hidden_folder_or_of_a_partial_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let hidden = folder.path().join(format!(".shoal-{TRANSFER}"));
    std::os::unix::fs::symlink(outside.path(), &hidden).unwrap();
    let error = write_small(&target(folder.path()), EntryIndex(0), &path("a"), b"1").unwrap_err();
    assert!(matches!(error, DiskError::Escapes { .. }), "{error}");

    std::fs::remove_file(&hidden).unwrap();
    std::fs::create_dir(&hidden).unwrap();
    std::fs::write(outside.path().join("victim"), "old").unwrap();
    std::os::unix::fs::symlink(outside.path().join("victim"), hidden.join("0")).unwrap();
    let target = target(folder.path());
    assert!(Partial::open(&target, EntryIndex(0), &path("a"), 10).is_err());
    write_small(&target, EntryIndex(0), &path("a"), b"1").unwrap();
    assert_eq!(std::fs::read(outside.path().join("victim")).unwrap(), b"old");
}

/// The attack that a check before the write does not stop: the folder turns into a link between check and write.
#[cfg(unix)]
#[test]
fn links_swapped_in_by_a_racing_thread_never_lead_outside() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let victim = folder.path().join("swapped");
    let stop = AtomicBool::new(false);
    let (swaps, placed) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // Folder → link to the outside → nothing → folder, as fast as can be.
                let aside = folder.path().join(format!("aside{}", swaps.fetch_add(1, Ordering::Relaxed)));
                let _ = std::fs::rename(&victim, &aside);
                let _ = std::os::unix::fs::symlink(outside.path(), &victim);
                let _ = std::fs::remove_file(&victim);
            }
        });
        let start = Instant::now();
        let mut entry = 0;
        while start.elapsed() < Duration::from_secs(2) {
            // A new target each time, so that no folder is held from before the swap.
            let target = target(folder.path());
            entry += 1;
            if receive(&target, entry, "swapped/sub/file", b"secret", Clash::KeepBoth).is_ok() {
                placed.fetch_add(1, Ordering::Relaxed);
            }
            let _ = commit_folder(&target, &path("swapped/empty"), then());
        }
        stop.store(true, Ordering::Relaxed);
    });
    let (swaps, placed) = (swaps.into_inner(), placed.into_inner());
    println!("{swaps} swaps, {placed} files placed, outside: {} things", std::fs::read_dir(outside.path()).unwrap().count());
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    assert!(swaps > 100 && placed > 10);
}
