//! Disks fail in the middle of things. Every kind of call that a file's way to its name consists of fails once: the file in question
//! is named, nothing else is harmed, nothing has a name that is not whole, and trying again succeeds.

use super::{MIB, Names, PATIENCE, PORT, assert_arrived, send, transfer_of, two_hosts};
use serde_json::Value;
use shoal_tests::{
    data,
    lab::{Host, Line, Peer, PeerSetup},
};
use std::{collections::BTreeMap, fs, path::Path};

fn peer(host: &Host) -> PeerSetup {
    Peer::at(host).args(&["--port", PORT, "--no-mdns"])
}

/// Two files of several pieces, and small ones enough that they are synced together.
fn make_source(folder: &Path) {
    data::random_file(&folder.join("film.mkv"), 3 * MIB + 5, 1);
    data::random_file(&folder.join("song.flac"), 2 * MIB + 7, 2);
    data::many_files(folder, 12, 3000, 3, 3);
    fs::create_dir_all(folder.join("empty")).unwrap();
}

#[test]
#[ignore = "needs root, ip netns and strace"]
fn every_call_of_the_receiver_that_fails_costs_nothing_but_a_retry() {
    let (_net, _cable, ann, ben) = two_hosts(Line::gigabit());
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("holiday");
    make_source(&source);
    let names = Names::of(&source);
    let sender = peer(&ann).start();
    for call in ["pwrite64", "fsync", "fdatasync", "syncfs", "renameat2"] {
        for error in ["EIO", "ENOSPC"] {
            let fault = format!("{call}:error={error}:when=1");
            let mut receiver = peer(&ben).accept("all").fault(&fault).start();
            let id = one_round(&sender, &mut receiver, &source, &names, &fault);
            if error == "ENOSPC" && ["pwrite64", "renameat2"].contains(&call) {
                // No room is waited for; nobody has to do anything.
                assert!(!interruptions(&mut receiver).is_empty(), "{fault}: {:?}", receiver.process().lines());
            }
            let end = last_end(&mut receiver, &id);
            if end["files_failed"].as_u64() != Some(0) {
                let log = receiver.process().log();
                let name = names.0.keys().any(|path| log.contains(path.to_str().unwrap()));
                assert!(name, "{fault}: the log names what failed: {log}");
                receiver.mend();
                receiver.start_again();
                receiver.shoal(&["retry", &id]).expect_code(0);
                receiver.wait_for("the end of a second try", PATIENCE, |line| line["event"] == "finished");
            }
            assert_arrived(&source, receiver.home());
        }
    }
}

#[test]
#[ignore = "needs root, ip netns and strace"]
fn a_source_that_cannot_be_read_fails_alone_and_is_tried_again() {
    let (_net, _cable, ann, ben) = two_hosts(Line::gigabit());
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("holiday");
    make_source(&source);
    let names = Names::of(&source);
    let mut sender = peer(&ann).fault("pread64:error=EIO:when=3").start();
    let mut receiver = peer(&ben).accept("all").start();
    let id = one_round(&sender, &mut receiver, &source, &names, "pread64 of the sender");
    let end = last_end(&mut receiver, &id);
    assert!((1..10).contains(&end["files_failed"].as_u64().unwrap()), "some fail, others do not: {end}");
    let log = sender.process().log();
    assert!(names.0.keys().any(|path| log.contains(path.to_str().unwrap())), "the log names it: {log}");
    sender.mend();
    sender.start_again();
    receiver.process().forget_lines();
    receiver.shoal(&["retry", &id]).expect_code(0);
    receiver.wait_for("the end of a second try", PATIENCE, |line| line["event"] == "finished" && line["files_failed"] == 0);
    assert_arrived(&source, receiver.home());
}

/// The database is what remembers: when it cannot be written, the transfer says so, and what is there stays right.
#[test]
#[ignore = "needs root, ip netns and strace"]
fn a_database_that_cannot_be_written_is_said_and_survived() {
    let (_net, _cable, ann, ben) = two_hosts(Line::gigabit());
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("holiday");
    make_source(&source);
    let names = Names::of(&source);
    let sender = peer(&ann).start();
    // The data folder's disk is full while the inbox has room.
    let disk = shoal_tests::lab::SmallDisk::new(2);
    let inbox = folder.path().join("inbox");
    let mut receiver = peer(&ben)
        .home(shoal_tests::lab::Home::at(disk.path()))
        .accept("all")
        .args(&["--inbox", inbox.to_str().unwrap()])
        .start();
    let filler = disk.path().join("filler");
    super::fill(&filler);
    let sending = send(&sender, &source);
    let said = receiver
        .wait_for("what is wrong", PATIENCE, |line| ["failed", "interrupted"].iter().any(|event| line["event"] == *event));
    println!("full disk under the database: {said}");
    names.check(&inbox.join("holiday"), &mut BTreeMap::new());
    fs::remove_file(&filler).unwrap();
    drop(sending);
    receiver.process().forget_lines();
    receiver.start_again();
    let id = said["transfer"].as_str().unwrap();
    let known = receiver.shoal(&["transfers", "--all"]).lines.into_iter().find(|row| row["transfer"] == id);
    println!("after a restart: {known:?}");
    match known.as_ref().and_then(|row| row["state"].as_str()) {
        Some("failed") => _ = receiver.shoal(&["retry", id]).expect_code(0),
        Some(_) => {}
        None => drop(send(&sender, &source)),
    }
    receiver.wait_for("its end", PATIENCE, |line| line["event"] == "finished");
    shoal_tests::compare::assert_same(&source, &inbox.join("holiday"));
}

/// Sends once and waits for the end; what has a name meanwhile is whole.
fn one_round(sender: &Peer, receiver: &mut Peer, source: &Path, names: &Names, fault: &str) -> String {
    drop(send(sender, source));
    let id = transfer_of(receiver);
    receiver.wait_for(&format!("an end, with {fault}"), PATIENCE, |line| {
        line["transfer"] == id.as_str() && ["finished", "failed"].iter().any(|event| line["event"] == *event)
    });
    names.check(&receiver.inbox().join("holiday"), &mut BTreeMap::new());
    let end = last_end(receiver, &id);
    println!("{fault}: {} of {} files failed; {}", end["files_failed"], names.0.len(), interruptions(receiver).join("; "));
    assert_eq!(end["event"], "finished", "{fault}: {end}");
    id
}

fn last_end(receiver: &mut Peer, id: &str) -> Value {
    let ends = receiver
        .process()
        .lines()
        .into_iter()
        .filter(|line| line["transfer"] == id && ["finished", "failed"].iter().any(|event| line["event"] == *event));
    ends.last().expect("it ended")
}

fn interruptions(receiver: &mut Peer) -> Vec<String> {
    let lines = receiver.process().lines();
    let mut reasons: Vec<String> =
        lines.iter().filter(|line| line["event"] == "interrupted").map(|line| line["reason"].to_string()).collect();
    reasons.dedup();
    reasons
}
