//! What a person sets is in force at once, for others too, and after a restart; the command line holds over it for one start.

use super::scene::{Pair, SOON, as_arg, met};
use serde_json::{Value, json};
use shoal_tests::{data, lab::Peer};
use std::time::Instant;
use tempfile::tempdir;

fn settings(peer: &Peer) -> Value {
    peer.ask(&json!({ "request": "settings" })).unwrap()
}

fn set(peer: &Peer, change: Value) {
    peer.ask(&json!({ "request": "set_settings", "change": change })).unwrap();
}

/// Waits until `of` is listed at `at` as wanted.
fn is_listed(at: &Peer, of: &Peer, what: &str, fits: impl Fn(Option<&Value>) -> bool) {
    let end = Instant::now() + SOON;
    loop {
        let rows = at.shoal(&["peers"]).expect_code(0).lines;
        if fits(rows.iter().find(|row| row["id"] == of.id())) {
            return;
        }
        assert!(Instant::now() < end, "{what}: {rows:?}");
    }
}

fn is_online(row: Option<&Value>) -> bool {
    row.is_some_and(|row| row["online"] == true)
}

#[test]
#[ignore = "needs root and ip netns"]
fn name_inbox_and_rule_hold_at_once_and_after_a_restart() {
    let (mut pair, folder) = (Pair::new(), tempdir().unwrap());
    let (file, inbox) = (folder.path().join("file"), folder.path().join("elsewhere/inbox"));
    data::random_file(&file, 1000, 1);
    let before = settings(&pair.ben);
    assert_eq!((&before["name"], &before["accept"], &before["discoverable"]), (&json!("ben"), &json!("ask"), &json!(true)));
    set(&pair.ben, json!({ "name": "Ben's NAS", "accept": "all", "inbox": inbox, "colour": 7 }));
    is_listed(&pair.ann, &pair.ben, "name and colour", |row| {
        row.is_some_and(|row| row["name"] == "Ben's NAS" && row["colour"] == 7)
    });
    pair.ben.wait_for("its own settings", SOON, |line| line["event"] == "settings" && line["colour"] == 7);
    let no_colour = pair.ben.ask(&json!({ "request": "set_settings", "change": { "colour": 12 } })).unwrap_err();
    assert_eq!(no_colour["code"], "usage", "{no_colour}");
    pair.ann.shoal(&["send", as_arg(&file), "--to", "Ben's NAS"]).expect_code(0);
    assert!(inbox.join("file").exists());
    let in_a_file = pair.ben.ask(&json!({ "request": "set_settings", "change": { "inbox": file.join("x") } })).unwrap_err();
    assert_eq!(in_a_file["code"], "no_space", "{in_a_file}");

    pair.ben.as_set();
    assert!(pair.ben.terminate().status.success());
    pair.ben.start_again();
    met(&pair.ann, &pair.ben);
    let after = settings(&pair.ben);
    assert_eq!((&after["name"], &after["accept"], &after["inbox"]), (&json!("Ben's NAS"), &json!("all"), &json!(inbox)));
    assert_eq!(after["colour"], 7);
    data::random_file(&file, 2000, 2);
    pair.ann.shoal(&["send", as_arg(&file), "--to", "Ben's NAS"]).expect_code(0);
}

/// Two seconds are what a device may take to be seen; those that are not to be seen must be gone as soon.
#[test]
#[ignore = "needs root and ip netns"]
fn who_is_not_discoverable_or_has_its_interface_off_goes_and_comes_back() {
    let pair = Pair::new();
    set(&pair.ben, json!({ "interfaces_off": ["eth0"] }));
    is_listed(&pair.ann, &pair.ben, "gone with its interface", |row| !is_online(row));
    let interfaces = settings(&pair.ben)["interfaces"].clone();
    assert_eq!((&interfaces[0]["name"], &interfaces[0]["used"]), (&json!("eth0"), &json!(false)), "{interfaces}");
    let codes = |peer: &Peer| -> Vec<Value> {
        let notes = peer.ask(&json!({ "request": "health" })).unwrap()["notes"].take();
        notes.as_array().unwrap().iter().map(|note| note["code"].clone()).collect()
    };
    assert_eq!(codes(&pair.ben)[0], "interfaces_off");
    let address = format!("10.77.0.2:{}", pair.ben.ready().addresses[0].port());
    pair.ann.shoal(&["verify", &address]).expect_code(3);
    set(&pair.ben, json!({ "interfaces_off": [] }));
    is_listed(&pair.ann, &pair.ben, "back", is_online);
    assert!(!codes(&pair.ben).contains(&json!("interfaces_off")));

    set(&pair.ben, json!({ "discoverable": false }));
    is_listed(&pair.ann, &pair.ben, "not announced", |row| {
        !is_online(row) || row.unwrap()["paths"].as_array().unwrap().iter().all(|path| path["via"] != "mdns")
    });
    assert!(codes(&pair.ben).contains(&json!("not_discoverable")));
    assert!(!codes(&pair.ann).contains(&json!("no_network")));
}
