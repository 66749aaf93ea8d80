//! Shared folders: what neighbours see, find and fetch; that nobody sees more than is meant for them; and that rights end at once.

mod adding;
mod changes;
mod outside;
mod rights;
mod thumbnails;
mod together;

use serde_json::Value;
use shoal_tests::lab::{Home, Host, Net, Peer, Switch};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// For what takes a moment; CI is slow, and a hang is a failure all the same.
const SOON: Duration = Duration::from_secs(30);

/// Devices on one switch, each with an address and a folder to share.
struct Scene<const N: usize> {
    peers: [Peer; N],
    _switch: Switch,
    _net: Net,
}

impl<const N: usize> Scene<N> {
    fn new(names: [&str; N]) -> Self {
        let net = Net::new();
        let (switch, hosts) = net.on_one_switch(names);
        for (number, host) in hosts.iter().enumerate() {
            host.add_address("eth0", &format!("10.77.0.{}/24", number + 1));
        }
        let peers = hosts.map(|host| start(&host));
        for one in &peers {
            for other in peers.iter().filter(|other| other.id() != one.id()) {
                met(one, other);
            }
        }
        Self { peers, _switch: switch, _net: net }
    }
}

fn start(host: &Host) -> Peer {
    let home = Home::temporary();
    let own = as_arg(home.path()).to_owned();
    Peer::at(host).home(home).env("HOME", &own).env("XDG_DATA_HOME", &format!("{own}/share")).start()
}

/// Waits until one knows how to reach the other.
fn met(one: &Peer, other: &Peer) {
    let online = |row: &Value| row["id"] == other.id() && row["online"] == true;
    soon("a device is found", || one.shoal(&["peers"]).expect_code(0).lines.iter().any(online));
}

/// The folder that a peer shares in these tests.
fn shared(peer: &Peer) -> PathBuf {
    peer.home().path().join("shared")
}

/// Shares it under the name `things`, once there is something in it.
fn share(peer: &Peer, args: &[&str]) -> Value {
    let folder = shared(peer);
    std::fs::create_dir_all(&folder).unwrap();
    let lines = peer.shoal(&[&["share", "add", as_arg(&folder), "--name", "things"], args].concat()).expect_code(0).lines;
    lines.into_iter().next().unwrap()
}

/// Waits until everything that a peer shares is in its index.
fn indexed(peer: &Peer, files: u64) {
    let whole = |row: &Value| row["indexed"] == true && row["files"] == files;
    soon("the index is there", || peer.shoal(&["share", "list"]).expect_code(0).lines.iter().all(whole));
}

/// A device knows another from now on.
fn knows(one: &Peer, other: &Peer) {
    one.shoal(&["trust", other.id(), "known"]).expect_code(0);
}

/// `PEER:/things/PATH`.
fn place(peer: &Peer, path: &str) -> String {
    format!("{}:/things/{path}", peer.id())
}

fn soon(what: &str, is_so: impl Fn() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < SOON, "{what}: not after {SOON:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    begun.elapsed()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn as_arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The values of a field, sorted.
fn sorted(lines: &[Value], field: &str) -> Vec<String> {
    let mut values: Vec<String> = lines.iter().map(|line| line[field].as_str().unwrap_or_default().to_owned()).collect();
    values.sort();
    values
}
