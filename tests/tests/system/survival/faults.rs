//! Disks fail in the middle of things. Every kind of call that a file's way to its name consists of fails once: the file in question
//! is named, nothing else is harmed, nothing has a name that is not whole, and trying again succeeds.

use super::{MIB, Names, PATIENCE, PORT, assert_arrived, fill, paths_of, send_off, two_hosts, wait_until};
use serde_json::Value;
use shoal_tests::{
    compare, data,
    lab::{Home, Host, Line, Peer, PeerSetup, SmallDisk},
};
use std::{collections::BTreeMap, fs, path::Path};

fn peer(host: &Host) -> PeerSetup {
    Peer::at(host).args(&["--port", PORT, "--no-mdns"])
}

/// Two files of several pieces, and small ones enough that they are synced together.
fn make_source(folder: &Path) {
    data::random_file(&folder.join("film.mkv"), 3 * MIB + 5, 1);
    data::random_file(&folder.join("song.flac"), 2 * MIB + 7, 2);
    data::many_files(folder, 60, 3000, 3, 3);
    fs::create_dir_all(folder.join("empty")).unwrap();
}

#[test]
#[ignore = "needs root, ip netns and strace"]
fn every_call_of_the_receiver_that_fails_costs_nothing_but_a_retry() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("holiday");
    make_source(&source);
    let names = Names::of(&source);
    for call in ["pwrite64", "fsync", "fdatasync", "syncfs", "renameat2"] {
        // A drive is synced as a whole only for files that come close together. Nothing but files needs that call, so it may fail
        // from the start; for the others the line is slow enough that the fault is in place before much has arrived.
        let whole_drive = call == "syncfs";
        let (_net, _cable, ann, ben) = two_hosts(if whole_drive { Line::gigabit() } else { Line::gigabit().at(30.0) });
        let sender = peer(&ann).start();
        for error in ["EIO", "ENOSPC"] {
            let fault = format!("{call}:error={error}:when=1");
            let setup = peer(&ben).accept("all");
            let mut receiver = if whole_drive { setup.fault(&fault).start() } else { setup.start() };
            let id = send_off(&sender, &receiver, &source);
            // The database's own calls are left alone.
            let injected = (!whole_drive).then(|| receiver.fail_on(&[&fault], &paths_of(&receiver, &id)));
            let end = end_of(&receiver, &id, &fault);
            drop(injected);
            names.check(&receiver.inbox().join("holiday"), &mut BTreeMap::new());
            let (failed, waits) = (end["files_failed"].as_u64().unwrap_or_default(), interruptions(&mut receiver));
            println!("{fault}: {failed} of {} files failed; waited: {waits:?}; {}", names.0.len(), last_error(&receiver, &id));
            assert_eq!(end["event"], "finished", "{fault}: {end}");
            if error == "ENOSPC" && ["pwrite64", "renameat2"].contains(&call) {
                // No room is waited for; nobody has to do anything.
                assert!(waits.iter().any(|reason| names_a_file(&names, reason)) && failed == 0, "{fault}: {waits:?}");
            } else {
                assert!(failed > 0, "{fault} was not noticed");
                assert!(names_a_file(&names, &last_error(&receiver, &id)), "{fault}: {}", last_error(&receiver, &id));
                if whole_drive {
                    // It fails once on each thread; the disk is mended while the peer is down.
                    receiver.mend();
                    receiver.start_again();
                }
                receiver.process().forget_lines();
                receiver.shoal(&["retry", &id]).expect_code(0);
                let end = end_of(&receiver, &id, "a second try");
                assert_eq!((&end["event"], &end["files_failed"]), (&"finished".into(), &0.into()), "{fault}: {end}");
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
    let (sender, mut receiver) = (peer(&ann).start(), peer(&ben).accept("all").start());
    let id = {
        // Reading the list of files takes no such call.
        let _fault =
            sender.fail_on(&["pread64:error=EIO:when=1"], &[source.join("song.flac"), source.join("folder 001/file 000001.bin")]);
        let id = send_off(&sender, &receiver, &source);
        let end = end_of(&receiver, &id, "files that cannot be read");
        assert!((1..=2).contains(&end["files_failed"].as_u64().unwrap()), "what cannot be read fails, nothing else: {end}");
        id
    };
    names.check(&receiver.inbox().join("holiday"), &mut BTreeMap::new());
    let error = last_error(&receiver, &id);
    println!("pread64 EIO at the sender: {error}");
    assert!(names_a_file(&names, &error), "{error}");
    receiver.process().forget_lines();
    receiver.shoal(&["retry", &id]).expect_code(0);
    let end = end_of(&receiver, &id, "a second try");
    assert_eq!(end["files_failed"], 0, "{end}");
    assert_arrived(&source, receiver.home());
}

/// The database is what remembers. While it cannot be written the transfer says so and waits; what is there stays right.
#[test]
#[ignore = "needs root, ip netns and strace"]
fn a_database_that_cannot_be_written_is_said_and_survived() {
    let (_net, _cable, ann, ben) = two_hosts(Line::gigabit().at(30.0));
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("holiday");
    make_source(&source);
    let names = Names::of(&source);
    let sender = peer(&ann).start();
    let disk = SmallDisk::new(4);

    let inbox = folder.path().join("inbox of a full disk");
    let mut receiver = peer(&ben).home(Home::at(disk.path()).with_inbox(&inbox)).accept("all").start();
    send_off(&sender, &receiver, &source);
    wait_until(&receiver, "active");
    let filler = disk.path().join("filler");
    fill(&filler);
    let stuck = receiver.wait_for("an interruption", PATIENCE, |line| line["event"] == "interrupted");
    println!("full disk under the database: {}", stuck["reason"]);
    assert!(stuck["reason"].as_str().unwrap().contains("full"), "{stuck}");
    names.check(&inbox.join("holiday"), &mut BTreeMap::new());
    fs::remove_file(&filler).unwrap();
    receiver.wait_for("its end", PATIENCE, |line| line["event"] == "finished" && line["files_failed"] == 0);
    compare::assert_same(&source, &inbox.join("holiday"));
    receiver.terminate();
    drop(receiver);

    let inbox = folder.path().join("inbox of a broken disk");
    let mut receiver = peer(&ben).home(Home::temporary().with_inbox(&inbox)).accept("all").start();
    send_off(&sender, &receiver, &source);
    wait_until(&receiver, "active");
    let wal = receiver.home().data().join("shoal.db-wal");
    let fault = receiver.fail_on(&["pwrite64:error=EIO", "write:error=EIO"], &[wal]);
    let stuck = receiver.wait_for("an interruption", PATIENCE, |line| line["event"] == "interrupted");
    println!("broken disk under the database: {}", stuck["reason"]);
    assert!(stuck["reason"].as_str().unwrap().contains("cannot be recorded"), "{stuck}");
    names.check(&inbox.join("holiday"), &mut BTreeMap::new());
    drop(fault);
    receiver.start_again();
    receiver.wait_for("its end", PATIENCE, |line| line["event"] == "finished" && line["files_failed"] == 0);
    compare::assert_same(&source, &inbox.join("holiday"));
}

fn end_of(receiver: &Peer, id: &str, when: &str) -> Value {
    receiver.wait_for(&format!("an end with {when}"), PATIENCE, |line| {
        line["transfer"] == id && ["finished", "failed"].iter().any(|event| line["event"] == *event)
    })
}

/// What a person is told of a transfer that is over.
fn last_error(receiver: &Peer, id: &str) -> String {
    let rows = receiver.shoal(&["transfers", "--all"]).expect_code(0).lines;
    let row = rows.into_iter().find(|row| row["transfer"] == id).expect("the transfer is known");
    row["error"].as_str().unwrap_or_default().to_owned()
}

fn names_a_file(names: &Names, text: &str) -> bool {
    names.0.keys().any(|path| text.contains(path.file_name().and_then(|name| name.to_str()).expect("a plain name")))
}

fn interruptions(receiver: &mut Peer) -> Vec<String> {
    let lines = receiver.process().lines();
    let mut reasons: Vec<String> =
        lines.iter().filter(|line| line["event"] == "interrupted").map(|line| line["reason"].to_string()).collect();
    reasons.dedup();
    reasons
}
