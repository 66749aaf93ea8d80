//! Offers and their answers: texts, several receivers, a part of an offer, no, and what scripts read of it all.

use super::scene::{Pair, SOON, Sending, as_arg, at, hosts, met, names_in, row};
use serde_json::{Value, json};
use shoal_tests::{compare, data, lab::Net};
use std::{
    fs,
    time::{Duration, Instant},
};
use tempfile::tempdir;

#[test]
#[ignore = "needs root and ip netns"]
fn a_text_arrives_as_it_was_written() {
    let pair = Pair::new();
    let long = "ä long line of text, ".repeat(3_500);
    for text in ["hello\n  – こんにちは 👋\t\"quoted\"\n", "", "x", long.as_str()] {
        let mut sending = pair.ann.begin(&["send", "--text", text, "--to", pair.ben.id()]);
        if text.is_empty() {
            sending.reply(SOON).expect_code(2);
            continue;
        }
        let offer = wait_for_offer(&pair);
        if text.len() < 60_000 {
            assert_eq!((&offer["text"], &offer["files"]), (&json!(text), &json!(0)), "{offer}");
        }
        pair.ben.shoal(&["accept", offer["offer"].as_str().unwrap()]).expect_code(0);
        let reply = sending.reply(SOON).expect_code(0);
        assert!(reply.lines.iter().any(|line| line["event"] == "finished"), "{:?}", reply.lines);
    }
    // What is longer than a message may be comes as a file.
    assert_eq!(names_in(&pair.ben.inbox()), ["text.txt"]);
    assert_eq!(fs::read_to_string(pair.ben.inbox().join("text.txt")).unwrap(), long);
}

#[test]
#[ignore = "needs root and ip netns"]
fn several_receivers_are_served_at_once() {
    let net = Net::new();
    let (_switch, hosts) = hosts(&net, ["ann", "ben", "cem", "dia"]);
    let ann = at(&hosts[0]).start();
    let receivers: Vec<_> = hosts[1..].iter().map(|host| at(host).accept("all").start()).collect();
    receivers.iter().for_each(|peer| met(&ann, peer));
    let source = tempdir().unwrap();
    data::many_files(&source.path().join("pictures"), 300, 100_000, 3, 1);
    let folder = source.path().join("pictures");
    let mut args = vec!["send", as_arg(&folder)];
    receivers.iter().for_each(|peer| args.extend(["--to", peer.id()]));
    let reply = ann.shoal(&args).expect_code(0);
    assert_eq!(reply.lines.iter().filter(|line| line["event"] == "finished").count(), 3, "{:?}", reply.lines);
    for peer in &receivers {
        assert_eq!(compare::assert_same(source.path(), &peer.inbox()), 300);
    }
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_part_of_an_offer_is_taken_and_nothing_else() {
    let (pair, source) = (Pair::new(), tempdir().unwrap());
    let folder = source.path().join("trip");
    for name in ["a.jpg", "b.JPG", "c.png", "deep/er/d.jpg", "deep/notes.txt", "other/e.txt"] {
        data::random_file(&folder.join(name), 10_000, 1);
    }
    let offer = pair.offer(&[as_arg(&folder)]);
    let listed = wait_for_offer(&pair);
    assert_eq!(
        (&listed["offer"], &listed["name"], &listed["files"], &listed["bytes"]),
        (&json!(offer.id), &json!("trip"), &json!(6), &json!(60_000)),
        "{listed}"
    );
    assert_eq!(listed["from"], pair.ann.id());
    let finished = offer.accept(&pair.ben, &["--only", "*.jpg"]).finished();
    assert_eq!((&finished["files"], &finished["bytes_moved"]), (&json!(3), &json!(30_000)), "{finished}");
    let inbox = pair.ben.inbox().join("trip");
    assert_eq!(names_in(&inbox), ["a.jpg", "b.JPG", "deep"]);
    assert_eq!(names_in(&inbox.join("deep")), ["er"]);
    assert_eq!(names_in(&inbox.join("deep/er")), ["d.jpg"]);

    let nothing = pair.offer(&[as_arg(&folder)]);
    pair.ben.shoal(&["accept", &nothing.id, "--only", "*.gif"]).expect_code(1);
    let elsewhere = pair.ben.home().path().join("else where");
    nothing.accept(&pair.ben, &["--only", "c.png", "--into", as_arg(&elsewhere)]).finished();
    assert_eq!(names_in(&elsewhere.join("trip")), ["c.png"]);
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_declined_offer_ends_with_4_and_writes_nothing() {
    let (pair, source) = (Pair::new(), tempdir().unwrap());
    let file = source.path().join("song.ogg");
    data::random_file(&file, 100_000, 1);
    let mut offer = pair.offer(&[as_arg(&file)]);
    assert!(names_in(&pair.ben.inbox()).is_empty(), "something was written before consent");
    let declined = pair.ben.shoal(&["decline", &offer.id]).expect_code(0);
    assert_eq!(declined.lines[0]["offer"], json!(offer.id));
    let reply = offer.reply().expect_code(4);
    let failed = reply.lines.iter().find(|line| line["event"] == "failed").unwrap();
    assert_eq!(failed["error"], "ben declined song.ogg");
    assert!(reply.errors.contains("ben declined song.ogg"), "{}", reply.errors);
    assert_eq!(reply.errors.matches("declined").count(), 1, "said once: {}", reply.errors);
    assert!(names_in(&pair.ben.inbox()).is_empty());
    assert!(pair.ben.shoal(&["offers"]).expect_code(0).lines.is_empty());
    assert_eq!(row(&pair.ann, &offer.id)["state"], "declined");
    // What was answered cannot be answered again.
    pair.ben.shoal(&["accept", &offer.id]).expect_code(1);
}

#[test]
#[ignore = "needs root and ip netns"]
fn an_offer_can_be_taken_back() {
    let (pair, source) = (Pair::new(), tempdir().unwrap());
    let file = source.path().join("song.ogg");
    data::random_file(&file, 100_000, 1);
    let mut offer = pair.offer(&[as_arg(&file)]);
    pair.ann.shoal(&["cancel", &offer.id]).expect_code(0);
    offer.reply().expect_code(1);
    offer.wait_at(&pair.ben, "failed");
    assert!(pair.ben.shoal(&["offers"]).expect_code(0).lines.is_empty());
    assert!(names_in(&pair.ben.inbox()).is_empty());
}

#[test]
#[ignore = "needs root and ip netns"]
fn what_cannot_be_sent_says_so_with_its_exit_code() {
    let (pair, source) = (Pair::new(), tempdir().unwrap());
    let file = source.path().join("song.ogg");
    data::random_file(&file, 10, 1);
    let missing = as_arg(source.path()).to_owned() + "/nothing here";
    let says = |args: &[&str], code: i32, words: &str| {
        let reply = pair.ann.shoal(args).expect_code(code);
        let said = reply.errors.lines().last().unwrap_or_default().to_owned();
        assert!(said.contains(words) && !said.contains("Error {") && !said.contains("Os {"), "{args:?}: {said}");
    };
    says(&["send", &missing, "--to", pair.ben.id()], 1, "nothing here");
    says(&["send", as_arg(&file), "--to", "nobody-of-that-name"], 3, "nobody-of-that-name");
    says(&["accept", "ffffffff"], 1, "ffffffff");
    says(&["pause", "ffffffff"], 1, "ffffffff");
    pair.ann.shoal(&["send", as_arg(&file)]).expect_code(2);
    pair.ann.shoal(&["limit", "--down", "fast"]).expect_code(2);
}

/// The one offer that waits at Ben.
fn wait_for_offer(pair: &Pair) -> Value {
    let end = std::time::Instant::now() + SOON;
    loop {
        if let [offer] = &pair.ben.shoal(&["offers"]).expect_code(0).lines[..] {
            return offer.clone();
        }
        assert!(std::time::Instant::now() < end, "no offer");
    }
}

/// Only so many offers of a device wait for an answer; the others are refused by nobody, and come when there is room.
#[test]
#[ignore = "needs root and ip netns"]
fn offers_beyond_those_that_may_wait_come_when_there_is_room() {
    const OFFERS: usize = 12;
    let pair = Pair::with(|ben| ben.accept("ask"));
    let source = tempdir().unwrap();
    let sendings: Vec<Sending> = (0..OFFERS)
        .map(|i| {
            let file = source.path().join(format!("file {i:02}"));
            data::random_file(&file, 1000, i as u64);
            Sending::begin(&pair.ann, &pair.ben, &[as_arg(&file)])
        })
        .collect();
    let (began, mut most, mut accepted) = (Instant::now(), 0, 0);
    while accepted < OFFERS {
        assert!(began.elapsed() < Duration::from_secs(30), "{accepted} of {OFFERS} came");
        // Long enough for all that may come to be there at first.
        std::thread::sleep(Duration::from_secs(if accepted == 0 { 2 } else { 0 }));
        let offers = pair.ben.shoal(&["offers"]).expect_code(0).lines;
        most = most.max(offers.len());
        for offer in &offers {
            pair.ben.shoal(&["accept", offer["offer"].as_str().unwrap()]).expect_code(0);
            accepted += 1;
        }
    }
    for sending in sendings {
        sending.finished();
    }
    assert!(most < OFFERS, "all {most} waited at once");
    assert_eq!(compare::assert_same(source.path(), &pair.ben.inbox()), OFFERS);
}

#[test]
#[ignore = "needs root and ip netns"]
fn more_transfers_than_move_at_once_all_finish() {
    let pair = Pair::with(|ben| ben.accept("all"));
    let source = tempdir().unwrap();
    // Slow enough that they meet.
    pair.ben.shoal(&["limit", "--down", "20M"]).expect_code(0);
    let sendings: Vec<Sending> = (0..20)
        .map(|i| {
            let file = source.path().join(format!("file {i:02}"));
            data::random_file(&file, 2_000_000, i);
            Sending::begin(&pair.ann, &pair.ben, &[as_arg(&file)])
        })
        .collect();
    for sending in sendings {
        sending.finished();
    }
    assert_eq!(compare::assert_same(source.path(), &pair.ben.inbox()), 20);
    let rows = pair.ben.shoal(&["transfers", "--all"]).expect_code(0).lines;
    assert_eq!(rows.len(), 20);
    for row in &rows {
        assert_eq!(row["state"], "finished", "{row}");
        for key in
            ["transfer", "direction", "peers", "name", "files", "files_done", "files_failed", "bytes", "bytes_done", "rate"]
        {
            assert!(!row[key].is_null(), "{key} is missing: {row}");
        }
        assert_eq!((&row["direction"], &row["peers"]), (&json!("receive"), &json!([pair.ann.id()])));
    }
    assert!(pair.ben.shoal(&["transfers"]).expect_code(0).lines.is_empty(), "what is over is listed only with --all");
}
