//! What a seed means: who sends what to whom, in what weather, and what happens meanwhile. No clock, no files: only what is to be.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use shoal_tests::sim::Weather;
use std::time::Duration;

/// Length of a piece of files below 64 MiB.
const PIECE: u64 = 256 * 1024;

/// All that is sent in one story, at most.
const MAX_BYTES: u64 = 3 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) seed: u64,
    pub(crate) weather: Weather,
    /// Peer 0 sends to all others.
    pub(crate) peers: usize,
    pub(crate) files: Vec<File>,
    pub(crate) answer: Answer,
    /// Acts of each run of the house; between two runs the power fails: nothing is said, nothing is written any more.
    pub(crate) runs: Vec<Run>,
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) acts: Vec<(Duration, Act)>,
    /// When the power fails; never in the last run.
    pub(crate) until: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) older: Older,
}

/// What the receiver has under the file's name before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Older {
    Nothing,
    /// The same.
    Same,
    /// Most of it.
    Part,
    /// Something else, of another length.
    Other,
}

/// How receivers take the offer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Answer {
    ByRule,
    Accept {
        after: Duration,
    },
    /// Only files whose names end in an even digit.
    AcceptPart {
        after: Duration,
    },
    Decline {
        after: Duration,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Act {
    Cut(usize, usize),
    Join(usize, usize),
    /// A new lease; nobody is told.
    Readdress(usize),
    /// Everybody hears of all addresses, as by mDNS.
    Announce,
    /// Shut down; `silent`: its cable is out before, so nobody hears.
    Down {
        peer: usize,
        silent: bool,
    },
    Up(usize),
    Pause(usize),
    Resume(usize),
    Cancel(usize),
    Limit {
        peer: usize,
        up: Option<u64>,
        down: Option<u64>,
    },
    Weather(Weather),
    /// The source file is written anew while it is sent; `longer`: and gets another length.
    Change {
        file: usize,
        longer: bool,
    },
    Remove {
        file: usize,
    },
}

impl Story {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ 0x0054_07a1);
        let random = &mut random;
        let peers = if random.random_bool(0.15) { 3 } else { 2 };
        let files = files(random);
        let answer = match random.random_range(0..10) {
            0..6 => Answer::ByRule,
            6 | 7 => Answer::Accept { after: moment(random, 8.0) },
            8 => Answer::AcceptPart { after: moment(random, 3.0) },
            _ => Answer::Decline { after: moment(random, 3.0) },
        };
        let power_cuts = [0, 0, 0, 0, 0, 0, 1, 1, 2][random.random_range(0..9)];
        let weather = weather(random);
        // How long it takes, more or less; acts fall into it.
        let bytes: u64 = files.iter().map(|file| file.size).sum();
        let alone = bytes as f64 / weather.rate.unwrap_or(10_000_000) as f64;
        let span = (alone + 0.2) * 10f64.powf(random.random_range(-0.3..0.5));
        let runs = (0..=power_cuts)
            .map(|run| {
                let acts = acts(random, peers, files.len(), span);
                let until = (run < power_cuts).then(|| moment(random, span * 1.5));
                Run { acts, until }
            })
            .collect();
        Self { seed, weather, peers, files, answer, runs }
    }
}

fn moment(random: &mut StdRng, span: f64) -> Duration {
    Duration::from_secs_f64(random.random_range(0.0..span))
}

fn weather(random: &mut StdRng) -> Weather {
    let often = |random: &mut StdRng, chance, most: f64| {
        if random.random_bool(chance) { random.random_range(0.0..most) } else { 0.0 }
    };
    let rate = random.random_bool(0.8).then(|| 10f64.powf(random.random_range(5.0..6.5)) as u64);
    Weather {
        latency: Duration::from_secs_f64(10f64.powf(random.random_range(-3.5..-1.0))),
        jitter: Duration::from_secs_f64(often(random, 0.4, 0.02)),
        loss: often(random, 0.6, 0.1),
        reorder: often(random, 0.3, 0.1),
        rate,
        buffer: Duration::from_millis(random.random_range(50..300)),
        ..Weather::default()
    }
}

fn files(random: &mut StdRng) -> Vec<File> {
    let count = random.random_range(1..=10);
    let mut left = MAX_BYTES;
    (0..count)
        .map(|i| {
            let size = match random.random_range(0..12) {
                0 => 0,
                1 => 1,
                2 => random.random_range(2..PIECE),
                3 => PIECE - 1,
                4 => PIECE,
                5 => PIECE + 1,
                6 => 2 * PIECE,
                7 => 2 * PIECE + random.random_range(1..PIECE),
                8 => 4 * PIECE - 1,
                9 => random.random_range(PIECE..6 * PIECE),
                _ => random.random_range(1..3000),
            };
            let size = size.min(left);
            left -= size;
            let older = match random.random_range(0..12) {
                0 => Older::Same,
                1 | 2 => Older::Part,
                3 => Older::Other,
                _ => Older::Nothing,
            };
            let folder = ["", "a/", "a/b/"][random.random_range(0..3)];
            File { name: format!("{folder}file {i}"), size, older }
        })
        .collect()
}

fn acts(random: &mut StdRng, peers: usize, files: usize, span: f64) -> Vec<(Duration, Act)> {
    let mut acts = Vec::new();
    let length = |random: &mut StdRng| Duration::from_secs_f64(10f64.powf(random.random_range(-1.0..1.4)));
    for _ in 0..random.random_range(0..7) {
        let at = moment(random, span);
        let peer = random.random_range(0..peers);
        let later = at + length(random);
        match random.random_range(0..20) {
            0..5 => {
                let other = (peer + random.random_range(1..peers)) % peers;
                acts.extend([(at, Act::Cut(peer, other)), (later, Act::Join(peer, other))]);
            }
            5 | 6 => {
                acts.extend([(at, Act::Readdress(peer)), (at + moment(random, 3.0), Act::Announce)]);
            }
            7..11 => {
                let silent = random.random_bool(0.5);
                acts.extend([(at, Act::Down { peer, silent }), (later, Act::Up(peer))]);
            }
            11..14 => acts.extend([(at, Act::Pause(peer)), (later, Act::Resume(peer))]),
            14 => acts.push((at, Act::Cancel(peer))),
            15 | 16 => {
                let rate =
                    |random: &mut StdRng| random.random_bool(0.7).then(|| 10f64.powf(random.random_range(3.5..6.0)) as u64);
                acts.push((at, Act::Limit { peer, up: rate(random), down: rate(random) }));
                acts.push((later, Act::Limit { peer, up: None, down: None }));
            }
            17 => acts.push((at, Act::Weather(weather(random)))),
            18 => acts.push((at, Act::Change { file: random.random_range(0..files), longer: random.random_bool(0.5) })),
            _ => acts.push((at, Act::Remove { file: random.random_range(0..files) })),
        }
    }
    acts.sort_by_key(|(at, _)| *at);
    acts
}
