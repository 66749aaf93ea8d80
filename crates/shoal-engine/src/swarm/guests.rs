//! Those to whom a content may be given, and what is on its way to them.

use super::content::Turn;
use crate::transfer::{live::Control, sent::Sent};
use shoal_proto::{
    PeerId, RangeSet,
    swarm::{
        giver::Giver,
        message::{Mate, Want},
    },
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::{oneshot, watch};

/// Units that are sent at once: while one's end is confirmed others are on their way. More would share the way, and each be there later. One
/// to a guest whose way is slower than others' counts for the part of this device's way that it takes.
const AT_ONCE: f64 = 3.0;

/// As many at most, whatever they count for: they are in memory.
const MAX_AT_ONCE: usize = 8;

/// How much the last unit counts in a guest's pace.
const LATEST: f64 = 0.3;

#[derive(Debug)]
pub(super) struct Giving {
    pub(super) giver: Giver<PeerId>,
    pub(super) held: RangeSet,
    pub(super) guests: BTreeMap<PeerId, Guest>,
    pub(super) conversations: u64,
}

impl Giving {
    pub(super) fn under_way(&self) -> usize {
        self.guests.values().map(|guest| guest.sending.len()).sum()
    }

    /// What is under way, in units to the guest with the quickest way.
    fn load(&self, now: Duration) -> f64 {
        let quickest = self.guests.values().filter_map(|guest| guest.pace).reduce(f64::min);
        let weight = |guest: &Guest| {
            // One that is late already will be at least so late.
            let late =
                guest.sending.values().map(|sent| now.saturating_sub(sent.at).as_secs_f64() / f64::from(sent.bytes.max(1)));
            let pace = late.chain(guest.pace).reduce(f64::max);
            quickest.zip(pace).map_or(1.0, |(quickest, pace)| if pace > quickest { quickest / pace } else { 1.0 })
        };
        self.guests
            .values()
            .filter(|guest| !guest.sending.is_empty())
            .map(|guest| guest.sending.len() as f64 * weight(guest))
            .sum()
    }

    pub(super) fn has_room(&self, now: Duration) -> bool {
        // Half a unit more or less makes no difference.
        self.under_way() < MAX_AT_ONCE && self.load(now) < AT_ONCE - 0.5
    }
}

/// A unit that is being sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sending {
    /// Since when.
    pub(super) at: Duration,
    pub(super) bytes: u32,
}

/// Somebody who may have it.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) mate: Mate,
    /// What the person here wants of the transfer to it.
    pub(super) control: watch::Receiver<Control>,
    /// The conversation with it, if there is one: its number, and whether it may ask.
    pub(super) conversation: Option<(u64, watch::Sender<bool>)>,
    /// How often it proved that it may have it, and keeps the question open.
    pub(super) entered: usize,
    pub(super) waiting: VecDeque<(Want, oneshot::Sender<Turn>)>,
    /// Units on their way to it.
    pub(super) sending: BTreeMap<u32, Sending>,
    /// Seconds that a byte takes to arrive there, as measured lately.
    pub(super) pace: Option<f64>,
    /// It is to wait, and hears so behind the last of those.
    pub(super) stops: bool,
    /// What it has, and where that is shown of an offer made here.
    pub(super) has: RangeSet,
    pub(super) sent: Option<Arc<Mutex<Sent>>>,
}

impl Guest {
    /// A unit arrived that began to be sent to it.
    pub(super) fn arrived(&mut self, unit: u32, now: Duration) {
        let Some(Sending { at, bytes }) = self.sending.get(&unit).copied() else { return };
        let pace = now.saturating_sub(at).as_secs_f64() / f64::from(bytes.max(1));
        self.pace = Some(self.pace.map_or(pace, |before| before + (pace - before) * LATEST));
    }

    /// Tells it whether it may ask. What it asked for in a turn that is over is not given.
    pub(super) fn tell(&mut self, gives: bool) {
        if self.stops || !gives {
            self.waiting.clear();
        }
        self.stops = false;
        if let Some((_, told)) = &self.conversation {
            told.send_replace(gives);
        }
    }
}
