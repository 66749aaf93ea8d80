//! A transfer survives: killed processes, cut cables, changed addresses, full disks, failing writes, an orderly end.
//!
//! What resuming may cost is counted by the cable or the interface, not by the programs under test.

mod faults;
mod kill;
mod network;
mod space;
mod terminate;

use shoal_tests::{
    compare, data,
    lab::{Cable, Home, Host, Line, Net, Peer, Process},
};
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

const ANN: &str = "10.77.0.1";
const BEN: &str = "10.77.0.2";
const PORT: &str = "47474";
const MIB: u64 = 1024 * 1024;

/// Longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two hosts on a cable with IPv4 addresses.
fn two_hosts(line: Line) -> (Net, Cable, Host, Host) {
    let net = Net::new();
    let (ann, ben) = (net.host("ann"), net.host("ben"));
    let cable = net.cable(&ann, &ben, line);
    ann.add_address("eth0", &format!("{ANN}/24"));
    ben.add_address("eth0", &format!("{BEN}/24"));
    (net, cable, ann, ben)
}

/// A sender at `ann` and a receiver at `ben` that takes everything. Neither announces itself: they find each other again by the
/// addresses that they remember.
fn two_peers(ann: &Host, ben: &Host) -> (Peer, Peer) {
    let setup = |host: &Host| Peer::at(host).args(&["--port", PORT, "--no-mdns"]);
    (setup(ann).start(), setup(ben).accept("all").start())
}

/// Starts `shoal send` on the sender's device.
fn send(sender: &Peer, what: &Path) -> Process {
    sender.begin(&["send", what.to_str().expect("a plain path"), "--to", &format!("{BEN}:{PORT}")])
}

/// Sends, waits until the receiver has the offer, and returns its id. From there on the two devices do it alone.
fn send_off(sender: &Peer, receiver: &Peer, what: &Path) -> String {
    let _until_offered = send(sender, what);
    let offered = receiver.wait_for("an offer", PATIENCE, |line| line["event"] == "offered");
    offered["transfer"].as_str().expect("an offer has an id").to_owned()
}

/// Waits until a transfer is in `state`, from the lines that were not forgotten.
fn wait_until(peer: &Peer, state: &str) -> serde_json::Value {
    peer.wait_for(state, PATIENCE, |line| line["state"] == state || line["event"] == state)
}

/// Waits until at least `bytes` of a transfer are in place or verified.
fn wait_for_bytes(peer: &Peer, bytes: u64) {
    peer.wait_for("progress", PATIENCE, |line| line["bytes_done"].as_u64().is_some_and(|done| done >= bytes));
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The seed of random choices: `SHOAL_SEED`, or a new one. Printed, so that a failure can be repeated.
fn seed() -> u64 {
    let given = std::env::var("SHOAL_SEED").ok().map(|text| text.parse().expect("SHOAL_SEED is a number"));
    let seed = given.unwrap_or_else(rand::random);
    println!("SHOAL_SEED={seed}");
    seed
}

/// A tree of about `mib` MiB: some large files on both sides of 64 MiB, hundreds of small ones, empty ones, executables.
/// Returns its size in bytes.
fn mixed_files(folder: &Path, mib: u64, seed: u64) -> u64 {
    let large = [("disk image.iso", 40), ("film.mkv", 20), ("archive.zip", 18), ("photo.tif", 8), ("track.flac", 6)];
    for (i, (name, percent)) in large.into_iter().enumerate() {
        // No whole number of pieces.
        data::random_file(&folder.join(name), mib * MIB * percent / 100 + 12_345, seed + i as u64);
    }
    let rest = mib * MIB * 8 / 100;
    for i in 0..400_u64 {
        let path = folder.join(format!("small/{:02}/file {i}", i % 20));
        // From a few bytes to some hundred KiB, on both sides of one piece.
        let size = if i % 8 == 0 { 0 } else { rest / 400 * (i % 40) / 20 };
        data::random_file(&path, size, seed + 100 + i);
        if i % 5 == 0 {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("an own file");
        }
    }
    Names::of(folder).0.values().map(|(size, _)| size).sum()
}

/// What each file must be: size and hash by its path below the folder.
struct Names(BTreeMap<PathBuf, (u64, blake3::Hash)>);

impl Names {
    fn of(folder: &Path) -> Self {
        let hashed = |path: PathBuf| {
            let size = fs::metadata(&path).expect("it was listed").len();
            (path.strip_prefix(folder).expect("it is below").to_owned(), (size, compare::hash(&path)))
        };
        Self(files_below(folder).into_iter().map(hashed).collect())
    }

    /// Every file below `folder` that has a final name must be one of these, whole. `known` remembers versions that were right.
    fn check(&self, folder: &Path, known: &mut BTreeMap<PathBuf, (u64, u64, i64, i64)>) {
        for path in files_below(folder) {
            let name = path.strip_prefix(folder).expect("it is below");
            let (size, hash) = self.0.get(name).unwrap_or_else(|| panic!("{}: nobody sent that", path.display()));
            let meta = fs::metadata(&path).expect("it was listed");
            let version = (meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec());
            if known.get(name) != Some(&version) {
                assert_eq!(meta.len(), *size, "{} has its name and another size", path.display());
                assert_eq!(compare::hash(&path), *hash, "{} has its name and other bytes", path.display());
                known.insert(name.to_owned(), version);
            }
        }
    }
}

/// Files below a folder, without what is in the hidden folders of transfers under way. Empty when there is no such folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let hidden = entry.file_name().to_string_lossy().starts_with(".shoal-");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !hidden => open.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}

/// Hidden folders of transfers in an inbox.
fn partial_folders(inbox: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(inbox).expect("the inbox is there").flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".shoal-")).map(|entry| entry.path()).collect()
}

/// What a transfer's calls are about at the receiver, for faults: its hidden folder, the partial files in it, the folder it makes.
fn paths_of(receiver: &Peer, transfer: &str) -> Vec<PathBuf> {
    let hidden = receiver.inbox().join(format!(".shoal-{transfer}"));
    let partials = (0..100).map(|entry| hidden.join(entry.to_string()));
    partials.chain(["holiday", "mixed files"].map(|folder| receiver.inbox().join(folder))).chain([hidden.clone()]).collect()
}

/// Everything arrived and nothing else is left in the inbox.
fn assert_arrived(source: &Path, home: &Home) {
    let name = source.file_name().expect("a folder with a name");
    compare::assert_same(source, &home.inbox().join(name));
    let left = partial_folders(&home.inbox());
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// Takes all the room there is on a disk; deleting the file gives it back.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).expect("an own folder");
    for step in [64 * 1024, 1] {
        while file.write_all(&vec![0; step]).is_ok() {}
    }
}
