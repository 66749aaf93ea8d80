//! Swarms: hosts on one switch, each port at the same rate.

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

/// Pieces of 256 KiB, of which there are 252.
const SIZE: u64 = 63 * 1024 * 1024;
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
    _folder: TempDir,
    _switch: Switch,
    _net: Net,
}

impl Class {
    fn new(receivers: usize) -> Self {
        let net = Net::new();
        let switch = net.switch("class");
        let folder = TempDir::with_prefix("shoal-test-").unwrap();
        let source = folder.path().join("image.bin");
        data::random_file(&source, SIZE, 7);
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
        Self { sender, port, receivers, ports, source, _folder: folder, _switch: switch, _net: net }
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

    fn arrived(&self, number: usize) -> PathBuf {
        self.receivers[number].inbox().join("image.bin")
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
fn crowd(receivers: usize) -> (f64, f64) {
    let class = Class::new(receivers + 1);
    let begun = Instant::now();
    let mut sending = class.begin(&[0]);
    let alone = class.until_arrived(&[0], begun);
    assert!(sending.finish(LONG).success());
    let sent_alone = class.sent() as f64 / SIZE as f64;
    // Another file: what went to the first is of no use.
    data::random_file(&class.source, SIZE, 8);
    let all: Vec<usize> = (1..=receivers).collect();
    let before = class.sent();
    let begun = Instant::now();
    let mut sending = class.begin(&all);
    let took = class.until_arrived(&all, begun);
    let sent = class.sent() - before;
    assert!(sending.finish(LONG).success());
    class.check(&all);
    let (time, sent) = (took.as_secs_f64() / alone.as_secs_f64(), sent as f64 / SIZE as f64);
    figure(
        &format!("one sender, {receivers} receivers at {RATE} Mbit/s each"),
        format!(
            "{time:.2} x the time of one alone ({:.1} s), {sent:.2} x the size sent by the sender (alone {sent_alone:.2})",
            alone.as_secs_f64()
        ),
    );
    (time, sent)
}

#[test]
#[ignore = "needs root, ip netns and tc"]
fn eight_receivers_take_little_longer_than_one() {
    let (time, sent) = crowd(8);
    assert!(time <= 1.4 && sent <= 1.25, "{time} {sent}");
}

#[test]
#[ignore = "needs root, ip netns and tc"]
fn sixteen_receivers_take_little_longer_than_one() {
    let (time, sent) = crowd(16);
    assert!(time <= 1.6 && sent <= 1.3, "{time} {sent}");
}

#[test]
#[ignore = "needs root, ip netns and tc"]
fn a_sender_that_is_unplugged_once_everything_is_out_is_not_missed() {
    let class = Class::new(4);
    let all = [0, 1, 2, 3];
    let before = class.sent();
    let begun = Instant::now();
    let _sending = class.begin(&all);
    // Headers and what was sent twice come on top of the size.
    while class.sent() - before < SIZE * 112 / 100 {
        assert!(begun.elapsed() < LONG);
        assert!(!all.iter().all(|number| class.arrived(*number).exists()), "over before the sender had sent so much");
        std::thread::sleep(Duration::from_millis(5));
    }
    let arrived = all.iter().filter(|number| class.arrived(**number).exists()).count();
    class.port.set_plugged(false);
    let unplugged = begun.elapsed();
    let took = class.until_arrived(&all, begun);
    class.check(&all);
    figure(
        "sender unplugged",
        format!("after {:.1} s, {arrived} of 4 done; all done after {:.1} s", unplugged.as_secs_f64(), took.as_secs_f64()),
    );
}
