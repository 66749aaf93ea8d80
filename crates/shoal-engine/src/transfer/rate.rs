//! How fast bytes move, smoothed so that people can read it.

use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// Rates are means over this long.
const WINDOW: Duration = Duration::from_secs(2);

/// Samples are at least this far apart, which bounds their number.
const STEP: Duration = Duration::from_millis(50);

/// A meter of one transfer.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// When, and how many bytes in all by then; ascending.
    samples: VecDeque<(Instant, u64)>,
}

impl Meter {
    /// `total` bytes were moved by `now`. Totals that shrink (a new session) start the meter anew.
    pub(crate) fn record(&mut self, now: Instant, total: u64) {
        match self.samples.back() {
            Some((_, last)) if *last > total => self.samples.clear(),
            Some((at, _)) if now.duration_since(*at) < STEP => return,
            _ => {}
        }
        self.samples.push_back((now, total));
        // One sample older than the window stays: the mean then covers the whole of it.
        while self.samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.samples.pop_front();
        }
    }

    /// Bytes a second over the last [`WINDOW`].
    pub(crate) fn rate(&self, now: Instant) -> u64 {
        let (Some((from, before)), Some((_, total))) = (self.samples.front(), self.samples.back()) else { return 0 };
        let elapsed = now.duration_since(*from).max(STEP).as_secs_f64();
        ((total - before) as f64 / elapsed) as u64
    }

    /// Nothing moves now.
    pub(crate) fn stop(&mut self) {
        self.samples.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_the_last_two_seconds() {
        let start = Instant::now();
        let mut meter = Meter::default();
        for tenth in 0..100u32 {
            meter.record(start + tenth * Duration::from_millis(100), u64::from(tenth) * 1_000);
        }
        let rate = meter.rate(start + Duration::from_millis(9_900));
        assert!((9_000..=11_000).contains(&rate), "{rate}");
        let rate = meter.rate(start + Duration::from_secs(20));
        assert!(rate < 2_000, "{rate}");
    }
}
