//! One peer, as a receiver knows it.

use super::{ASKED_AHEAD, MAX_ASKED, MIN_ASKED, Moment};
use crate::swarm::{Bits, Rate};
use std::collections::BTreeMap;

/// What is known of a peer, and what was asked of it.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) has: Bits,
    /// How many of the units that are selected it has.
    pub(super) offers: u32,
    /// It said that it has these, and then could not give them.
    pub(super) failed: Bits,
    /// It answers what it is asked.
    pub(super) gives: bool,
    /// Units, and when they were asked for.
    pub(super) asked: BTreeMap<u32, Moment>,
    /// Bytes of what was asked for.
    pub(super) bytes: u64,
    /// Requests for any unit whose unit is not known yet.
    pub(super) any: usize,
    pub(super) rate: Rate,
    /// When it last gave something, or was asked with nothing asked before.
    pub(super) heard: Moment,
    /// When bytes of it last came.
    pub(super) alive: Moment,
    /// It is not asked before.
    pub(super) snubbed_until: Moment,
    /// It is among those to be looked at.
    pub(super) is_awake: bool,
}

impl Peer {
    pub(super) fn new(extent: u32, now: Moment) -> Self {
        Self {
            has: Bits::none(extent),
            offers: 0,
            failed: Bits::none(extent),
            gives: false,
            asked: BTreeMap::new(),
            bytes: 0,
            any: 0,
            rate: Rate::default(),
            heard: now,
            alive: now,
            snubbed_until: Moment::ZERO,
            is_awake: false,
        }
    }

    /// There is room for one more request.
    pub(super) fn may_be_asked(&self, now: Moment) -> bool {
        let asked = self.asked.len();
        self.answers(now) && (asked < MIN_ASKED || (asked < MAX_ASKED && self.bytes < self.rate.bytes_in(ASKED_AHEAD)))
    }

    /// There is room for one more request for any unit: those that wait at the source for something new count, too.
    pub(super) fn may_be_asked_any(&self) -> bool {
        let asked = self.asked.len() + self.any;
        asked < MIN_ASKED || (asked < MAX_ASKED && self.bytes < self.rate.bytes_in(ASKED_AHEAD))
    }

    pub(super) fn answers(&self, now: Moment) -> bool {
        self.gives && now >= self.snubbed_until
    }

    pub(super) fn ask(&mut self, unit: u32, bytes: u32, now: Moment) {
        if self.asked.is_empty() {
            self.heard = now;
        }
        if self.asked.insert(unit, now).is_none() {
            self.bytes += u64::from(bytes);
        }
    }

    /// When it was asked for the unit, if it was; now it is not any more.
    pub(super) fn forget(&mut self, unit: u32, bytes: u32) -> Option<Moment> {
        let asked = self.asked.remove(&unit)?;
        self.bytes = self.bytes.saturating_sub(u64::from(bytes));
        Some(asked)
    }

    /// All that was asked of it; now nothing is.
    pub(super) fn forget_all(&mut self) -> impl Iterator<Item = u32> + use<> {
        self.bytes = 0;
        std::mem::take(&mut self.asked).into_keys()
    }
}
