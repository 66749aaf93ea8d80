//! What is on its way from somebody slow, and comes sooner from another.

use super::{END_FACTOR, MAX_COPIES, Moment, STEAL_FACTOR, Scheduler, length, peer::Peer};
use std::time::Duration;

/// How long a unit takes from a peer of which nothing is known, when nothing is known of the others either.
const GUESS: Duration = Duration::from_secs(1);

impl<P: Copy + Ord> Scheduler<P> {
    /// The unit that comes latest of those that a peer could give far sooner than those who were asked: [`STEAL_FACTOR`] times, or
    /// [`END_FACTOR`] times once everything was asked for.
    pub(super) fn steal(&self, key: P, now: Moment) -> Option<u32> {
        let thief = self.peers.get(&key)?;
        let factor = if self.wanted.is_empty() { END_FACTOR } else { STEAL_FACTOR };
        let fastest = self.peers.values().filter_map(|peer| peer.rate.bytes_per_second()).fold(0.0, f64::max);
        let worth = |unit: u32, from: &[P]| {
            if from.len() >= MAX_COPIES || from.contains(&key) || !thief.has.contains(unit) {
                return None;
            }
            let bytes = thief.bytes + u64::from(length(&self.lengths, unit));
            let guess = || if fastest > 0.0 { Duration::from_secs_f64((bytes as f64 / fastest).min(3600.0)) } else { GUESS };
            let own = thief.rate.time_for(bytes).unwrap_or_else(guess);
            let left = from.iter().filter_map(|peer| Some(self.left(self.peers.get(peer)?, unit, now))).min()?;
            (left > own * factor).then_some((left, unit))
        };
        self.coming.iter().filter_map(|(unit, from)| worth(*unit, from)).max().map(|(_, unit)| unit)
    }

    /// How long it takes until a peer will have given a unit: by its rate, or, if it is silent, as long again as it has been.
    fn left(&self, peer: &Peer, unit: u32, now: Moment) -> Duration {
        let when = peer.asked.get(&unit).copied().unwrap_or(now);
        let before = peer.asked.iter().filter(|(_, at)| **at <= when).map(|(unit, _)| u64::from(length(&self.lengths, *unit))).sum();
        peer.rate.time_for(before).unwrap_or_default().max(now.saturating_sub(peer.heard))
    }
}
