//! Whether this is a moment for work that can wait: nobody moves files, the processor is not busy, the power is not a battery.

use std::{
    fmt,
    time::{Duration, Instant},
};

/// How long what the system says is believed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Something that knows whether content moves.
pub(crate) type Moves = Box<dyn Fn() -> bool + Send>;

/// Judges moments.
pub(crate) struct Calm {
    moves: Moves,
    /// The machine may be busy, or on a battery.
    always: bool,
    looked: Option<(Instant, bool)>,
}

impl fmt::Debug for Calm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calm").field("looked", &self.looked).finish_non_exhaustive()
    }
}

impl Calm {
    /// `moves`: whether content moves at this moment; asked often. `always`: nothing else counts.
    pub(crate) fn new(moves: Moves, always: bool) -> Self {
        Self { moves, always, looked: None }
    }

    /// Every moment is one.
    #[cfg(test)]
    pub(crate) fn always() -> Self {
        Self { moves: Box::new(|| false), always: true, looked: None }
    }

    /// No moment is one, though nothing moves.
    #[cfg(test)]
    pub(crate) fn never() -> Self {
        Self { moves: Box::new(|| false), always: false, looked: Some((Instant::now() + Duration::from_secs(86_400), false)) }
    }

    /// Content moves.
    pub(crate) fn moves(&self) -> bool {
        (self.moves)()
    }

    /// Whether this is a moment for work that can wait.
    pub(crate) fn is_now(&mut self, now: Instant) -> bool {
        if self.moves() {
            return false;
        }
        if self.always {
            return true;
        }
        match self.looked {
            Some((at, calm)) if now.saturating_duration_since(at) < LOOK_EVERY => calm,
            _ => {
                let calm = !is_loaded() && !is_on_battery();
                self.looked = Some((now, calm));
                calm
            }
        }
    }
}

/// More wants to run than the machine has processors, over the last minute.
#[cfg(target_os = "linux")]
fn is_loaded() -> bool {
    let load = std::fs::read_to_string("/proc/loadavg").ok();
    let load = load.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // This work itself counts as one.
    load.is_some_and(|load| load > processors as f64 + 1.0)
}

/// Power supplies that say they discharge.
#[cfg(target_os = "linux")]
fn is_on_battery() -> bool {
    let supplies = std::fs::read_dir("/sys/class/power_supply").into_iter().flatten().flatten();
    supplies.into_iter().any(|supply| {
        let says =
            |what: &str, word: &str| std::fs::read_to_string(supply.path().join(what)).is_ok_and(|said| said.trim() == word);
        says("type", "Battery")
            && says("scope", "System") | !supply.path().join("scope").exists()
            && says("status", "Discharging")
    })
}

/// Other systems say it only to calls that take more than the standard library.
#[cfg(not(target_os = "linux"))]
fn is_loaded() -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
fn is_on_battery() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    #[test]
    fn while_content_moves_nothing_else_is_done() {
        let moves = Arc::new(AtomicBool::new(true));
        let asked = moves.clone();
        let mut calm = Calm::new(Box::new(move || asked.load(Ordering::Relaxed)), false);
        let now = Instant::now();
        assert!(!calm.is_now(now));
        moves.store(false, Ordering::Relaxed);
        calm.looked = Some((now, true));
        assert!(calm.is_now(now));
        moves.store(true, Ordering::Relaxed);
        assert!(!calm.is_now(now), "at once, whatever was said before");
    }
}
