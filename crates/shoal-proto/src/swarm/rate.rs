//! How fast a peer gives.

use std::time::Duration;

/// Weight of the past when something comes, of 4: a few units decide.
const PAST: f64 = 3.0;

/// What a time by rates is at most: nothing is waited for so long.
const LONGEST: f64 = 3600.0;

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

    /// Bytes a second; `None` before anything came.
    pub const fn bytes_per_second(&self) -> Option<f64> {
        self.bytes_per_second
    }

    /// Bytes that it gives in a time; 0 when it is not known.
    pub fn bytes_in(&self, time: Duration) -> u64 {
        // Above what anybody asks, the cast holds the largest number.
        (self.bytes_per_second.unwrap_or(0.0) * time.as_secs_f64()) as u64
    }

    /// How long it takes for so many bytes; `None` when it is not known.
    pub fn time_for(&self, bytes: u64) -> Option<Duration> {
        let rate = self.bytes_per_second?.max(1.0);
        Some(Duration::from_secs_f64((bytes as f64 / rate).min(LONGEST)))
    }
}
