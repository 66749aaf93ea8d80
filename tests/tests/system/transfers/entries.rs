//! What a transfer holds, file by file, on either end: looked at before it is accepted, chosen from, watched, and forgotten.

use super::scene::{Pair, SOON, Sending, as_arg, names_in, row};
use serde_json::{Value, json};
use shoal_tests::{data, lab::Peer};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};
use tempfile::tempdir;

/// Name, state, files, bytes and bytes done of the entries that fit.
fn listed(peer: &Peer, id: &str, which: Value) -> Vec<(String, String, u64, u64, u64)> {
    let mut request = json!({ "request": "entries", "transfer": id, "offset": 0, "limit": 1000 });
    request.as_object_mut().unwrap().extend(which.as_object().unwrap().clone());
    let reply = peer.ask(&request).unwrap();
    let entries = reply["entries"].as_array().unwrap();
    assert_eq!(reply["total"], entries.len());
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    let number = |entry: &Value, key: &str| entry[key].as_u64().unwrap();
    let row = |entry: &Value| {
        let [files, bytes, done] = ["files", "bytes", "bytes_done"].map(|key| number(entry, key));
        (text(entry, "name"), text(entry, "state"), files, bytes, done)
    };
    entries.iter().map(row).collect()
}

fn entry(name: &str, state: &str, files: u64, bytes: u64, done: u64) -> (String, String, u64, u64, u64) {
    (name.to_owned(), state.to_owned(), files, bytes, done)
}

/// `all` holds `docs` (two files), `empty`, and `film` (20 MB).
fn source(folder: &Path) {
    fs::create_dir_all(folder.join("all/docs")).unwrap();
    fs::create_dir(folder.join("all/empty")).unwrap();
    data::random_file(&folder.join("all/docs/a"), 1000, 1);
    data::random_file(&folder.join("all/docs/b"), 2000, 2);
    data::random_file(&folder.join("all/film"), 20_000_000, 3);
}

#[test]
#[ignore = "needs root and ip netns"]
fn chosen_entries_are_all_that_comes_and_both_ends_show_each_file() {
    let (pair, folder) = (Pair::new(), tempdir().unwrap());
    source(folder.path());
    let offered = pair.offer(&[as_arg(&folder.path().join("all"))]);
    let id = offered.id.clone();
    // 0 all, 1 docs, 2 docs/a, 3 docs/b, 4 empty, 5 film
    let inside = json!({ "folder": 0 });
    let waiting =
        [entry("docs", "waiting", 2, 3000, 0), entry("empty", "waiting", 0, 0, 0), entry("film", "waiting", 1, 20_000_000, 0)];
    assert_eq!(listed(&pair.ben, &id, inside.clone()), waiting);
    assert_eq!(listed(&pair.ben, &id, json!({ "find": "FIL" })), [entry("film", "waiting", 1, 20_000_000, 0)]);
    let accept = |entries: Value| pair.ben.ask(&json!({ "request": "accept", "transfer": id, "entries": entries }));
    let nonsense = accept(json!([{ "start": 3, "end": 7 }])).unwrap_err();
    assert_eq!(nonsense["code"], "usage", "{nonsense}");
    accept(json!([{ "start": 3, "end": 4 }, { "start": 4, "end": 5 }])).unwrap();
    let finished = offered.finished();
    assert_eq!((&finished["files"], &finished["bytes"]), (&json!(1), &json!(2000)));
    let came = pair.ben.inbox().join("all");
    assert_eq!(names_in(&came), ["docs", "empty"]);
    assert_eq!(names_in(&came.join("docs")), ["b"]);

    let at_ben =
        [entry("docs", "done", 1, 2000, 2000), entry("empty", "done", 0, 0, 0), entry("film", "left_out", 1, 20_000_000, 0)];
    assert_eq!(listed(&pair.ben, &id, inside.clone()), at_ben);
    assert_eq!(listed(&pair.ann, &id, inside), at_ben, "the sender knows what it gave");
    for peer in [&pair.ann, &pair.ben] {
        let left_out: Vec<_> = listed(peer, &id, json!({ "state": "left_out" })).into_iter().map(|row| row.0).collect();
        assert_eq!(left_out, ["a", "film"]);
    }
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_paused_transfer_shows_what_is_there_also_after_a_restart_of_both() {
    let (mut pair, folder) = (Pair::new(), tempdir().unwrap());
    source(folder.path());
    pair.ben.shoal(&["limit", "--down", "4M"]).expect_code(0);
    let sending = pair.offer(&[as_arg(&folder.path().join("all"))]).accept(&pair.ben, &[]).moving(&pair.ben, 4_000_000);
    // Within the limit streams take turns: small files may come behind a part of the large one.
    let begun = Instant::now();
    while listed(&pair.ben, &sending.id, json!({ "folder": 0 }))[0].1 != "done" {
        assert!(begun.elapsed() < Duration::from_secs(3), "small files do not come");
        std::thread::sleep(Duration::from_millis(10));
    }
    pair.ben.shoal(&["pause", &sending.id]).expect_code(0);
    sending.wait_state(&pair.ann, "paused");
    // It says so before what came is recorded, and is paused after that.
    sending.wait_state(&pair.ben, "paused");
    let id = sending.id.clone();
    let look = |pair: &Pair| {
        for peer in [&pair.ben, &pair.ann] {
            let rows = listed(peer, &id, json!({ "folder": 0 }));
            assert_eq!(rows[0], entry("docs", "done", 2, 3000, 3000));
        }
        let film = listed(&pair.ben, &id, json!({ "folder": 0 }))[2].clone();
        assert!(film.1 == "active" && film.4 >= 3_900_000 && film.4 < 20_000_000, "{film:?}");
        film.4
    };
    let before = look(&pair);
    let since = row(&pair.ben, &id)["since"].as_u64().unwrap();
    assert!(since >= row(&pair.ben, &id)["started"].as_u64().unwrap());
    // The command ends first: it would not with its engine gone.
    drop(sending);
    for peer in [&mut pair.ann, &mut pair.ben] {
        assert!(peer.terminate().status.success());
        peer.start_again();
    }
    assert_eq!(row(&pair.ben, &id)["since"], since, "it is paused since then");
    assert_eq!(look(&pair), before);
    let early = pair.ben.ask(&json!({ "request": "forget_transfer", "transfer": id })).unwrap_err();
    assert_eq!(early["code"], "failed", "it is not over: {early}");
    pair.ben.shoal(&["limit", "--down", "none"]).expect_code(0);
    // Who paused it goes on, and nobody else need.
    pair.ben.shoal(&["resume", &id]).expect_code(0);
    for peer in [&pair.ann, &pair.ben] {
        peer.wait_for("the end", SOON, |line| line["event"] == "finished" && line["transfer"] == id.as_str());
        let rows = listed(peer, &id, json!({ "state": "done" }));
        assert_eq!(rows.len(), 3, "{rows:?}");
    }
}

#[test]
#[ignore = "needs root and ip netns"]
fn what_is_over_leaves_the_history_when_asked_and_its_files_stay() {
    let (pair, folder) = (Pair::new(), tempdir().unwrap());
    let files = ["one", "two", "three"].map(|name| folder.path().join(name));
    files.iter().zip(1..).for_each(|(file, seed)| data::random_file(file, 1000, seed));
    let ids: Vec<String> = files[..2].iter().map(|file| pair.send(file)["transfer"].as_str().unwrap().to_owned()).collect();
    let open = Sending::begin(&pair.ann, &pair.ben, &[as_arg(&files[2])]);
    open.wait_at(&pair.ben, "offered");
    let ids_at = |peer: &Peer| -> Vec<Value> {
        peer.shoal(&["transfers", "--all"]).expect_code(0).lines.iter().map(|row| row["transfer"].clone()).collect()
    };
    pair.ben.ask(&json!({ "request": "forget_transfer", "transfer": ids[0] })).unwrap();
    pair.ben.wait_for("the event", SOON, |line| line["event"] == "transfer_gone" && line["transfer"] == ids[0].as_str());
    assert_eq!(ids_at(&pair.ben), [open.id.as_str(), &ids[1]]);
    assert_eq!(ids_at(&pair.ann).len(), 3, "the other end keeps its own");
    let again = pair.ben.ask(&json!({ "request": "forget_transfer", "transfer": ids[0] }));
    assert!(again.is_err(), "{again:?}");
    pair.ben.ask(&json!({ "request": "clear_history" })).unwrap();
    pair.ben.wait_for("the event", SOON, |line| line["event"] == "transfer_gone" && line["transfer"] == ids[1].as_str());
    assert_eq!(ids_at(&pair.ben), [open.id.as_str()], "what waits for an answer is not over");
    open.accept(&pair.ben, &[]).finished();
    assert_eq!(names_in(&pair.ben.inbox()), ["one", "three", "two"]);
}
