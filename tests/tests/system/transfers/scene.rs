//! Two devices, or more, on one switch, and the steps that every transfer takes.

use serde_json::Value;
use shoal_tests::lab::{Home, Host, Net, Peer, PeerSetup, Process, Reply, Switch};
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// For what takes a moment; CI is slow, and a hang is a failure all the same.
pub(super) const SOON: Duration = Duration::from_secs(30);
/// For a whole transfer.
pub(super) const LONG: Duration = Duration::from_secs(240);

/// Ann sends, Ben receives.
pub(super) struct Pair {
    pub(super) ann: Peer,
    pub(super) ben: Peer,
    _switch: Switch,
    _net: Net,
}

impl Pair {
    /// Both ask before they accept.
    pub(super) fn new() -> Self {
        Self::with(|ben| ben)
    }

    /// Ben is set up otherwise.
    pub(super) fn with(ben: impl FnOnce(PeerSetup) -> PeerSetup) -> Self {
        let net = Net::new();
        let (switch, [ann, ben_host]) = hosts(&net, ["ann", "ben"]);
        let ann = at(&ann).start();
        let ben = ben(at(&ben_host)).start();
        met(&ann, &ben);
        Self { ann, ben, _switch: switch, _net: net }
    }

    /// Ann offers; Ben has heard of it when this returns.
    pub(super) fn offer(&self, args: &[&str]) -> Sending {
        let sending = Sending::begin(&self.ann, &self.ben, args);
        sending.wait_at(&self.ben, "offered");
        sending
    }

    /// Offers, accepts, waits for the end. Panics unless all went well.
    pub(super) fn send(&self, path: &Path) -> Value {
        self.offer(&[as_arg(path)]).accept(&self.ben, &[]).finished()
    }
}

/// Hosts with an IPv4 address each.
pub(super) fn hosts<const N: usize>(net: &Net, names: [&str; N]) -> (Switch, [Host; N]) {
    let (switch, hosts) = net.on_one_switch(names);
    for (i, host) in hosts.iter().enumerate() {
        host.add_address("eth0", &format!("10.77.0.{}/24", i + 1));
    }
    (switch, hosts)
}

/// A peer whose trash is in its own home.
pub(super) fn at(host: &Host) -> PeerSetup {
    let home = Home::temporary();
    let own = as_arg(home.path()).to_owned();
    Peer::at(host).home(home).env("HOME", &own).env("XDG_DATA_HOME", &format!("{own}/share"))
}

/// Waits until one knows how to reach the other.
pub(super) fn met(one: &Peer, other: &Peer) {
    let end = Instant::now() + SOON;
    let online = |row: &Value| row["id"] == other.id() && row["online"] == true;
    while !one.shoal(&["peers"]).expect_code(0).lines.iter().any(online) {
        assert!(Instant::now() < end, "{} was not found", other.ready().name);
    }
}

/// A path as an argument.
pub(super) fn as_arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A `shoal send` that runs, and its transfer.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) command: Process,
    /// The transfer's id, the same on both ends.
    pub(super) id: String,
}

impl Sending {
    /// `shoal send ARGS --to TO`; the transfer exists when this returns.
    pub(super) fn begin(from: &Peer, to: &Peer, args: &[&str]) -> Self {
        let command = from.begin(&[&["send"], args, &["--to", to.id()]].concat());
        let offered = command.wait_for("offer", SOON, |line| line["event"] == "offered");
        Self { command, id: offered["transfer"].as_str().unwrap().to_owned() }
    }

    /// Waits until a peer says `event` of this transfer.
    pub(super) fn wait_at(&self, peer: &Peer, event: &str) -> Value {
        peer.wait_for(event, SOON, |line| line["event"] == event && line["transfer"] == self.id.as_str())
    }

    /// Waits until this transfer is in `state` at a peer.
    pub(super) fn wait_state(&self, peer: &Peer, state: &str) -> Value {
        let end = Instant::now() + SOON;
        loop {
            let row = row(peer, &self.id);
            if row["state"] == state {
                return row;
            }
            assert!(Instant::now() < end, "{} is not {state}: {row}", self.id);
        }
    }

    /// The receiver accepts it.
    pub(super) fn accept(self, at: &Peer, args: &[&str]) -> Self {
        at.shoal(&[&["accept", &self.id], args].concat()).expect_code(0);
        self
    }

    /// Waits until content moves: `least` bytes at the receiver.
    pub(super) fn moving(self, to: &Peer, least: u64) -> Self {
        let fits = |line: &Value| {
            line["event"] == "progress" && line["transfer"] == self.id.as_str() && line["bytes_done"].as_u64() >= Some(least)
        };
        to.wait_for("progress", SOON, fits);
        self
    }

    /// The command's end.
    pub(super) fn reply(&mut self) -> Reply {
        self.command.reply(LONG)
    }

    /// The command's end, which must be a good one; its `finished` line.
    pub(super) fn finished(mut self) -> Value {
        let reply = self.reply().expect_code(0);
        let finished: Vec<&Value> = reply.lines.iter().filter(|line| line["event"] == "finished").collect();
        assert_eq!(finished.len(), 1, "{:?}", reply.lines);
        finished[0].clone()
    }
}

/// The row of a transfer at a peer, ended or not.
pub(super) fn row(peer: &Peer, id: &str) -> Value {
    let rows = peer.shoal(&["transfers", "--all"]).expect_code(0).lines;
    let found = rows.iter().find(|row| row["transfer"] == id);
    found.unwrap_or_else(|| panic!("{} does not list {id}: {rows:?}", peer.ready().name)).clone()
}

/// What lies in a folder, hidden things too, sorted.
pub(super) fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
