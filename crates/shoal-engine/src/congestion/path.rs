//! What a path is like, measured from acknowledgements: delivery rate, shortest round trip, queueing delay. Decides nothing.

use super::extreme::Extreme;
use std::time::{Duration, Instant};

/// How long the shortest round trip is believed, at least; twice that at most. BBR takes 10 s; here every drain shows it again.
const MIN_RTT_WINDOW: Duration = Duration::from_secs(15);

/// How long the longest queueing delay is remembered: it tells how deep the narrowest buffer is.
const MAX_QUEUE_WINDOW: Duration = Duration::from_secs(10);

/// Rates are measured over a round trip and at least this long: timers are no better than a millisecond.
const MIN_SAMPLE: Duration = Duration::from_millis(5);

/// The best rate of so many samples counts, as in BBR: losses and pauses do not make a path narrower.
const RATE_SAMPLES: u32 = 8;

/// What is usually lost is told by the last bytes, about so many.
const USUAL_BYTES: f64 = 1024.0 * 1024.0;

/// Jitter is smoothed over so many rounds.
const JITTER_ROUNDS: u32 = 8;

/// Of fewer bytes a share of losses says nothing.
const MIN_ROUND: u64 = 64 * 1024;

/// What was measured on one path.
#[derive(Debug, Clone)]
pub(super) struct Path {
    min_rtt: Extreme<Duration>,
    max_queue: Extreme<Duration>,
    last_queue: Duration,
    /// Share of bytes that are lost while no queue stands, 0 to 1.
    usual_loss: f64,
    /// Bytes a second.
    rate: Extreme<f64>,
    last_rate: Option<f64>,
    /// How much longer than the shortest the round trips of one round are, on average and smoothed.
    jitter: Duration,
    sample: Sample,
    round: Round,
}

/// Bytes acknowledged since `start`.
#[derive(Debug, Clone)]
struct Sample {
    start: Instant,
    bytes: u64,
    app_limited: bool,
}

/// Lasts until something that was sent in it is acknowledged: one round trip.
#[derive(Debug, Clone)]
struct Round {
    start: Instant,
    shortest: Option<Duration>,
    /// All round trips together, and how many they are.
    sum: Duration,
    count: u32,
    acked: u64,
    lost: u64,
}

impl Path {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            min_rtt: Extreme::new(Ord::min, MIN_RTT_WINDOW, now),
            max_queue: Extreme::new(Ord::max, MAX_QUEUE_WINDOW, now),
            last_queue: Duration::ZERO,
            usual_loss: 0.0,
            rate: Extreme::new(f64::max, MIN_SAMPLE * RATE_SAMPLES, now),
            last_rate: None,
            jitter: Duration::ZERO,
            sample: Sample { start: now, bytes: 0, app_limited: false },
            round: Round::new(now),
        }
    }

    /// Hears of an acknowledgement of `bytes` sent at `sent`. At the end of a round trip returns the least delay over the shortest
    /// one: what stood in queues all the time.
    pub(super) fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool) -> Option<Duration> {
        let rtt = now.saturating_duration_since(sent);
        self.min_rtt.put(now, rtt);
        self.round.shortest = Some(self.round.shortest.map_or(rtt, |least| least.min(rtt)));
        self.round.sum += rtt;
        self.round.count += 1;
        self.round.acked += bytes;
        self.sample.bytes += bytes;
        self.sample.app_limited |= app_limited;
        if sent < self.round.start {
            return None;
        }
        self.end_sample(now);
        let queue = self.queue();
        if queue <= self.max_queue() / 2 {
            let bytes = (self.round.acked + self.round.lost) as f64;
            self.usual_loss += (self.round.lost as f64 / bytes - self.usual_loss) * bytes / (bytes + USUAL_BYTES);
        }
        // A queue is there for two rounds; one long round trip is a computer that did something else.
        self.max_queue.put(now, queue.min(self.last_queue));
        self.last_queue = queue;
        let jitter = (self.round.sum / self.round.count).saturating_sub(self.round.shortest.unwrap_or(rtt));
        self.jitter = (self.jitter * (JITTER_ROUNDS - 1) + jitter) / JITTER_ROUNDS;
        self.round = Round::new(now);
        Some(queue)
    }

    pub(super) fn on_loss(&mut self, bytes: u64) {
        self.round.lost += bytes;
    }

    /// The shortest round trip of late.
    pub(super) fn min_rtt(&self) -> Option<Duration> {
        self.min_rtt.get()
    }

    /// How far round trips are from one another while the queue stays as it is.
    pub(super) fn jitter(&self) -> Duration {
        self.jitter
    }

    /// What the path delivered at best of late, in bytes a second.
    pub(super) fn rate(&self) -> Option<f64> {
        self.rate.get()
    }

    /// What it delivered in the last sample.
    pub(super) fn last_rate(&self) -> Option<f64> {
        self.last_rate
    }

    /// Share of bytes that are lost while no queue stands: chance.
    pub(super) fn usual_loss(&self) -> f64 {
        self.usual_loss
    }

    /// The longest that anything stood in queues of late.
    pub(super) fn max_queue(&self) -> Duration {
        self.max_queue.get().unwrap_or_default()
    }

    /// What stands in queues in this round, as far as it is known.
    pub(super) fn queue(&self) -> Duration {
        match (self.round.shortest, self.min_rtt()) {
            (Some(shortest), Some(least)) => shortest.saturating_sub(least),
            _ => Duration::ZERO,
        }
    }

    /// Share of this round's bytes that were lost; 0 while they are too few to tell.
    pub(super) fn loss(&self) -> f64 {
        let sent = self.round.acked + self.round.lost;
        if sent < MIN_ROUND { 0.0 } else { self.round.lost as f64 / sent as f64 }
    }

    fn end_sample(&mut self, now: Instant) {
        let took = now.saturating_duration_since(self.sample.start);
        if took < MIN_SAMPLE {
            return;
        }
        let rate = self.sample.bytes as f64 / took.as_secs_f64();
        self.last_rate = Some(rate);
        // A sender that had nothing to say shows less than the path can do.
        if !self.sample.app_limited || self.rate().is_none_or(|best| rate > best) {
            self.rate.set_window(took.max(MIN_SAMPLE) * RATE_SAMPLES);
            self.rate.put(now, rate);
        }
        self.sample = Sample { start: now, bytes: 0, app_limited: false };
    }
}

impl Round {
    fn new(now: Instant) -> Self {
        Self { start: now, shortest: None, sum: Duration::ZERO, count: 0, acked: 0, lost: 0 }
    }
}
