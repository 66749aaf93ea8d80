//! However much is sent, it begins at once and takes little memory: no hours of hashing before the first byte.

use super::scene::{LONG, Pair, Sending, as_arg, names_in};
use shoal_tests::{
    compare, data, figure,
    lab::{Figures, Home, Peer, SmallDisk},
};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use tempfile::tempdir;

/// From consent to the first content on the wire.
const FIRST_BYTE_WITHIN: Duration = Duration::from_secs(1);
/// Each process, throughout.
const MOST_MEMORY: u64 = 150 << 20;
/// What crosses the wire besides content when an offer is accepted, at most: acknowledgements, a few messages.
const NO_CONTENT: u64 = 32 * 1024;
/// What is looked at of a transfer that would fill the memory if it went on.
const ENOUGH: u64 = 512 << 20;

#[test]
#[ignore = "needs root and ip netns"]
fn a_folder_of_300_gigabytes_begins_at_once_and_takes_little_memory() {
    let source = tempdir().unwrap();
    let folder = source.path().join("films");
    data::sparse_files(&folder, 300, 1_000_000_000);
    huge("300 files of 1 GB", &folder);
}

#[test]
#[ignore = "needs root and ip netns"]
fn one_file_of_300_gigabytes_begins_at_once_and_takes_little_memory() {
    let source = tempdir().unwrap();
    data::sparse_files(source.path(), 1, 300_000_000_000);
    huge("one file of 300 GB", &source.path().join("hole 000000.bin"));
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_hundred_thousand_files_begin_at_once_and_take_little_memory() {
    // In memory: what is measured is Shoal, not how fast this disk makes and removes files.
    let (source, home) = (SmallDisk::new(1024), SmallDisk::new(1024));
    let folder = source.path().join("everything");
    data::many_files(&folder, 100_000, 100, 1000, 5);
    let pair = Pair::with(|ben| ben.home(Home::at(home.path())));
    let asked = Instant::now();
    let sending = pair.offer(&[as_arg(&folder)]);
    figure("100,000 files: offer shown after", format!("{:.2} s", asked.elapsed().as_secs_f64()));
    let sending = begins_at_once("100,000 files", &pair, sending);
    let finished = sending.finished();
    let seconds = finished["seconds"].as_f64().unwrap();
    figure("100,000 files of 100 bytes", format!("{seconds:.1} s, {:.0} files/s", 100_000.0 / seconds));
    takes_little_memory("100,000 files", &[&pair.ann, &pair.ben]);
    assert_eq!(compare::assert_same(source.path(), &pair.ben.inbox()), 100_000);
}

/// Sends it to a drive that has room for it, looks, and gives it up.
fn huge(what: &str, path: &Path) {
    let disk = SmallDisk::new(400 * 1024);
    let pair = Pair::with(|ben| ben.home(Home::at(disk.path())));
    let sending = pair.offer(&[as_arg(path)]);
    let mut sending = begins_at_once(what, &pair, sending).moving(&pair.ben, ENOUGH);
    takes_little_memory(what, &[&pair.ann, &pair.ben]);
    pair.ben.shoal(&["cancel", &sending.id]).expect_code(0);
    sending.reply().expect_code(1);
    sending.wait_at(&pair.ben, "failed");
    assert!(names_in(&pair.ben.inbox()).iter().all(|name| !name.starts_with('.')), "{:?}", names_in(&pair.ben.inbox()));
}

/// Accepts, and measures until content is on the wire: from the start of the `accept` command, which is later than consent.
fn begins_at_once(what: &str, pair: &Pair, sending: Sending) -> Sending {
    let before = pair.ben.host().counters("eth0").received;
    let mut accept = pair.ben.begin(&["accept", &sending.id]);
    let first_byte = loop {
        if pair.ben.host().counters("eth0").received > before + NO_CONTENT {
            break accept.started().elapsed();
        }
        assert!(accept.started().elapsed() < LONG, "nothing came");
        std::thread::sleep(Duration::from_millis(1));
    };
    accept.reply(LONG).expect_code(0);
    figure(&format!("{what}: first content after"), format!("{} ms", first_byte.as_millis()));
    assert!(first_byte < FIRST_BYTE_WITHIN, "{first_byte:?}");
    sending
}

fn takes_little_memory(what: &str, peers: &[&Peer]) {
    let figures: Vec<Figures> = peers.iter().map(|peer| peer.figures()).collect();
    let peaks: Vec<String> = figures.iter().map(|figures| format!("{} MiB", figures.resident_peak >> 20)).collect();
    figure(&format!("{what}: peak memory of sender and receiver"), peaks.join(", "));
    assert!(figures.iter().all(|figures| figures.resident_peak < MOST_MEMORY), "{figures:?}");
}
