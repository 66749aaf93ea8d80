//! A device's standing: compared, trusted, forgotten, blocked. Whoever is blocked is cut off within a second.

use super::scene::{Pair, SOON, as_arg, at, hosts, met, names_in, row};
use serde_json::{Value, json};
use shoal_tests::{
    compare, data, figure,
    lab::{Net, Peer},
};
use std::time::{Duration, Instant};
use tempfile::tempdir;

#[test]
#[ignore = "needs root and ip netns"]
fn both_ends_show_the_same_digits_and_standing_is_kept_and_forgotten() {
    let pair = Pair::new();
    let sas = pair.ann.shoal(&["verify", pair.ben.id()]).expect_code(0).lines[0].clone();
    let shown = pair.ben.wait_for("verifying", SOON, |line| line["event"] == "verifying");
    assert_eq!(shown["peer"], pair.ann.id());
    let digits = sas["sas_digits"].as_str().unwrap();
    assert!(digits.chars().filter(char::is_ascii_digit).count() == 6, "{digits}");
    for key in ["sas_digits", "sas_emoji"] {
        assert_eq!(sas[key], shown[key], "the two screens differ");
    }
    assert_eq!(trust(&pair.ann, &pair.ben), json!("stranger"), "comparing alone changes nothing");
    for standing in ["known", "verified", "blocked"] {
        pair.ann.shoal(&["trust", pair.ben.id(), standing]).expect_code(0);
        assert_eq!(trust(&pair.ann, &pair.ben), json!(standing));
    }
    pair.ann.shoal(&["forget", pair.ben.id()]).expect_code(0);
    assert_ne!(trust(&pair.ann, &pair.ben), json!("blocked"));
}

#[test]
#[ignore = "needs root and ip netns"]
fn only_verified_devices_are_accepted_without_a_question() {
    let pair = Pair::with(|ben| ben.accept("verified"));
    let source = tempdir().unwrap();
    let file = source.path().join("a");
    data::random_file(&file, 100_000, 1);
    let asked = pair.offer(&[as_arg(&file)]);
    let offers = pair.ben.shoal(&["offers"]).expect_code(0).lines;
    assert_eq!(offers.len(), 1, "a stranger's offer waits for an answer");
    asked.accept(&pair.ben, &[]).finished();
    assert_eq!(trust(&pair.ben, &pair.ann), json!("known"));
    let known = pair.offer(&[as_arg(&file)]);
    assert_eq!(pair.ben.shoal(&["offers"]).expect_code(0).lines.len(), 1, "known is not verified");
    known.accept(&pair.ben, &[]).finished();
    pair.ben.shoal(&["trust", pair.ann.id(), "verified"]).expect_code(0);
    pair.ann.shoal(&["send", as_arg(&file), "--to", pair.ben.id()]).expect_code(0);
    compare::assert_same(source.path(), &pair.ben.inbox());
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_blocked_device_is_cut_off_within_a_second_and_stays_out() {
    let net = Net::new();
    let (_switch, [ann, ben]) = hosts(&net, ["ann", "ben"]);
    let (ann, ben) = (at(&ann).start(), at(&ben).accept("all").start());
    met(&ann, &ben);
    let source = tempdir().unwrap();
    let file = source.path().join("large");
    data::random_file(&file, 60_000_000, 1);
    ben.shoal(&["limit", "--down", "5M"]).expect_code(0);
    let mut sending = super::scene::Sending::begin(&ann, &ben, &[as_arg(&file)]).moving(&ben, 1_000_000);
    let asked = Instant::now();
    ben.shoal(&["trust", ann.id(), "blocked"]).expect_code(0);
    // From here on the wire is silent, but for what was on its way.
    let mut last = (ben.host().counters("eth0").received, Instant::now());
    while asked.elapsed() < Duration::from_secs(3) {
        let now = ben.host().counters("eth0").received;
        if now > last.0 + 20_000 {
            last = (now, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let silent = last.1.duration_since(asked);
    figure("blocked in mid-transfer: content stops after", format!("{} ms", silent.as_millis()));
    assert!(silent < Duration::from_secs(1), "{silent:?}");
    assert_eq!(row(&ben, &sending.id)["state"], "cancelled");
    assert!(names_in(&ben.inbox()).is_empty(), "{:?}", names_in(&ben.inbox()));
    let reply = sending.reply();
    assert!(matches!(reply.code, Some(1 | 4)), "{:?} {:?}", reply.code, reply.lines);
    // It comes in no more.
    let refused = ann.shoal(&["send", as_arg(&file), "--to", ben.id()]);
    assert_eq!(refused.code, Some(4), "{:?} {}", refused.lines, refused.errors);
    assert!(ben.shoal(&["offers"]).expect_code(0).lines.is_empty());
    // Until it is forgotten.
    ben.shoal(&["forget", ann.id()]).expect_code(0);
    ben.shoal(&["limit", "--down", "off"]).expect_code(0);
    ann.shoal(&["send", as_arg(&file), "--to", ben.id()]).expect_code(0);
    compare::assert_same(source.path(), &ben.inbox());
}

fn trust(at: &Peer, of: &Peer) -> Value {
    let rows = at.shoal(&["peers"]).expect_code(0).lines;
    rows.iter().find(|row| row["id"] == of.id()).map_or(Value::Null, |row| row["trust"].clone())
}
