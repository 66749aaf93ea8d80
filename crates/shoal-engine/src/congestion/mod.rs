//! Congestion control: how much may be under way to a peer, chosen by what is measured on the path there.
//!
//! Loss alone says little: on Wi-Fi packets vanish while there is room, and CUBIC then falls to a hundredth of the link. Delay
//! says more. So:
//!
//! - **Alone** on the path, the window grows while no queue stands at its narrowest place, and is taken back to what the path holds
//!   (delivery rate × shortest round trip, as in BBR, draft-ietf-ccwg-bbr) when a queue of [`QUEUE`] stands there: full rate,
//!   and nobody's ping suffers. Growth is by the packet near the top, so that flows come to equal shares (Chiu and Jain, 1989).
//! - **Beside** a flow that fills the queue whatever we do, giving way would end at nothing. That is seen as Copa (Arun and
//!   Balakrishnan, NSDI 2018) sees it: we drain, and the queue stays. Then the window is CUBIC's (RFC 9438), and every
//!   [`LOOK_AGAIN`] we drain again to see whether the other is still there.
//! - **A loss** counts only when a queue stood, measured against the longest of late, or when very many packets are lost.
//!
//! Pure: time comes in with each call, and nothing is shared but that the connection is over. quinn paces at 1.25 windows a round trip and looks at nothing else than the window.

mod cubic;
mod extreme;
mod path;

use cubic::Cubic;
use path::Path;
use quinn::congestion::{Controller, ControllerFactory};
use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// What may stand in the queue of the narrowest place on our account.
const QUEUE: Duration = Duration::from_millis(10);

/// Delay below this is noise of timers and schedulers.
const NOISE: Duration = Duration::from_micros(250);

/// Of a round trip: delay below this share is noise of the path.
const NOISE_SHARE: u32 = 16;

/// With a share of packets lost above this, the path is too full, delayed or not: a policer, a very short queue.
const MANY_LOST: f64 = 0.2;

/// So many times what is lost without a queue is more than chance.
const UNUSUAL: f64 = 3.0;

/// Share of the window that is left after a loss for want of room, at most, while alone.
const AFTER_LOSS: f64 = 0.85;

/// Share of the window by which it grows at most in a round trip, while no queue stands.
const MOST_GROWTH: f64 = 0.125;

/// So many times what is really under way the window may be and still grow.
const UNUSED: f64 = 4.0;

/// Share of what the path holds that is under way in a drain.
const DRAIN: f64 = 0.97;

/// How often a flow beside others looks whether they are still there.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// A drain lasts so many round trips: one until it acts, one to see how it acted.
const DRAIN_ROUNDS: u32 = 2;

/// Drains after which the queue still stood, in a row, until somebody else is taken to fill it.
const STRIKES: u32 = 2;

/// Packets in the first window (RFC 6928 has 10; on a LAN the first round trips are what a small transfer takes).
const FIRST_WINDOW: f64 = 32.0;

/// Packets that always may stand in the queue: at 2 Mbit/s one takes 6 ms.
const FEW: f64 = 10.0;

/// Packets in the smallest window.
const LEAST_WINDOW: f64 = 4.0;

/// Makes a [`Pilot`] for each path.
#[derive(Debug)]
pub(crate) struct Pilots;

impl ControllerFactory for Pilots {
    fn build(self: Arc<Self>, now: Instant, mtu: u16) -> Box<dyn Controller> {
        Box::new(Pilot::new(now, mtu.into()))
    }
}

/// Lets the farewell of a connection that is about to be closed out, however full its path is: quinn-proto 0.11.19 holds it back
/// like any packet, for good, as it hears no acknowledgement any more (quinn 2785, mended after that release).
pub(crate) fn let_farewell_pass(connection: &quinn::Connection) {
    // A clone; what it says of the end, all of them say.
    if let Ok(pilot) = connection.congestion_state().into_any().downcast::<Pilot>() {
        pilot.over.store(true, Ordering::Relaxed);
    }
}

/// The controller of one path.
#[derive(Debug, Clone)]
pub(crate) struct Pilot {
    /// Bytes in a packet.
    mtu: f64,
    /// Bytes that may be in flight.
    window: f64,
    mode: Mode,
    path: Path,
    /// What stood in the queue in the last whole round trip.
    queue: Duration,
    /// Packets that the window grows by in a round trip, while alone.
    step: f64,
    strikes: u32,
    /// The path was too full once: there is no doubling any more.
    crowded: bool,
    /// Losses of what was sent before are answered already.
    answered: Option<Instant>,
    /// The connection is being closed: nothing but that is sent any more. One for all clones.
    over: Arc<AtomicBool>,
}

#[derive(Debug, Clone)]
enum Mode {
    /// Doubling until the path is full: a queue stands, or, where others keep one anyway, something is lost.
    Start { beside: bool },
    /// Growing until a queue stands.
    Alone,
    /// Letting the queue run empty.
    Drain(Drain),
    /// Sharing with a flow that fills the queue.
    Beside { cubic: Cubic, since: Instant },
}

#[derive(Debug, Clone)]
struct Drain {
    rounds: u32,
    /// The window to go on with if we are alone.
    alone: f64,
    /// What goes on if we are not.
    beside: Cubic,
    /// Whether one drain is enough to tell.
    sure: bool,
}

impl Pilot {
    fn new(now: Instant, mtu: f64) -> Self {
        Self {
            mtu,
            window: FIRST_WINDOW * mtu,
            mode: Mode::Start { beside: false },
            crowded: false,
            path: Path::new(now),
            queue: Duration::ZERO,
            step: 1.0,
            strikes: 0,
            answered: None,
            over: Arc::default(),
        }
    }

    fn handle_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool) {
        let queue = self.path.on_ack(now, sent, bytes, app_limited);
        if !app_limited {
            self.grow(now, bytes as f64);
        }
        if let Some(queue) = queue {
            self.end_round(now, queue);
        }
    }

    fn handle_loss(&mut self, now: Instant, sent: Instant, bytes: u64) {
        // What was sent before the last answer belongs to that; it would also look like chance, the queue being gone.
        if self.answered.is_some_and(|then| sent <= then) {
            return;
        }
        self.path.on_loss(bytes);
        // Nothing lost: a router marked a packet, which says it plainly.
        if bytes == 0 || self.is_full() {
            self.make_room(now);
        }
    }

    fn grow(&mut self, now: Instant, bytes: f64) {
        // Where something else holds the sender back (a processor, a small window of the receiver), no queue ever stands: what is
        // not used says nothing about the path and would go out as one burst later (RFC 7661).
        let used = self.path.rate().map(|rate| rate * (self.path.min_rtt().unwrap_or_default() + self.queue).as_secs_f64());
        if used.is_some_and(|used| self.window > UNUSED * used) {
            return;
        }
        match &mut self.mode {
            Mode::Start { .. } => self.window += bytes,
            Mode::Alone => self.window += self.step * self.mtu * bytes / self.window,
            Mode::Drain(_) => {}
            Mode::Beside { cubic, .. } => {
                let rtt = self.path.min_rtt().unwrap_or_default() + self.queue;
                cubic.on_ack(now, bytes, rtt, self.mtu);
                self.window = cubic.window();
            }
        }
    }

    fn end_round(&mut self, now: Instant, queue: Duration) {
        // One long round trip is a computer that did something else; a queue is there in the next one too.
        let stood = queue.min(self.queue);
        let (limit, noise) = (self.limit(), self.noise());
        let empty = noise.max(self.depth() / 8);
        self.queue = queue;
        let most = (self.window / self.mtu * MOST_GROWTH).max(1.0);
        match &mut self.mode {
            Mode::Drain(drain) if drain.rounds > 1 => drain.rounds -= 1,
            Mode::Drain(_) => self.end_drain(now),
            Mode::Start { beside: false } if queue > noise.max(limit / 4) => self.drain(now, 1.0),
            Mode::Alone if stood > limit => self.drain(now, 1.0),
            Mode::Alone if queue <= empty => self.step = (self.step * 2.0).min(most),
            Mode::Alone => self.step = 1.0,
            Mode::Beside { since, .. } if now.saturating_duration_since(*since) >= LOOK_AGAIN => self.drain(now, 1.0),
            Mode::Start { .. } | Mode::Beside { .. } => {}
        }
    }

    /// Whether a loss now is for want of room.
    fn is_full(&self) -> bool {
        let (queue, loss) = (self.path.queue(), self.path.loss());
        let stands = queue > self.noise() && queue >= self.path.max_queue() / 2;
        stands && loss >= UNUSUAL * self.path.usual_loss() || loss > MANY_LOST
    }

    fn make_room(&mut self, now: Instant) {
        self.answered = Some(now);
        self.crowded = true;
        match &mut self.mode {
            Mode::Start { .. } | Mode::Alone => self.drain(now, AFTER_LOSS),
            Mode::Drain(_) => {}
            Mode::Beside { cubic, .. } => {
                cubic.on_congestion(now, self.mtu);
                self.window = cubic.window().max(self.least());
            }
        }
    }

    /// Lets the queue run empty, to go on with at most this share of the window.
    fn drain(&mut self, now: Instant, most: f64) {
        let (beside, sure) = match &self.mode {
            Mode::Beside { cubic, .. } => (cubic.clone(), true),
            Mode::Start { .. } | Mode::Alone | Mode::Drain(_) => (Cubic::new(now, self.window), false),
        };
        let least_rtt = self.path.min_rtt().unwrap_or_default() + self.path.jitter();
        let holds = |rate: Option<f64>, queue: Duration| rate.unwrap_or_default() * (least_rtt + queue).as_secs_f64();
        // The best rate of late would fill what others took meanwhile; to go on with, it is the better guess.
        let alone = holds(self.path.rate(), self.depth() / 8).clamp(self.window / 2.0, self.window * most).max(self.least());
        let drained = DRAIN * holds(self.path.last_rate(), Duration::ZERO);
        self.window = drained.clamp(self.window / 2.0, self.window * DRAIN).max(self.least());
        self.step = 1.0;
        self.answered = Some(now);
        self.mode = Mode::Drain(Drain { rounds: DRAIN_ROUNDS, alone, beside, sure });
    }

    fn end_drain(&mut self, now: Instant) {
        let Mode::Drain(drain) = &self.mode else { return };
        let stands = self.queue > (self.limit() / 2).max(self.noise());
        self.strikes = if stands { self.strikes + 1 } else { 0 };
        if stands && (drain.sure || self.strikes >= STRIKES) {
            self.window = drain.beside.window();
            // Who comes late and small would take CUBIC a minute to come to its share.
            self.mode = if self.crowded {
                Mode::Beside { cubic: drain.beside.clone(), since: now }
            } else {
                Mode::Start { beside: true }
            };
        } else {
            self.window = drain.alone;
            self.mode = Mode::Alone;
        }
    }

    /// What may stand in the queue on our account: more than [`QUEUE`] where that is only a few packets.
    fn limit(&self) -> Duration {
        let few = self.path.rate().map_or(Duration::ZERO, |rate| Duration::from_secs_f64(FEW * self.mtu / rate.max(1.0)));
        QUEUE.max(few).max(self.noise())
    }

    /// The same, where the buffer is not as long as that.
    fn depth(&self) -> Duration {
        self.limit().min(self.path.max_queue())
    }

    fn noise(&self) -> Duration {
        NOISE.max(self.path.min_rtt().unwrap_or_default() / NOISE_SHARE).max(self.path.jitter() * 2)
    }

    fn least(&self) -> f64 {
        LEAST_WINDOW * self.mtu
    }
}

impl Controller for Pilot {
    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, _: &quinn_proto::RttEstimator) {
        self.handle_ack(now, sent, bytes, app_limited);
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, is_persistent_congestion: bool, lost_bytes: u64) {
        if is_persistent_congestion {
            *self = Self { window: self.least(), over: self.over.clone(), ..Self::new(now, self.mtu) };
        } else {
            self.handle_loss(now, sent, lost_bytes);
        }
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.mtu = f64::from(new_mtu);
        self.window = self.window.max(self.least());
    }

    fn window(&self) -> u64 {
        if self.over.load(Ordering::Relaxed) { u64::MAX } else { self.window as u64 }
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        (FIRST_WINDOW * self.mtu) as u64
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests;
