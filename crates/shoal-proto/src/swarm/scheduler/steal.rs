//! What is on its way from somebody, and may come sooner from another.

use super::{Coming, END_FACTOR, MAX_COPIES, MAX_REQUESTS, Moment, STEAL_FACTOR, Scheduler, length};
use std::time::Duration;

/// How long a unit takes from a peer of which nothing is known, when nothing is known of the others either.
const GUESS: Duration = Duration::from_secs(1);

impl<P: Copy + Ord> Scheduler<P> {
    /// A unit that a peer is to be asked for though it was asked of another, and whether that one sends it already.
    ///
    /// What waits with another may as well wait here, if nothing else does: who begins first sends it. What is being sent is asked for again
    /// only if it comes [`STEAL_FACTOR`] times as late as it would from here; [`END_FACTOR`] times once everything was asked for. The only
    /// source is spared: what waits elsewhere is asked of it only if it waited that long, too.
    pub(super) fn steal(&self, key: P, is_only_source: bool, now: Moment) -> Option<(u32, bool)> {
        let thief = self.peers.get(&key)?;
        let sent = |from: &[Coming<P>]| from.iter().filter(|coming| coming.started.is_some()).count();
        let most = |from: &[Coming<P>]| if sent(from) == 0 { MAX_REQUESTS } else { MAX_COPIES };
        let is_open = |from: &[Coming<P>]| from.len() < most(from) && from.iter().all(|coming| coming.from != key);
        let open = || self.coming.iter().filter(|(unit, from)| is_open(from) && thief.has.contains(**unit));
        if thief.asked.is_empty() && !is_only_source {
            let since = |unit: u32, from: P| self.peers.get(&from)?.asked.get(&unit).copied();
            let waiting = open().filter(|(_, from)| sent(from) == 0);
            let waiting = waiting.filter_map(|(unit, from)| Some((since(*unit, from.first()?.from)?, *unit)));
            if let Some((_, unit)) = waiting.min() {
                return Some((unit, false));
            }
        }
        let factor = if self.wanted.is_empty() { END_FACTOR } else { STEAL_FACTOR };
        let fastest = self.peers.values().filter_map(|peer| peer.rate.bytes_per_second()).fold(0.0, f64::max);
        let late = open().filter(|(_, from)| is_only_source || sent(from) > 0).filter_map(|(unit, from)| {
            let bytes = thief.bytes + u64::from(length(&self.lengths, *unit));
            let guess = || if fastest > 0.0 { Duration::from_secs_f64((bytes as f64 / fastest).min(3600.0)) } else { GUESS };
            let own = thief.rate.time_for(bytes).unwrap_or_else(guess);
            let left = from.iter().filter_map(|coming| self.left(coming, *unit, is_only_source, now)).min()?;
            (left > own * factor).then_some((left, *unit))
        });
        late.max().map(|(_, unit)| (unit, true))
    }

    /// How long it takes until a unit will have come: as long again as the peer has been silent, or, unless only that counts, by its rate.
    fn left(&self, coming: &Coming<P>, unit: u32, is_silence: bool, now: Moment) -> Option<Duration> {
        let peer = self.peers.get(&coming.from)?;
        let when = peer.asked.get(&unit).copied()?;
        let silent = now.saturating_sub(coming.started.unwrap_or(when).max(peer.heard));
        if is_silence {
            return Some(silent);
        }
        let before =
            peer.asked.iter().filter(|(_, at)| **at <= when).map(|(unit, _)| u64::from(length(&self.lengths, *unit))).sum();
        let whole = peer.rate.time_for(before).unwrap_or_default();
        let rest = whole.saturating_sub(coming.started.map_or(Duration::ZERO, |started| now.saturating_sub(started)));
        Some(rest.max(silent))
    }
}
