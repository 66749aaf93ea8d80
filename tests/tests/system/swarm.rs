//! Swarms: hosts on one switch, each port at the same rate.

use serde_json::Value;
use shoal_tests::{
    data, figure,
    lab::{Net, Peer, Port, Process, Switch},
};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Rate of each port, in Mbit/s: the machine has to carry all of them at once.
const RATE: f64 = 25.0;

const MIB: u64 = 1 << 20;

/// Pieces of 256 KiB, of which there are 96: fewer would measure how a swarm begins and ends rather than how it flows.
const SIZE: u64 = 24 * MIB;

/// With `SHOAL_LONG` set.
const LONG_SIZE: u64 = 63 * MIB;
const PORT: u16 = 46_000;
const LONG: Duration = Duration::from_secs(180);

/// A sender and receivers that accept everything.
struct Class {
    sender: Peer,
    /// The sender's.
    port: Port,
    receivers: Vec<Peer>,
    ports: Vec<Port>,
    source: PathBuf,
    size: u64,
    _folder: TempDir,
    _switch: Switch,
    _net: Net,
}

impl Class {
    fn new(receivers: usize, size: u64) -> Self {
        let net = Net::new();
        let switch = net.switch("class");
        let folder = TempDir::with_prefix("shoal-test-").unwrap();
        let source = folder.path().join("image.bin");
        data::random_file(&source, size, 7);
        let seat = |number: usize| {
            let host = net.host(&format!("seat{number}"));
            let port = switch.plug(&host, "eth0");
            host.add_address("eth0", &format!("10.77.0.{}/24", number + 1));
            port.set_rate(RATE);
            (
                Peer::at(&host).accept("all").args(&["--port", &PORT.to_string()]).env("RUST_LOG", "shoal_engine=debug").start(),
                port,
            )
        };
        let (sender, port) = seat(0);
        let (receivers, ports) = (1..=receivers).map(seat).unzip();
        Self { sender, port, receivers, ports, source, size, _folder: folder, _switch: switch, _net: net }
    }

    fn begin(&self, to: &[usize]) -> Process {
        let mut args = vec!["send".to_owned(), self.source.to_str().unwrap().to_owned()];
        for number in to {
            args.extend(["--to".to_owned(), format!("10.77.0.{}:{PORT}", number + 2)]);
        }
        self.sender.begin(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn sent(&self) -> u64 {
        self.sender.host().counters("eth0").sent
    }

    /// Bytes that came over a receiver's cable, headers and all.
    fn received(&self, number: usize) -> u64 {
        self.receivers[number].host().counters("eth0").received
    }

    fn arrived(&self, number: usize) -> PathBuf {
        self.receivers[number].inbox().join("image.bin")
    }

    /// Waits until a receiver has one part in `parts` of it, and returns how many bytes that are.
    fn until_moved(&self, number: usize, parts: u64) -> u64 {
        let least = self.size / parts;
        let moved = |line: &Value| line["event"] == "progress" && line["bytes_done"].as_u64() >= Some(least);
        let line = self.receivers[number].wait_for("progress", LONG, moved);
        line["bytes_done"].as_u64().unwrap()
    }

    /// Waits for files under their own names, and returns how long the last took.
    fn until_arrived(&self, to: &[usize], since: Instant) -> Duration {
        for number in to {
            while !self.arrived(*number).exists() {
                assert!(since.elapsed() < LONG, "receiver {number} has not got it");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        since.elapsed()
    }

    fn check(&self, to: &[usize]) {
        for number in to {
            same(&self.source, &self.arrived(*number));
        }
    }
}

fn same(a: &Path, b: &Path) {
    assert!(std::fs::read(a).unwrap() == std::fs::read(b).unwrap(), "{} is another", b.display());
}

/// Time for one alone, then for all the others at once as a multiple of it, and what the sender sent as a multiple of the size.
fn crowd(receivers: usize, size: u64) -> (f64, f64) {
    let class = Class::new(receivers + 1, size);
    let begun = Instant::now();
    let mut sending = class.begin(&[0]);
    let alone = class.until_arrived(&[0], begun);
    assert!(sending.finish(LONG).success());
    let sent_alone = class.sent() as f64 / size as f64;
    // Another file: what went to the first is of no use.
    data::random_file(&class.source, size, 8);
    let all: Vec<usize> = (1..=receivers).collect();
    let before = class.sent();
    let begun = Instant::now();
    let mut sending = class.begin(&all);
    let took = class.until_arrived(&all, begun);
    let sent = class.sent() - before;
    assert!(sending.finish(LONG).success());
    class.check(&all);
    let (time, sent) = (took.as_secs_f64() / alone.as_secs_f64(), sent as f64 / size as f64);
    figure(
        &format!("one sender, {receivers} receivers at {RATE} Mbit/s each"),
        format!(
            "{time:.2} x the time of one alone ({:.1} s), {sent:.2} x the size sent by the sender (alone {sent_alone:.2})",
            alone.as_secs_f64()
        ),
    );
    (time, sent)
}

/// A machine of two cores that does other things, too, is the limit rather than the ports: nine devices in a debug build encrypt, check and
/// store everything on it. So this holds what no sender to each by itself reaches (8 x, both) and prints what came out. With `SHOAL_LONG`
/// set, on a machine that does nothing else, it holds more. The goal, 1.25 x the time and 1.15 x the size, is for a release build there.
#[test]
#[ignore = "needs root, ip netns and tc"]
fn eight_receivers_take_little_longer_than_one() {
    let (size, most_time, most_sent) = if is_long() { (LONG_SIZE, 1.4, 1.25) } else { (SIZE, 3.0, 2.5) };
    let (time, sent) = crowd(8, size);
    assert!(time <= most_time && sent <= most_sent, "{time} {sent}");
}

/// As above. Seventeen devices share two cores there: what is held is that they are far from taking turns (16 x, both).
#[test]
#[ignore = "needs root, ip netns and tc"]
fn sixteen_receivers_take_little_longer_than_one() {
    let (size, most_time, most_sent) = if is_long() { (LONG_SIZE, 1.6, 1.3) } else { (SIZE / 2, 6.0, 4.0) };
    let (time, sent) = crowd(16, size);
    assert!(time <= most_time && sent <= most_sent, "{time} {sent}");
}

fn is_long() -> bool {
    std::env::var_os("SHOAL_LONG").is_some()
}

/// When somebody has it all, each piece is out; who is at a slow port cannot have it yet. It has to have heard what the last pieces have to
/// be, though: only the sender's word counts, and who has not heard it waits for the sender. What came to it since then comes behind that.
#[test]
#[ignore = "needs root, ip netns and tc"]
fn a_sender_that_is_unplugged_once_everything_is_out_is_not_missed() {
    let class = Class::new(4, 8 * MIB);
    let (quick, slow) = ([0, 1, 2], 3);
    class.ports[slow].set_rate(RATE / 8.0);
    let begun = Instant::now();
    let _sending = class.begin(&[0, 1, 2, 3]);
    while !quick.iter().any(|number| class.arrived(*number).exists()) {
        assert!(begun.elapsed() < LONG, "nobody has got it");
        std::thread::sleep(Duration::from_millis(5));
    }
    let then = class.received(slow);
    while class.received(slow) < then + MIB {
        assert!(begun.elapsed() < LONG, "nothing comes to the slowest");
        std::thread::sleep(Duration::from_millis(5));
    }
    class.port.set_plugged(false);
    let unplugged = begun.elapsed();
    let missing = class.size.saturating_sub(class.received(slow));
    assert!(missing > MIB, "over before the sender was unplugged: {missing} bytes were missing");
    class.ports[slow].set_rate(RATE);
    let took = class.until_arrived(&[0, 1, 2, 3], begun);
    class.check(&[0, 1, 2, 3]);
    figure(
        "sender unplugged",
        format!(
            "after {:.1} s, with {:.1} of {} MiB missing at the slowest; all done after {:.1} s",
            unplugged.as_secs_f64(),
            missing as f64 / MIB as f64,
            class.size / MIB,
            took.as_secs_f64()
        ),
    );
}

/// One ends its program and starts it again, one's cable is out for a while, one is offered it when others have half of it.
#[test]
#[ignore = "needs root, ip netns and tc"]
fn who_comes_late_and_who_leaves_and_returns_finish_and_a_bystander_gets_nothing() {
    let mut class = Class::new(5, 16 * MIB);
    let [quits, cut, stays, late, bystander] = [0, 1, 2, 3, 4];
    let begun = Instant::now();
    let _sending = class.begin(&[quits, cut, stays]);
    let had = class.until_moved(quits, 2);
    assert!(class.receivers[quits].terminate().status.success());
    class.until_moved(cut, 4);
    class.ports[cut].set_plugged(false);
    class.until_moved(stays, 2);
    let _to_late = class.begin(&[late]);
    class.until_moved(late, 8);
    class.ports[cut].set_plugged(true);
    let before = class.received(quits);
    class.receivers[quits].start_again();
    let found = class.receivers[quits].wait_for("the transfer going on", LONG, |line| line["state"] == "active");
    let kept = found["bytes_done"].as_u64().unwrap();
    assert!(kept >= had, "{kept} of {had} bytes were kept");
    let took = class.until_arrived(&[quits, cut, stays, late], begun);
    class.check(&[quits, cut, stays, late]);
    let again = class.received(quits) - before;
    let (left, to_bystander) = (class.size - kept, class.received(bystander));
    figure(
        "late, gone and back",
        format!(
            "all done after {:.1} s; who quit with {:.1} MiB received {:.2} x the rest, a bystander {to_bystander} bytes",
            took.as_secs_f64(),
            kept as f64 / MIB as f64,
            again as f64 / left as f64
        ),
    );
    assert!(again < left * 3 / 2, "{again} bytes for {left}: it did not go on where it was");
    // What devices say to find each other, and what the switch floods that is for the one whose cable is out. That nobody gives anything to
    // who was not offered it is a test of the engine.
    assert!(to_bystander < class.size / 4, "{to_bystander} bytes came to a bystander");
    assert!(class.receivers[bystander].shoal(&["transfers", "--all"]).expect_code(0).lines.is_empty());
    assert!(!class.arrived(bystander).exists());
}
