//! A person steers a transfer from either end: pause, resume, cancel, retry, limits.

use super::scene::{LONG, Pair, as_arg, names_in, row};
use serde_json::json;
use shoal_tests::{compare, data, figure, lab::Peer};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::{Duration, Instant},
};
use tempfile::{TempDir, tempdir};

const SIZE: u64 = 60_000_000;

#[test]
#[ignore = "needs root and ip netns"]
fn either_end_pauses_and_resumes() {
    for end in [End::Sender, End::Receiver] {
        let (pair, _source, file) = under_way();
        let sending = pair.offer(&[as_arg(&file)]).accept(&pair.ben, &[]).moving(&pair.ben, 1_000_000);
        let steering = end.of(&pair);
        let paused = steering.shoal(&["pause", &sending.id]).expect_code(0);
        assert_eq!(paused.lines[0]["transfer"], json!(sending.id));
        sending.wait_state(&pair.ann, "paused");
        let at = sending.wait_state(&pair.ben, "paused")["bytes_done"].as_u64().unwrap();
        let before = pair.ben.host().counters("eth0").received;
        std::thread::sleep(Duration::from_millis(1500));
        let moved = pair.ben.host().counters("eth0").received - before;
        assert!(moved < 300_000, "{moved} bytes came while paused");
        let still = row(&pair.ben, &sending.id);
        assert_eq!((&still["state"], still["bytes_done"].as_u64()), (&json!("paused"), Some(at)));
        steering.shoal(&["resume", &sending.id]).expect_code(0);
        pair.ben.shoal(&["limit", "--down", "off"]).expect_code(0);
        let finished = sending.finished();
        let again = finished["bytes_moved"].as_u64().unwrap() - SIZE;
        figure(&format!("paused by the {end:?}: bytes moved again"), again);
        assert!(again <= 4 << 20, "{again} bytes moved again after a pause");
        compare::assert_same(&file, &pair.ben.inbox().join("large"));
        assert_eq!(names_in(&pair.ben.inbox()), ["large"]);
    }
}

#[test]
#[ignore = "needs root and ip netns"]
fn either_end_cancels_and_finished_files_stay() {
    for end in [End::Sender, End::Receiver] {
        let (pair, source, _) = under_way();
        // In the order of names: the small ones are in place long before the large one.
        let folder = source.path().join("folder");
        data::many_files(&folder.join("a"), 20, 10_000, 1, 1);
        fs::rename(source.path().join("large"), folder.join("large")).unwrap();
        let mut sending = pair.offer(&[as_arg(&folder)]).accept(&pair.ben, &[]).moving(&pair.ben, 20_000_000);
        let asked = Instant::now();
        end.of(&pair).shoal(&["cancel", &sending.id]).expect_code(0);
        let reply = sending.reply().expect_code(1);
        sending.wait_at(&pair.ben, "failed");
        assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
        assert!(reply.errors.contains("cancelled"), "{}", reply.errors);
        for peer in [&pair.ann, &pair.ben] {
            assert_eq!(row(peer, &sending.id)["state"], "cancelled");
        }
        assert_eq!(names_in(&pair.ben.inbox()), ["folder"], "partial files are left");
        assert_eq!(names_in(&pair.ben.inbox().join("folder")), ["a"], "a partial file is left");
        compare::assert_same(&folder.join("a"), &pair.ben.inbox().join("folder/a"));
        // What is over cannot be gone on with.
        end.of(&pair).shoal(&["resume", &sending.id]).expect_code(1);
    }
}

/// A file that changes while a folder is sent must not come half old, half new; the rest arrives, and trying again moves only it.
#[test]
#[ignore = "needs root and ip netns"]
fn only_what_failed_is_tried_again_from_either_end() {
    for end in [End::Receiver, End::Sender] {
        try_again(end);
    }
}

fn try_again(by: End) {
    let (pair, source, _) = under_way();
    let folder = source.path().join("folder");
    data::many_files(&folder.join("b"), 20, 100_000, 1, 1);
    fs::rename(source.path().join("large"), folder.join("a large one")).unwrap();
    let (lost, changed) = (folder.join("b/folder 000/file 000003.bin"), folder.join("b/folder 000/file 000007.bin"));
    let (safe, original) = (source.path().join("safe"), source.path().join("original"));
    fs::copy(&changed, &original).unwrap();
    let time = fs::metadata(&changed).unwrap().modified().unwrap();

    let mut sending = pair.offer(&[as_arg(&folder)]).accept(&pair.ben, &[]).moving(&pair.ben, 1_000_000);
    fs::rename(&lost, &safe).unwrap();
    data::random_file(&changed, 100_000, 77);
    pair.ben.shoal(&["limit", "--down", "off"]).expect_code(0);
    let reply = sending.reply().expect_code(1);
    assert!(reply.errors.contains("2 of 21 files"), "{}", reply.errors);
    let at_end = row(&pair.ben, &sending.id);
    assert_eq!((&at_end["files_failed"], &at_end["files_done"]), (&json!(2), &json!(19)), "{at_end}");
    let inbox = pair.ben.inbox().join("folder");
    assert!(!inbox.join("b/folder 000/file 000003.bin").exists() && !inbox.join("b/folder 000/file 000007.bin").exists());

    fs::rename(&safe, &lost).unwrap();
    fs::copy(&original, &changed).unwrap();
    fs::File::open(&changed).unwrap().set_modified(time).unwrap();
    let moved = |peer: &Peer| row(peer, &sending.id)["bytes_moved"].as_u64().unwrap();
    let before = moved(&pair.ben);
    by.of(&pair).shoal(&["retry", &sending.id]).expect_code(0);
    let end = Instant::now() + LONG;
    while row(&pair.ben, &sending.id)["files_done"] != 21 || row(&pair.ann, &sending.id)["state"] != "finished" {
        assert!(Instant::now() < end, "{} {}", row(&pair.ben, &sending.id), row(&pair.ann, &sending.id));
    }
    let again = moved(&pair.ben) - before;
    figure(&format!("2 of 21 files tried again by the {by:?}: bytes moved"), again);
    assert_eq!(again, 200_000);
    compare::assert_same(&folder, &inbox);
    let done = row(&pair.ben, &sending.id);
    assert_eq!((&done["state"], &done["files_failed"], &done["error"]), (&json!("finished"), &json!(0), &json!(null)), "{done}");
    assert_eq!(row(&pair.ann, &sending.id)["files_failed"], 0);
    assert!(pair.ben.shoal(&["offers"]).expect_code(0).lines.is_empty(), "it was accepted before");
    // Nothing failed any more.
    for end in [&pair.ann, &pair.ben] {
        end.shoal(&["retry", &sending.id]).expect_code(1);
    }
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_file_that_cannot_be_read_fails_alone() {
    let (pair, source, _) = under_way();
    let folder = source.path().join("folder");
    data::many_files(&folder, 20, 1000, 1, 1);
    let sending = pair.offer(&[as_arg(&folder)]);
    // A root that reads everything: a folder in the place of a file is as unreadable.
    let file = folder.join("folder 000/file 000005.bin");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let mut sending = sending.accept(&pair.ben, &[]);
    sending.reply().expect_code(1);
    let at_end = row(&pair.ben, &sending.id);
    assert_eq!((&at_end["files_failed"], &at_end["files_done"], &at_end["state"]), (&json!(1), &json!(19), &json!("finished")));
}

#[test]
#[ignore = "needs root and ip netns"]
fn limits_are_kept_to() {
    for (end, option) in [(End::Receiver, "--down"), (End::Sender, "--up")] {
        let (pair, _source, file) = under_way();
        pair.ben.shoal(&["limit", "--down", "off"]).expect_code(0);
        let set = end.of(&pair).shoal(&["limit", option, "5M"]).expect_code(0);
        assert!(set.lines[0].to_string().contains("5000000"), "{:?}", set.lines);
        let sending = pair.offer(&[as_arg(&file)]).accept(&pair.ben, &[]).moving(&pair.ben, 2_000_000);
        let (began, before) = (Instant::now(), pair.ben.host().counters("eth0").received);
        std::thread::sleep(Duration::from_secs(4));
        let bytes = pair.ben.host().counters("eth0").received - before;
        let rate = bytes as f64 / began.elapsed().as_secs_f64() / 1e6;
        figure(&format!("limit {option} 5M, measured on the wire"), format!("{rate:.2} MB/s"));
        assert!((4.0..6.0).contains(&rate), "{rate} MB/s");
        let told = row(&pair.ben, &sending.id)["rate"].as_f64().unwrap() / 1e6;
        assert!((4.0..6.0).contains(&told), "told {told} MB/s");
        // Taken away in the middle, it holds nothing back any more.
        end.of(&pair).shoal(&["limit", option, "off"]).expect_code(0);
        let lifted = Instant::now();
        sending.finished();
        assert!(lifted.elapsed() < Duration::from_secs(5), "{:?}", lifted.elapsed());
        compare::assert_same(&file, &pair.ben.inbox().join("large"));
    }
}

/// A pair, and a file of [`SIZE`] bytes that takes six seconds to move unless the limit is lifted.
fn under_way() -> (Pair, TempDir, PathBuf) {
    let (pair, source) = (Pair::new(), tempdir().unwrap());
    let file = source.path().join("large");
    data::random_file(&file, SIZE, 1);
    pair.ben.shoal(&["limit", "--down", "10M"]).expect_code(0);
    (pair, source, file)
}

/// Who steers.
#[derive(Debug, Clone, Copy)]
enum End {
    Sender,
    Receiver,
}

impl End {
    fn of(self, pair: &Pair) -> &Peer {
        match self {
            Self::Sender => &pair.ann,
            Self::Receiver => &pair.ben,
        }
    }
}
