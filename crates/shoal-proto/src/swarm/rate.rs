//! How fast a peer gives.

use std::time::Duration;

/// Weight of the past when something comes, of 4: a few units decide.
const PAST: f64 = 3.0;

/// A peer's rate as it was measured; nothing is known of a new one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rate {
    bytes_per_second: Option<f64>,
}

impl Rate {
    /// Something came: `bytes`, on which the peer worked from one moment to another.
    pub fn add(&mut self, bytes: u32, from: Duration, to: Duration) {
        let took = to.saturating_sub(from).as_secs_f64().max(1e-6);
        let now = f64::from(bytes) / took;
        self.bytes_per_second = Some(self.bytes_per_second.map_or(now, |past| (past * PAST + now) / (PAST + 1.0)));
    }

    /// Pieces of a length that it gives in a time; 0 when it is not known.
    pub fn pieces_in(&self, time: Duration, length: u32) -> usize {
        let bytes = self.bytes_per_second.unwrap_or(0.0) * time.as_secs_f64();
        // Above what anybody asks, the cast holds the largest number.
        (bytes / f64::from(length.max(1))).ceil() as usize
    }

    /// How long it takes for pieces of a length; a second each when it is not known.
    pub fn time_for(&self, length: u32, pieces: usize) -> Duration {
        let one = self.bytes_per_second.map_or(1.0, |rate| f64::from(length) / rate.max(1.0));
        Duration::from_secs_f64((one * pieces as f64).min(3600.0))
    }
}
