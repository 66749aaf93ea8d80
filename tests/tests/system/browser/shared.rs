//! Folders that one device shares and a person at a browser opens.

use super::Room;
use crate::holiday;
use serde_json::json;
use shoal_tests::{compare, figure};
use std::path::Path;

/// Ann's device shares a folder with everybody; Ann and Ben sit at browsers.
fn room(folder: &Path, args: &[&str]) -> Room {
    let room = Room::new(["ann", "ben"]);
    let add = ["share", "add", folder.to_str().unwrap(), "--for", "everyone"];
    room.people[0].shoal(&[&add, args].concat()).expect_code(0);
    room
}

#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn a_neighbours_folder_is_opened_seen_searched_and_fetched_from_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let holiday = holiday::make(folder.path());
    let room = room(&holiday, &[]);
    room.journey("shared", &[], &holiday);
    let inbox = room.people[1].inbox();
    compare::assert_same(&holiday.join("route.bin"), &inbox.join("route.bin"));
    assert_eq!(compare::assert_same(&holiday.join("Day 1"), &inbox.join("Day 1")), 20);
    assert!(!inbox.join("map of the coast.bin").exists(), "nobody chose it");
}

#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn a_neighbours_folder_needs_no_mouse_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let holiday = holiday::make(folder.path());
    let room = room(&holiday, &[]);
    room.journey("shared_by_keyboard", &[], &holiday);
    for name in ["packing list.txt", "route.bin"] {
        compare::assert_same(&holiday.join(name), &room.people[1].inbox().join(name));
    }
}

/// A list that is not as the folder is misleads; a right that is taken back must end at once.
#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn what_the_owner_changes_takes_back_or_takes_away_is_seen_within_a_second_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let holiday = holiday::make(folder.path());
    let room = room(&holiday, &[]);
    let found = room.run("shared_changes", json!({ "folder": holiday }), |what| match what {
        "away" => _ = room.people[0].host().ip("link set eth0 down"),
        "back" => _ = room.people[0].host().ip("link set eth0 up"),
        other => panic!("{other}"),
    });
    for (what, took) in found.as_object().unwrap() {
        let took = took.as_f64().unwrap();
        figure(&format!("shared folder in Chromium, {what}, seen after"), format!("{took:.0} ms"));
        assert!(took <= 1000.0, "{what}: {took} ms");
    }
}

/// Whoever lets others add gets what they add, and nothing of theirs replaces what was there.
#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn files_are_added_to_a_neighbours_folder_from_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let holiday = holiday::make(folder.path());
    let before = compare::hash(&holiday.join("route.bin"));
    let room = room(&holiday, &["--write"]);
    let mine = tempfile::tempdir().unwrap();
    let added = mine.path().join("route.bin");
    std::fs::write(&added, "another route").unwrap();
    room.journey("shared_add", &[&added], &holiday);
    assert_eq!(compare::hash(&holiday.join("route.bin")), before);
    compare::assert_same(&added, &holiday.join("route (2).bin"));
}
