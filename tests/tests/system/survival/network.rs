//! Cables are pulled and addresses change: a transfer under way goes on by itself, and quickly.

use super::{ANN, BEN, MIB, PATIENCE, PORT, assert_arrived, mib, send_off, two_hosts, two_peers, wait_for_bytes};
use shoal_tests::{
    data, figure,
    lab::{Host, Line, Net, Peer},
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const CUT: Duration = Duration::from_secs(20);
const SIZE: u64 = 160 * MIB;
const MOST_MOVED_AGAIN: u64 = 16 * MIB;
/// From the moment that the network is whole again until new content is written: eight seconds until a silent connection counts as
/// dead, and a new one.
const GOES_ON_WITHIN: Duration = Duration::from_secs(12);
/// The same when this machine's address changed, which its device sees: a second until it looks, a new connection, new content.
const MOVES_WITHIN: Duration = Duration::from_secs(3);
/// More than is under way at once.
const NEW_CONTENT: u64 = 4 * MIB;

/// A transfer that is under way: a quarter has arrived.
struct UnderWay {
    _folder: TempDir,
    source: PathBuf,
    sender: Peer,
    receiver: Peer,
    carried_before: u64,
}

impl UnderWay {
    fn begin(sender: Peer, receiver: Peer, carried: impl Fn() -> u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("film.mkv");
        data::random_file(&source, SIZE, 7);
        let carried_before = carried();
        send_off(&sender, &receiver, &source);
        Self { _folder: folder, source, sender, receiver, carried_before }
    }

    /// Waits until content is written that cannot have been under way or in memory before; returns how long that took.
    fn until_content(&mut self) -> Duration {
        let began = Instant::now();
        let process = self.receiver.process();
        let done = process.lines().iter().rev().find_map(|line| line["bytes_done"].as_u64()).unwrap_or_default();
        process.forget_lines();
        wait_for_bytes(&self.receiver, done + NEW_CONTENT);
        began.elapsed()
    }

    /// Nobody does anything; `carried` counts what reaches the receiver. Prints how long it took to go on, and what it cost.
    fn goes_on(self, what: &str, carried: impl Fn() -> u64, took: Duration, within: Duration) {
        self.receiver.wait_for("its end", PATIENCE, |line| line["event"] == "finished");
        self.sender.wait_for("its end", PATIENCE, |line| line["event"] == "finished");
        assert_arrived(&self.source, self.receiver.home());
        let again = carried() - self.carried_before - SIZE;
        figure(&format!("{what}: until content moves again"), format!("{:.2} s", took.as_secs_f64()));
        figure(&format!("{what}: moved again, headers included"), format!("{:.1} MiB", mib(again)));
        assert!(took <= within, "{what}: {took:?}");
        assert!(again <= MOST_MOVED_AGAIN, "{what}: {:.1} MiB", mib(again));
    }
}

fn send_begins(ann: &Host, ben: &Host, carried: impl Fn() -> u64) -> UnderWay {
    let (sender, receiver) = two_peers(ann, ben);
    under_way(sender, receiver, carried)
}

fn under_way(sender: Peer, receiver: Peer, carried: impl Fn() -> u64) -> UnderWay {
    let under_way = UnderWay::begin(sender, receiver, carried);
    wait_for_bytes(&under_way.receiver, SIZE / 4);
    under_way
}

/// The switch in between loses power: neither interface notices.
#[test]
#[ignore = "needs root and ip netns"]
fn a_cable_cut_for_20_seconds_is_survived() {
    let (_net, cable, ann, ben) = two_hosts(Line::gigabit().at(200.0));
    let carried = || cable.forth().bytes;
    let mut transfer = send_begins(&ann, &ben, carried);
    cable.cut();
    for peer in [&transfer.sender, &transfer.receiver] {
        peer.wait_for("an interruption", CUT, |line| line["event"] == "interrupted");
    }
    std::thread::sleep(CUT.saturating_sub(Duration::from_secs(8)));
    cable.join();
    let took = transfer.until_content();
    transfer.goes_on("cable cut for 20 s", carried, took, GOES_ON_WITHIN);
}

/// The plug is pulled out of this very machine, and put back.
#[test]
#[ignore = "needs root and ip netns"]
fn an_interface_that_goes_down_and_up_is_survived() {
    let (net, [ann, ben]) = slow_switch();
    let mut transfer = send_begins(&ann, &ben, || ben.counters("eth0").received);
    for host in [&ann, &ben] {
        host.set_link("eth0", false);
        std::thread::sleep(Duration::from_secs(10));
        host.set_link("eth0", true);
        transfer.until_content();
    }
    net.0.set_plugged(false);
    std::thread::sleep(Duration::from_secs(3));
    net.0.set_plugged(true);
    let took = transfer.until_content();
    let what = "plug pulled for 3 s, after interfaces down for 10 s at each end";
    transfer.goes_on(what, || ben.counters("eth0").received, took, GOES_ON_WITHIN);
}

/// Nothing announces anything: the end whose address stays is where it was.
#[test]
#[ignore = "needs root and ip netns"]
fn a_changed_address_is_survived_without_announcements() {
    for changed in ["receiver", "sender"] {
        let (_net, cable, ann, ben) = two_hosts(Line::gigabit().at(200.0));
        let carried = || cable.forth().bytes;
        let mut transfer = send_begins(&ann, &ben, carried);
        change_address(if changed == "receiver" { &ben } else { &ann }, if changed == "receiver" { BEN } else { ANN });
        let took = transfer.until_content();
        transfer.goes_on(&format!("address of the {changed} changed, no announcements"), carried, took, MOVES_WITHIN);
    }
}

/// With mDNS the new address is told as well; without any remembered address it is the only way.
#[test]
#[ignore = "needs root and ip netns"]
fn a_changed_address_is_survived_with_announcements() {
    for changed in ["receiver", "sender"] {
        let (_net, cable, ann, ben) = two_hosts(Line::gigabit().at(200.0));
        let carried = || cable.forth().bytes;
        let setup = |host: &Host| Peer::at(host).args(&["--port", PORT]);
        let (sender, receiver) = (setup(&ann).start(), setup(&ben).accept("all").start());
        let mut transfer = under_way(sender, receiver, carried);
        change_address(if changed == "receiver" { &ben } else { &ann }, if changed == "receiver" { BEN } else { ANN });
        let took = transfer.until_content();
        transfer.goes_on(&format!("address of the {changed} changed, announced"), carried, took, MOVES_WITHIN);
    }
}

/// Both at once: the network was gone, and the router gave another address afterwards.
#[test]
#[ignore = "needs root and ip netns"]
fn another_address_after_a_cut_is_survived() {
    let (_net, cable, ann, ben) = two_hosts(Line::gigabit().at(200.0));
    let carried = || cable.forth().bytes;
    let mut transfer = send_begins(&ann, &ben, carried);
    cable.cut();
    transfer.receiver.wait_for("an interruption", CUT, |line| line["event"] == "interrupted");
    change_address(&ben, BEN);
    cable.join();
    let took = transfer.until_content();
    transfer.goes_on("cable cut, receiver comes back with another address", carried, took, GOES_ON_WITHIN);
}

fn change_address(host: &Host, old: &str) {
    host.remove_address("eth0", &format!("{old}/24"));
    host.add_address("eth0", &format!("{old}9/24"));
}

/// Two hosts on a switch that limits what they send.
fn slow_switch() -> ((shoal_tests::lab::Port, shoal_tests::lab::Switch, Net), [Host; 2]) {
    let net = Net::new();
    let switch = net.switch("switch");
    let hosts = ["ann", "ben"].map(|name| net.host(name));
    let ports = hosts.each_ref().map(|host| switch.plug(host, "eth0"));
    for (host, address) in hosts.iter().zip([ANN, BEN]) {
        host.add_address("eth0", &format!("{address}/24"));
        host.run("tc", &["qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "200mbit", "burst", "256kb", "latency", "20ms"]);
    }
    let [_, ben] = ports;
    ((ben, switch, net), hosts)
}
