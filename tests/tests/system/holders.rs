//! Several hosts share the same under names of their own, each behind a port of a quarter of the fetching one's rate.

use serde_json::Value;
use shoal_tests::{
    data, figure,
    lab::{Net, Peer, Port, Process, Switch},
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// Rate of the one who fetches, in Mbit/s.
const RATE: f64 = 100.0;

/// Pieces of 256 KiB, of which there are 252.
const SIZE: u64 = 63 * 1024 * 1024;
const PORT: u16 = 46_100;
const LONG: Duration = Duration::from_secs(120);

/// One who fetches, and holders.
struct Shelf {
    asker: Peer,
    holders: Vec<Peer>,
    /// The holders'.
    ports: Vec<Port>,
    _switch: Switch,
    _net: Net,
}

fn name(number: usize) -> String {
    if number == 0 { "film.mkv".to_owned() } else { format!("other name {number}.mkv") }
}

impl Shelf {
    /// Holders behind ports of these parts of [`RATE`].
    fn new(parts: &[f64]) -> Self {
        let net = Net::new();
        let switch = net.switch("shelf");
        let seat = |number: usize, rate: f64| {
            let host = net.host(&format!("seat{number}"));
            let port = switch.plug(&host, "eth0");
            host.add_address("eth0", &format!("10.79.0.{}/24", number + 1));
            port.set_rate(rate);
            (Peer::at(&host).args(&["--port", &PORT.to_string()]).start(), port)
        };
        let (asker, _) = seat(0, RATE);
        let (holders, ports): (Vec<_>, Vec<_>) =
            parts.iter().enumerate().map(|(number, part)| seat(number + 1, RATE * part)).unzip();
        for (number, holder) in holders.iter().enumerate() {
            let folder = holder.home().path().join("shared");
            std::fs::create_dir(&folder).unwrap();
            data::random_file(&folder.join(name(number)), SIZE, 11);
            let folder = folder.to_str().unwrap().to_owned();
            holder.shoal(&["share", "add", &folder, "--name", "Films", "--for", "everyone"]).expect_code(0);
        }
        let this = Self { asker, holders, ports, _switch: switch, _net: net };
        // Hashing waits for a calm machine.
        this.until(|| this.holders.iter().enumerate().all(|(number, holder)| this.is_hashed(number, holder)));
        this
    }

    fn is_hashed(&self, number: usize, holder: &Peer) -> bool {
        let listed = self.asker.shoal(&["ls", &format!("{}:/Films", holder.id())]);
        listed.lines.iter().any(|line| line["name"] == name(number) && line["blake3"].is_string())
    }

    fn until(&self, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < LONG, "nothing came of it");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn begin(&self) -> Process {
        self.asker.begin(&["get", &format!("{}:/Films/{}", self.holders[0].id(), name(0))])
    }

    fn arrived(&self) -> PathBuf {
        self.asker.inbox().join(name(0))
    }

    fn done(&self) -> u64 {
        let rows = self.asker.shoal(&["transfers"]).expect_code(0).lines;
        rows.first().and_then(|row: &Value| row["bytes_done"].as_u64()).unwrap_or(0)
    }

    /// Waits for the end, and returns how long it took and the longest time without anything new.
    fn finished(&self, begun: Instant) -> (Duration, Duration) {
        let (mut last, mut pause) = ((Instant::now(), 0), Duration::ZERO);
        while !self.arrived().exists() {
            let done = self.done();
            if done > last.1 {
                last = (Instant::now(), done);
            }
            pause = pause.max(last.0.elapsed());
            assert!(begun.elapsed() < LONG, "it stays at {done} bytes");
            std::thread::sleep(Duration::from_millis(20));
        }
        let took = begun.elapsed();
        let source = self.holders[0].home().path().join("shared").join(name(0));
        assert!(std::fs::read(source).unwrap() == std::fs::read(self.arrived()).unwrap(), "wrong bytes");
        (took, pause)
    }
}

/// What came a second, in Mbit/s.
fn rate(took: Duration) -> f64 {
    SIZE as f64 * 8.0 / 1e6 / took.as_secs_f64()
}

#[test]
#[ignore = "needs root, ip netns and tc"]
fn four_holders_of_a_quarter_each_give_what_one_can_take() {
    let shelf = Shelf::new(&[0.25; 4]);
    let begun = Instant::now();
    let _getting = shelf.begin();
    let (took, pause) = shelf.finished(begun);
    let share = rate(took) / RATE;
    figure(
        "four holders of a quarter each",
        format!("{share:.2} of the rate, {:.1} s, longest pause {pause:.1?}", took.as_secs_f64()),
    );
    // Of the rate some 4 % are headers. On a machine with nothing else to do it is 0.93: the figure says how much.
    assert!(share >= 0.75, "{share:.2}");
}

#[test]
#[ignore = "needs root, ip netns and tc"]
fn a_holder_that_is_unplugged_half_way_is_made_up_for() {
    for gone in [0, 2] {
        let shelf = Shelf::new(&[0.25; 4]);
        let begun = Instant::now();
        let _getting = shelf.begin();
        shelf.until(|| shelf.done() >= SIZE / 2);
        let half = begun.elapsed();
        shelf.ports[gone].set_plugged(false);
        let (took, pause) = shelf.finished(begun);
        // The second half at three quarters of the rate of the first.
        let best = half.as_secs_f64() * (1.0 + 4.0 / 3.0);
        let share = best / took.as_secs_f64();
        figure(
            if gone == 0 { "the one who was asked unplugged half way" } else { "one of four holders unplugged half way" },
            format!("{share:.2} of what the rest can give, {:.1} s, longest pause {pause:.1?}", took.as_secs_f64()),
        );
        assert!(share >= 0.75 && pause < Duration::from_secs(2), "{share:.2} {pause:.1?}");
    }
}

#[test]
#[ignore = "needs root, ip netns and tc"]
fn a_holder_that_is_twenty_times_slower_costs_little() {
    let shelf = Shelf::new(&[0.25, 0.25, 0.25, 0.25 / 20.0]);
    let begun = Instant::now();
    let _getting = shelf.begin();
    let (took, pause) = shelf.finished(begun);
    let share = rate(took) / (RATE * (0.75 + 0.25 / 20.0));
    figure(
        "one of four holders 20 x slower",
        format!("{share:.2} of what all can give, {:.1} s, longest pause {pause:.1?}", took.as_secs_f64()),
    );
    // As above.
    assert!(share >= 0.75, "{share:.2}");
}
