//! The window of CUBIC (RFC 9438) between two losses.

use std::time::{Duration, Instant};

/// Packets a second³ by which the window grows (§4.1.2).
const C: f64 = 0.4;

/// What is left of the window after a loss (§4.6).
const BETA: f64 = 0.7;

/// How fast Reno would have to grow to be as fast as CUBIC's decrease makes it (§4.3).
const RENO_ALPHA: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);

/// A window in bytes.
#[derive(Debug, Clone)]
pub(super) struct Cubic {
    window: f64,
    since: Instant,
    /// Where the last loss was.
    top: f64,
    /// When the curve comes there again, in seconds after `since`.
    k: f64,
    /// What Reno would have by now.
    reno: f64,
}

impl Cubic {
    /// Goes on from `window`, at the top of the curve.
    pub(super) fn new(now: Instant, window: f64) -> Self {
        Self { window, since: now, top: window, k: 0.0, reno: window }
    }

    /// Bytes that may be in flight.
    pub(super) fn window(&self) -> f64 {
        self.window
    }

    /// `bytes` arrived; `rtt` is the round trip now and `mtu` the size of a packet.
    pub(super) fn on_ack(&mut self, now: Instant, bytes: f64, rtt: Duration, mtu: f64) {
        let t = (now.saturating_duration_since(self.since) + rtt).as_secs_f64();
        let target = (self.top + C * (t - self.k).powi(3) * mtu).clamp(self.window, 1.5 * self.window);
        let round_trips = bytes / self.window;
        self.reno += RENO_ALPHA * mtu * round_trips;
        self.window = (self.window + (target - self.window) * round_trips).max(self.reno);
    }

    /// A round trip in which the network was full.
    pub(super) fn on_congestion(&mut self, now: Instant, mtu: f64) {
        // Fast convergence (§4.7): who lost ground since the last time leaves more of it to others.
        let top = if self.window < self.top { self.window * (1.0 + BETA) / 2.0 } else { self.window };
        let window = self.window * BETA;
        let k = ((top - window).max(0.0) / mtu / C).cbrt();
        *self = Self { window, since: now, top, k, reno: window };
    }
}
