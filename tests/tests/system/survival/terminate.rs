//! Told to end, Shoal ends: at once, with nothing left but what resuming needs.

use super::{
    BEN, MIB, PATIENCE, PORT, assert_arrived, partial_folders, send, transfer_of, two_hosts, two_peers, wait_for_bytes,
    wait_until,
};
use rustix::process::Signal;
use shoal_tests::{
    compare, data, figure,
    lab::{Host, Line, Peer, Process, shoal_binary},
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const ENDS_WITHIN: Duration = Duration::from_secs(2);

#[test]
#[ignore = "needs root and ip netns"]
fn sigterm_ends_either_end_within_two_seconds_and_the_transfer_resumes() {
    let (_net, _cable, ann, ben) = two_hosts(Line::gigabit().at(200.0));
    let (mut sender, mut receiver) = two_peers(&ann, &ben);
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("holiday");
    data::random_file(&source.join("film.mkv"), 120 * MIB, 3);
    data::many_files(&source, 500, 20_000, 10, 4);
    drop(send(&sender, &source));
    transfer_of(&receiver);
    let mut slowest = Duration::ZERO;
    for (who, bytes) in [("receiver", 20), ("sender", 40), ("receiver", 60), ("sender", 80)] {
        wait_for_bytes(&receiver, bytes * MIB);
        let peer = if who == "receiver" { &mut receiver } else { &mut sender };
        let exit = peer.terminate();
        assert_eq!(exit.status.code(), Some(0), "the {who}");
        slowest = slowest.max(exit.took);
        assert!(exit.took <= ENDS_WITHIN, "the {who} took {:?}", exit.took);
        assert_nothing_but_data(&peer.home().data());
        if who == "receiver" {
            let inbox = peer.inbox();
            assert!(partial_folders(&inbox).len() <= 1, "one hidden folder at most");
            let partials = partial_folders(&inbox).iter().map(|folder| fs::read_dir(folder).unwrap().count()).sum::<usize>();
            // Every small file that was written has its name; what is left are files of several pieces.
            assert!(partials <= 1, "{partials} partial files, of one large file");
        }
        peer.start_again();
    }
    wait_until(&receiver, "finished");
    wait_until(&sender, "finished");
    assert_arrived(&source, receiver.home());
    figure("SIGTERM in mid-transfer: the slowest end of four", format!("{slowest:?}"));
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_send_that_is_its_own_engine_ends_at_a_signal_and_is_resumed() {
    let (_net, _cable, ann, ben) = two_hosts(Line::gigabit().at(200.0));
    let receiver = Peer::at(&ben).args(&["--port", PORT, "--no-mdns"]).accept("all").start();
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("film.mkv");
    data::random_file(&source, 100 * MIB, 5);
    let sender = Alone { host: ann, data: folder.path().join("data") };
    let mut sending = sender.begin(&["send", source.to_str().unwrap(), "--to", &format!("{BEN}:{PORT}")]);
    let transfer = transfer_of(&receiver);
    let mut slowest = Duration::ZERO;
    for (signal, bytes) in [(Signal::TERM, 20), (Signal::INT, 50)] {
        wait_for_bytes(&receiver, bytes * MIB);
        let asked = Instant::now();
        sending.signal(signal);
        let status = sending.finish(PATIENCE);
        slowest = slowest.max(asked.elapsed());
        assert_eq!(status.code(), Some(130), "{signal:?}: {}", sending.log());
        assert!(asked.elapsed() <= ENDS_WITHIN, "{signal:?} took {:?}", asked.elapsed());
        assert!(sending.log().contains("shoal resume"), "how to go on is said: {}", sending.log());
        assert_nothing_but_data(&sender.data);
        sending = sender.begin(&["resume", &transfer]);
    }
    assert_eq!(sending.finish(PATIENCE).code(), Some(0), "{}", sending.log());
    wait_until(&receiver, "finished");
    compare::assert_same(&source, &receiver.inbox().join("film.mkv"));
    figure("signal to a lone `shoal send`: the slower end of SIGTERM and Ctrl-C", format!("{slowest:?}"));
}

/// A device on which nothing runs but one command at a time.
struct Alone {
    host: Host,
    data: PathBuf,
}

impl Alone {
    fn begin(&self, args: &[&str]) -> Process {
        let mut command = std::process::Command::new(shoal_binary());
        command.arg("--data-dir").arg(&self.data).args(["--json", "--no-mdns"]).args(args);
        Process::start(&self.host, &mut command, self.data.with_extension("log"))
    }
}

/// Key, database and lock; no socket, no write-ahead log, no temporary file.
fn assert_nothing_but_data(data: &Path) {
    let mut names: Vec<String> =
        fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    println!("left in the data folder: {names:?}");
    for name in &names {
        let kept = ["shoal.db", "key", "lock", "identity", "id"].iter().any(|kept| name.contains(kept));
        assert!(kept && !name.ends_with("-wal") && !name.ends_with("-shm") && !name.contains("sock"), "{names:?}");
    }
}
