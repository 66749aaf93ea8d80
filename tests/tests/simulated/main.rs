//! Two or three real engines, real files, and a network that loses, delays, reorders and is cut: in simulated time, by seed.
//!
//! Each seed is one story ([`story`]): what is sent, to whom, in what weather, and what goes wrong when. [`house`] plays it and
//! holds everything that happens against the invariants. A seed that fails prints itself; `SHOAL_SEED=N` plays it alone, with logs.
//!
//! Time is tokio's paused clock, which stands still while a disk is read or written, so that a story goes the same way each time
//! but for the order in which threads of the disk finish.

#![allow(clippy::unwrap_used)]

mod house;
mod network;
mod story;

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

/// Stories in one run, unless `SHOAL_SEEDS` says how many.
const SEEDS: u64 = 1000;

/// Threads that play them.
const THREADS: usize = 2;

/// A story takes a fraction of a second; one that takes this long on a loaded machine does not end.
const STUCK: Duration = Duration::from_secs(120);

/// Why it matters: what interrupts a transfer comes at any moment and in any order, and no list of cases has them all.
#[test]
fn a_thousand_stories_end_well() {
    if let Some(seed) = std::env::var("SHOAL_SEED").ok().map(|seed| seed.parse::<u64>().expect("SHOAL_SEED is a number")) {
        let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "shoal_engine=debug".to_owned());
        tracing_subscriber::fmt().with_env_filter(filter).without_time().with_test_writer().init();
        println!("{:#?}", story::Story::new(seed));
        house::play(seed);
        return;
    }
    let seeds = std::env::var("SHOAL_SEEDS").map_or(SEEDS, |seeds| seeds.parse().expect("SHOAL_SEEDS is a number"));
    let begun = Instant::now();
    let (told, results) = mpsc::channel();
    let next = AtomicU64::new(0);
    let playing: Mutex<HashMap<u64, Instant>> = Mutex::default();
    let mut failed = Vec::new();
    let mut sums = house::Sums::default();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let (told, next, playing) = (told.clone(), &next, &playing);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    playing.lock().unwrap().insert(seed, Instant::now());
                    let result = catch_unwind(AssertUnwindSafe(|| house::play(seed)));
                    playing.lock().unwrap().remove(&seed);
                    told.send((seed, result)).unwrap();
                }
            });
        }
        drop(told);
        loop {
            match results.recv_timeout(Duration::from_secs(1)) {
                Ok((_, Ok(sum))) => sums.add(&sum),
                Ok((seed, Err(_))) => {
                    println!("seed {seed} failed: SHOAL_SEED={seed} cargo test -p shoal-tests --test simulated -- --nocapture");
                    failed.push(seed);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let stuck = playing.lock().unwrap().iter().find(|(_, since)| since.elapsed() > STUCK).map(|(seed, _)| *seed);
                    if let Some(seed) = stuck {
                        println!("seed {seed} does not end: SHOAL_SEED={seed} cargo test -p shoal-tests --test simulated");
                        std::process::exit(1); // its thread cannot be stopped
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
    });
    shoal_tests::figure("simulated: stories", seeds);
    sums.print();
    shoal_tests::figure("simulated: real time", format!("{:.1} s", begun.elapsed().as_secs_f64()));
    assert!(failed.is_empty(), "{} of {seeds} seeds failed: {failed:?}", failed.len());
}
