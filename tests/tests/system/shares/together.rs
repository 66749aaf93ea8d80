//! What people do: share, look, search everybody, fetch.

use super::{Scene, as_arg, indexed, knows, place, share, shared, sorted, write};
use shoal_tests::{compare, data, figure};

/// The contract of the command, from end to end.
#[test]
#[ignore = "needs root and ip netns"]
fn a_folder_is_shared_listed_searched_and_fetched() {
    let scene = Scene::new(["ann", "ben"]);
    let [ann, ben] = &scene.peers;
    data::many_files(&shared(ann).join("album"), 300, 10_000, 10, 1);
    write(&shared(ann), "Über uns.txt", b"hello");
    write(&shared(ann), ".hidden/secret", b"secret");
    let row = share(ann, &["--ignore", "*.tmp"]);
    assert!(row["share"] == "things" && row["for"][0] == "known" && row["write"] == false, "{row}");
    ben.shoal(&["ls", &place(ann, "")]).expect_code(4);
    assert!(ben.shoal(&["ls", ann.id()]).expect_code(0).lines.is_empty(), "for those that are known");
    knows(ann, ben);
    let shares = ben.shoal(&["ls", ann.id()]).expect_code(0).lines;
    assert!(shares.len() == 1 && shares[0]["kind"] == "share" && shares[0]["name"] == "things", "{shares:?}");
    indexed(ann, 301);
    let top = ben.shoal(&["ls", &place(ann, "")]).expect_code(0).lines;
    assert_eq!(sorted(&top, "name"), ["album", "Über uns.txt"]);
    assert!(top[0]["kind"] == "folder" && top[0]["size"] == 3_000_000, "{top:?}");

    let found = ben.shoal(&["search", "UBER", "--on", ann.id()]).expect_code(0).lines;
    assert_eq!(sorted(&found, "path"), ["/things/Über uns.txt"]);
    assert!(found[0]["peer"] == ann.id() && found[0]["size"] == 5, "{found:?}");
    assert!(ben.shoal(&["search", "secret"]).expect_code(0).lines.is_empty());

    let into = ben.home().path().join("got");
    let got = ben.shoal(&["get", &place(ann, "album"), &place(ann, "Über uns.txt"), "--into", as_arg(&into)]).expect_code(0);
    let finished = got.lines.iter().find(|line| line["event"] == "finished").unwrap();
    assert_eq!(finished["files"], 301, "{finished}");
    assert_eq!(compare::assert_same(&shared(ann).join("album"), &into.join("album")), 300);
    let rows = ben.shoal(&["transfers", "--all"]).expect_code(0).lines;
    assert!(rows.iter().all(|row| row["direction"] == "fetch"), "{rows:?}");
    // What is there already does not cross the network again.
    let again = ben.shoal(&["get", &place(ann, "album"), "--into", as_arg(&into)]).expect_code(0);
    assert_eq!(again.lines.iter().find(|line| line["event"] == "finished").unwrap()["bytes_moved"], 0);
    ben.shoal(&["get", &place(ann, "nothing")]).expect_code(4);
    ben.shoal(&["get", ann.id()]).expect_code(2);
}

#[test]
#[ignore = "needs root and ip netns"]
fn three_peers_are_searched_at_once_and_the_same_content_is_known_as_such() {
    let scene = Scene::new(["ann", "ben", "cy", "dan"]);
    let [ann, ben, cy, dan] = &scene.peers;
    for (number, peer) in [ann, ben, cy].into_iter().enumerate() {
        data::many_files(&shared(peer).join("many"), 2000, 10, 100, number as u64);
        write(&shared(peer), "film of all.mkv", &[7; 100_000]);
        write(&shared(peer), &format!("film of {number}.mkv"), format!("{number}").as_bytes());
        share(peer, &["--for", "everyone"]);
    }
    for peer in [ann, ben, cy] {
        indexed(peer, 2002);
    }
    let found = dan.shoal(&["search", "film mkv"]).expect_code(0);
    assert_eq!(found.lines.len(), 6, "{:?}", found.lines);
    figure("search of three peers, as a command", format!("{} ms", found.took.as_millis()));
    let films: Vec<_> = found.lines.iter().filter(|line| line["path"] == "/things/film of all.mkv").collect();
    assert_eq!(films.len(), 3);
    let mut hashes: Vec<_> = films.iter().filter_map(|film| film["blake3"].as_str()).collect();
    hashes.dedup();
    // Hashed when nothing else is to be done, which may be later.
    assert!(hashes.len() <= 1, "{films:?}");
}
