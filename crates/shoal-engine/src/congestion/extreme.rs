//! The least or greatest value of late.

use std::time::{Duration, Instant};

/// Which of two values is kept.
type Better<T> = fn(T, T) -> T;

/// The best value of the last one to two `window`s: cheap, as it forgets by halves.
#[derive(Debug, Clone)]
pub(super) struct Extreme<T> {
    better: Better<T>,
    window: Duration,
    since: Instant,
    current: Option<T>,
    previous: Option<T>,
}

impl<T: Copy> Extreme<T> {
    /// Nothing yet; `better` picks one of two values (`Ord::min`, `f64::max`).
    pub(super) fn new(better: Better<T>, window: Duration, now: Instant) -> Self {
        Self { better, window, since: now, current: None, previous: None }
    }

    /// The best of late; `None` when there was none for two windows.
    pub(super) fn get(&self) -> Option<T> {
        match (self.current, self.previous) {
            (Some(a), Some(b)) => Some((self.better)(a, b)),
            (a, b) => a.or(b),
        }
    }

    /// Hears of a value.
    pub(super) fn put(&mut self, now: Instant, value: T) {
        if now.saturating_duration_since(self.since) >= self.window {
            self.previous = self.current.take();
            self.since = now;
        }
        self.current = Some(self.current.map_or(value, |best| (self.better)(best, value)));
    }

    /// Another width of the window, from now on.
    pub(super) fn set_window(&mut self, window: Duration) {
        self.window = window;
    }
}
