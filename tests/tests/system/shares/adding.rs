//! A drop box: who may, adds files unasked; kills on either side cost little; whoever loses the right is cut off.

use super::{SOON, Scene, as_arg, knows, place, share, shared, soon, write};
use serde_json::json;
use shoal_tests::{compare, data, figure};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// The contract of the command.
#[test]
#[ignore = "needs root and ip netns"]
fn files_are_added_to_a_share_by_whoever_may() {
    let scene = Scene::new(["ann", "ben"]);
    let [ann, ben] = &scene.peers;
    let album = ben.home().path().join("album");
    data::many_files(&album, 300, 10_000, 10, 1);
    write(&shared(ann), "in/notes.txt", b"of ann");
    write(ben.home().path(), "notes.txt", b"of ben");
    let notes = ben.home().path().join("notes.txt");
    share(ann, &["--write"]);
    // As long as ann does not know it, there is no such share.
    ben.shoal(&["send", as_arg(&notes), "--to", &place(ann, "in")]).expect_code(4);
    knows(ann, ben);
    let sent = ben.shoal(&["send", as_arg(&album), as_arg(&notes), "--to", &place(ann, "in")]).expect_code(0);
    let finished = sent.lines.iter().find(|line| line["event"] == "finished").unwrap();
    assert_eq!(finished["files"], 301, "{finished}");
    assert_eq!(compare::assert_same(&album, &shared(ann).join("in/album")), 300);
    let read = |name: &str| std::fs::read(shared(ann).join("in").join(name)).unwrap();
    assert!(read("notes.txt") == b"of ann" && read("notes (2).txt") == b"of ben");
    let rows = ann.shoal(&["transfers", "--all"]).expect_code(0).lines;
    assert!(rows.iter().all(|row| row["direction"] == "receive" && row["added_to"] == "things/in"), "{rows:?}");
    assert!(ann.shoal(&["offers"]).expect_code(0).lines.is_empty());
    soon("those who look see it", || ben.shoal(&["ls", &place(ann, "in")]).expect_code(0).lines.len() == 3);
    ann.shoal(&["share", "change", "things", "--read-only"]).expect_code(0);
    let refused = ben.shoal(&["send", as_arg(&notes), "--to", &place(ann, "in")]).expect_code(4);
    assert!(refused.errors.contains("not add to it"), "{}", refused.errors);
    ben.shoal(&["send", as_arg(&notes), "--to", &format!("{}:/", ann.id())]).expect_code(2);
}

#[test]
#[ignore = "needs root and ip netns"]
fn adding_survives_kills_on_either_side_and_ends_with_the_right() {
    let scene = Scene::new(["ann", "ben"]);
    let [mut ann, mut ben] = scene.peers;
    let large = ben.home().path().join("large");
    std::fs::write(&large, vec![7; 60_000_000]).unwrap();
    share(&ann, &["--write"]);
    knows(&ann, &ben);
    ben.shoal(&["limit", "--up", "8MB/s"]).expect_code(0);
    let content = json!({"kind": "paths", "paths": [as_arg(&large)]});
    let add = json!({"request": "add_to", "peer": ann.id(), "path": "/things", "content": content, "wait_s": 5});
    ben.ask(&add).unwrap();
    for end in ["ann", "ben", "ann"] {
        ann.wait_for("content", SOON, |line| line["event"] == "progress" && line["bytes_done"].as_u64() > Some(8_000_000));
        if end == "ann" {
            ann.kill9();
            ann.start_again();
        } else {
            ben.kill9();
            ben.start_again();
        }
    }
    ann.wait_for("its end", SOON, |line| line["event"] == "finished");
    assert!(std::fs::read(shared(&ann).join("large")).unwrap() == vec![7; 60_000_000]);

    std::fs::write(&large, vec![8; 60_000_000]).unwrap();
    let mut send = ben.begin(&["send", as_arg(&large), "--to", &place(&ann, ""), "--patience", "1"]);
    send.wait_for("progress", SOON, |line| line["event"] == "progress" && line["bytes_done"].as_u64() > Some(0));
    let asked = Instant::now();
    ann.shoal(&["share", "change", "things", "--pause"]).expect_code(0);
    assert_ne!(send.reply(SOON).code, Some(0));
    let took = asked.elapsed();
    figure("pausing in mid-addition: it is over there after", format!("{} ms", took.as_millis()));
    assert!(took < 2 * SECOND, "{took:?}");
    let left: Vec<_> = std::fs::read_dir(shared(&ann)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["large"]);
}
