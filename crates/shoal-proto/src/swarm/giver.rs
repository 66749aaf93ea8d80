//! Whom a source gives what, and in which order.

use super::{bits::Bits, chance::Chance, scheduler::Moment};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

/// Peers that are given something at once; the others wait for their turn.
pub const SLOTS: usize = 4;

/// Units that one peer is given before another gets its place.
pub const TURN: u32 = 8;

/// A place that is not used for so long goes to another peer: the way there and back, and some patience.
pub const IDLE: Duration = Duration::from_millis(200);

/// Requests of one peer that wait, at most; more are dropped, as the sender of them well knows.
pub const MAX_WAITING: usize = 64;

/// What the driver is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gift<P> {
    /// Send a unit. One that was not asked for by number is said to be granted.
    Give {
        /// To whom.
        peer: P,
        /// The unit.
        unit: u32,
        /// It was chosen here.
        chosen: bool,
    },
    /// Tell a peer that it may ask; or, behind the last unit that it was given, that it has to wait.
    Gives {
        /// Whom.
        peer: P,
        /// It may ask.
        gives: bool,
    },
}

/// What a peer wants.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wish {
    Unit(u32),
    Any(Vec<u32>),
}

/// The source's side of a swarm.
#[derive(Debug)]
pub struct Giver<P> {
    has: Bits,
    slots: usize,
    peers: BTreeMap<P, Asker>,
    /// How many have a unit or are being given it, by unit.
    copies: Vec<u32>,
    ties: Vec<u32>,
    /// Units that are here: those of which there are fewest first.
    fewest: BTreeSet<(u32, u32, u32)>,
    gifts: VecDeque<Gift<P>>,
    /// Those who wait for a place, longest first.
    waiting: VecDeque<P>,
    /// Those who have one, the next to be given something first.
    placed: VecDeque<P>,
}

#[derive(Debug)]
struct Asker {
    has: Bits,
    given: BTreeSet<u32>,
    wishes: VecDeque<Wish>,
    left: u32,
    is_placed: bool,
    /// When it got its place, or was last given something.
    used: Moment,
}

impl<P: Copy + Ord> Giver<P> {
    /// One that has these units, and `slots` places.
    pub fn new(has: Bits, slots: usize, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let extent = has.extent();
        let ties: Vec<u32> = (0..extent).map(|_| (chance.next() >> 32) as u32).collect();
        let fewest = has.iter().map(|unit| (0, ties.get(unit as usize).copied().unwrap_or(0), unit)).collect();
        Self {
            has,
            slots,
            peers: BTreeMap::new(),
            copies: vec![0; extent as usize],
            ties,
            fewest,
            gifts: VecDeque::new(),
            waiting: VecDeque::new(),
            placed: VecDeque::new(),
        }
    }

    /// A unit came to be here.
    pub fn handle_unit(&mut self, unit: u32, now: Moment) {
        if self.has.insert(unit) {
            self.fewest.insert(self.key(unit));
            self.fill(now);
        }
    }

    /// A peer that may be given things.
    pub fn handle_joined(&mut self, peer: P, now: Moment) {
        let asker = Asker {
            has: Bits::none(self.has.extent()),
            given: BTreeSet::new(),
            wishes: VecDeque::new(),
            left: 0,
            is_placed: false,
            used: now,
        };
        if self.peers.insert(peer, asker).is_none() {
            self.waiting.push_back(peer);
        }
        self.fill(now);
    }

    /// A peer is gone.
    pub fn handle_left(&mut self, peer: P, now: Moment) {
        let Some(left) = self.peers.remove(&peer) else { return };
        for unit in left.has.iter().chain(left.given.iter().copied().filter(|unit| !left.has.contains(*unit))) {
            self.recount(unit, -1);
        }
        self.waiting.retain(|other| *other != peer);
        self.placed.retain(|other| *other != peer);
        self.gifts.retain(|gift| !matches!(gift, Gift::Gives { peer: of, .. } | Gift::Give { peer: of, .. } if *of == peer));
        self.fill(now);
    }

    /// A peer has more, from whomever.
    pub fn handle_have(&mut self, peer: P, units: impl IntoIterator<Item = u32>, now: Moment) {
        for unit in units {
            let Some(found) = self.peers.get_mut(&peer) else { return };
            if found.has.insert(unit) && !found.given.remove(&unit) {
                self.recount(unit, 1);
            }
        }
        self.fill(now);
    }

    /// A peer asks for a unit.
    pub fn handle_ask(&mut self, peer: P, unit: u32) {
        self.wish(peer, Wish::Unit(unit));
    }

    /// A peer asks for any unit but these.
    pub fn handle_ask_any(&mut self, peer: P, except: Vec<u32>) {
        self.wish(peer, Wish::Any(except));
    }

    /// A peer takes a request back.
    pub fn handle_cancel(&mut self, peer: P, unit: u32) {
        if let Some(found) = self.peers.get_mut(&peer) {
            found.wishes.retain(|wish| *wish != Wish::Unit(unit));
            if found.given.remove(&unit) && !found.has.contains(unit) {
                self.recount(unit, -1);
            }
        }
    }

    /// When a place may go to another peer for want of use: [`Self::give`] sees to it.
    pub fn idle_at(&self) -> Option<Moment> {
        if self.waiting.is_empty() {
            return None;
        }
        self.placed.iter().filter_map(|peer| self.peers.get(peer)).map(|peer| peer.used + IDLE).min()
    }

    /// The next thing to say.
    pub fn poll(&mut self) -> Option<Gift<P>> {
        self.gifts.pop_front()
    }

    /// The next unit to send, when there is room for one: places take turns.
    pub fn give(&mut self, now: Moment) -> Option<Gift<P>> {
        for _ in 0..self.placed.len() {
            let peer = self.placed.pop_front()?;
            let chosen = self.choose(peer);
            let found = self.peers.get_mut(&peer)?;
            let Some((unit, chosen)) = chosen else {
                if now >= found.used + IDLE && !self.waiting.is_empty() {
                    self.takes_place_back(peer);
                    self.fill(now);
                } else {
                    self.placed.push_back(peer);
                }
                continue;
            };
            found.used = now;
            found.left = found.left.saturating_sub(1);
            let is_new = !found.has.contains(unit) && found.given.insert(unit);
            if found.left == 0 && !self.waiting.is_empty() {
                self.takes_place_back(peer);
            } else {
                self.placed.push_back(peer);
            }
            if is_new {
                self.recount(unit, 1);
            }
            self.fill(now);
            return Some(Gift::Give { peer, unit, chosen });
        }
        None
    }

    /// The first wish that can be granted. One for any unit stays until something fits: the asker counts on an answer.
    fn choose(&mut self, peer: P) -> Option<(u32, bool)> {
        let found = self.peers.get_mut(&peer)?;
        found.wishes.retain(|wish| !matches!(wish, Wish::Unit(unit) if !self.has.contains(*unit)));
        let granted = found.wishes.iter().enumerate().find_map(|(at, wish)| match wish {
            Wish::Unit(unit) => Some((at, *unit, false)),
            Wish::Any(except) => {
                let fits = |unit: &u32| !found.has.contains(*unit) && !found.given.contains(unit) && !except.contains(unit);
                let unit = self.fewest.iter().map(|(.., unit)| *unit).find(fits)?;
                Some((at, unit, true))
            }
        });
        let (at, unit, chosen) = granted?;
        found.wishes.remove(at);
        Some((unit, chosen))
    }

    fn wish(&mut self, peer: P, wish: Wish) {
        if let Some(found) = self.peers.get_mut(&peer)
            // One who lost its place was told so, and asks elsewhere.
            && found.is_placed
            && found.wishes.len() < MAX_WAITING
        {
            found.wishes.push_back(wish);
        }
    }

    /// Gives free places to those who wait and can be given something.
    fn fill(&mut self, now: Moment) {
        let mut looked = self.waiting.len();
        while self.placed.len() < self.slots && looked > 0 {
            looked -= 1;
            let Some(peer) = self.waiting.pop_front() else { return };
            let Some(found) = self.peers.get_mut(&peer) else { continue };
            // One who has all that is here has no use for a place.
            let lacks = found.has.len() < self.has.len() || self.has.iter().any(|unit| !found.has.contains(unit));
            if !lacks || self.has.is_empty() {
                self.waiting.push_back(peer);
                continue;
            }
            (found.left, found.is_placed, found.used) = (TURN, true, now);
            self.placed.push_back(peer);
            self.gifts.push_back(Gift::Gives { peer, gives: true });
        }
    }

    fn takes_place_back(&mut self, peer: P) {
        if let Some(found) = self.peers.get_mut(&peer) {
            found.is_placed = false;
            found.wishes.clear();
            self.waiting.push_back(peer);
            self.gifts.push_back(Gift::Gives { peer, gives: false });
        }
    }

    fn recount(&mut self, unit: u32, by: i32) {
        let is_here = self.fewest.remove(&self.key(unit));
        if let Some(copies) = self.copies.get_mut(unit as usize) {
            *copies = copies.saturating_add_signed(by);
        }
        if is_here {
            self.fewest.insert(self.key(unit));
        }
    }

    fn key(&self, unit: u32) -> (u32, u32, u32) {
        let of = |list: &[u32]| list.get(unit as usize).copied().unwrap_or(0);
        (of(&self.copies), of(&self.ties), unit)
    }
}
