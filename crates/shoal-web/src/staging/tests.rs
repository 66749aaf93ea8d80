#![allow(clippy::unwrap_used)]

use super::*;
use std::fs;

fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

fn put(staging: &Staging, batch: &str, name: &str) -> String {
    let mut upload = staging.begin(batch, &path(name), false, 1).unwrap();
    upload.write(b"x").unwrap();
    upload.finish(Some(1_000_000)).unwrap().handle
}

fn batches(folder: &Path) -> usize {
    fs::read_dir(folder.join(FOLDER)).unwrap().count()
}

#[test]
fn uploads_go_when_nobody_sends_them_and_stay_as_long_as_they_are_sent() {
    let (folder, start) = (tempfile::tempdir().unwrap(), Instant::now());
    let staging = Staging::open(folder.path(), start).unwrap();
    let (sent, _unsent) = (put(&staging, "sent", "a"), put(&staging, "unsent", "a"));
    let handles = [sent];
    assert_eq!(staging.paths(&handles, start).unwrap().len(), 1);
    staging.sent(&handles, &["transfer".to_owned()], start);
    let live = BTreeSet::from(["transfer".to_owned()]);

    let after = |hours: f64| Instant::now() + UNSENT_FOR.mul_f64(hours);
    staging.sweep(&live, after(0.5));
    assert_eq!(batches(folder.path()), 2);
    staging.sweep(&live, after(1.1));
    assert_eq!(batches(folder.path()), 1, "what was not sent is gone");
    staging.sweep(&live, after(100.0));
    assert!(staging.paths(&handles, after(100.0)).is_ok(), "it is sent still");
    staging.sweep(&BTreeSet::new(), after(100.5));
    assert_eq!(batches(folder.path()), 1, "it may be tried again");
    staging.sweep(&BTreeSet::new(), after(102.0));
    assert_eq!(batches(folder.path()), 0);
    assert!(matches!(staging.paths(&handles, start), Err(StagingError::Unknown)));
}

/// A transfer goes on after a restart, so what it sends must be there.
#[test]
fn what_was_sent_outlives_a_restart_and_the_rest_does_not() {
    let (folder, start) = (tempfile::tempdir().unwrap(), Instant::now());
    let staging = Staging::open(folder.path(), start).unwrap();
    let sent = put(&staging, "sent", "a");
    put(&staging, "unsent", "b");
    staging.sent(&[sent], &["one".to_owned(), "two".to_owned()], start);
    let staging = Staging::open(folder.path(), start).unwrap();
    assert_eq!(batches(folder.path()), 1);
    let later = start + KEPT_AFTER * 2;
    staging.sweep(&BTreeSet::from(["two".to_owned()]), later);
    assert_eq!(batches(folder.path()), 1);
    staging.sweep(&BTreeSet::new(), later + KEPT_AFTER);
    assert_eq!(batches(folder.path()), 0);
}

#[test]
fn what_is_not_whole_is_not_sent_and_gives_its_room_back() {
    let (folder, now) = (tempfile::tempdir().unwrap(), Instant::now());
    let staging = Staging::open(folder.path(), now).unwrap();
    let handle = put(&staging, "batch", "holiday/a");
    let mut upload = staging.begin("batch", &path("holiday/b"), false, 3).unwrap();
    upload.write(b"xy").unwrap();
    assert_eq!(staging.lock().reserved, 1);
    assert!(matches!(staging.paths(std::slice::from_ref(&handle), now), Err(StagingError::Unfinished)));
    assert!(matches!(upload.finish(None), Err(StagingError::Incomplete(_))));
    assert_eq!(staging.lock().reserved, 0);
    let paths = staging.paths(&[handle], now).unwrap();
    assert!(paths[0].join("a").is_file() && !paths[0].join("b").exists());

    let mut upload = staging.begin("batch", &path("c"), false, 1).unwrap();
    assert!(matches!(upload.write(b"xy"), Err(StagingError::Incomplete(_))), "more than was said");
    drop(upload);
    assert_eq!(staging.lock().reserved, 0);
}

#[test]
fn batches_files_and_space_are_bounded() {
    let (folder, now) = (tempfile::tempdir().unwrap(), Instant::now());
    let staging = Staging::open(folder.path(), now).unwrap();
    let free = free_space(folder.path()).unwrap();
    assert!(matches!(staging.begin("a", &path("a"), false, free), Err(StagingError::NoSpace { .. })));
    assert_eq!(batches(folder.path()), 0);
    for batch in 0..MAX_UNSENT {
        put(&staging, &batch.to_string(), "a");
    }
    assert!(matches!(staging.begin("more", &path("a"), false, 1), Err(StagingError::TooManyBatches)));
    let handle = put(&staging, "0", "b");
    staging.sent(&[handle], &["transfer".to_owned()], now);
    put(&staging, "more", "a");
    assert!(matches!(staging.begin("0", &path("c"), false, 1), Err(StagingError::Sent)));
    staging.lock().batches.get_mut("1").unwrap().fill();
    assert!(matches!(staging.begin("1", &path("c"), false, 1), Err(StagingError::TooManyFiles)));
}

#[cfg(unix)]
#[test]
fn nobody_else_reads_what_is_uploaded() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, now) = (tempfile::tempdir().unwrap(), Instant::now());
    let staging = Staging::open(folder.path(), now).unwrap();
    put(&staging, "batch", "a/b");
    let mode = fs::metadata(folder.path().join(FOLDER)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
