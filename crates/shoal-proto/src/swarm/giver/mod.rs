//! Whom a source gives what, and in which order.
//!
//! The driver tells what happened; says what [`Giver::poll`] returns until there is nothing more; sends what [`Giver::give`] returns whenever
//! there is room for one more unit; and calls both again after whatever it tells, and at [`Giver::idle_at`].

#[cfg(test)]
mod tests;

use super::{bits::Bits, chance::Chance, scheduler::Moment};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

/// Peers that are given something at once; the others wait for their turn. One that has a place and asks for nothing does not count.
pub const SLOTS: usize = 16;

/// Places beyond those, for peers that miss no more than a turn's units: they are not made to wait for others' turns.
pub const LAST_SLOTS: usize = 2;

/// Peers that have a place, at most, whether they ask or not.
pub const MAX_PLACES: usize = 32;

/// Units that one peer is given before another gets its place.
pub const TURN: u32 = 8;

/// Who got a place counts for so long as one who asks: the way there and back, and some patience.
pub const IDLE: Duration = Duration::from_millis(50);

/// The only source of all gives a unit that nobody asked for by number a second time only if it spread no further while so many others were
/// given.
pub const SPREAD: u32 = 32;

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
    is_paused: bool,
    peers: BTreeMap<P, Asker>,
    /// How many have a unit or are being given it, by unit.
    copies: Vec<u32>,
    /// When a unit was last given and to how many it was, by unit.
    given: Vec<(Moment, u32)>,
    ties: Vec<u32>,
    /// Units that are here: those of which there are fewest first.
    fewest: BTreeSet<(u32, u32, u32)>,
    pace: Pace,
    /// When there was nothing to give.
    looked: Moment,
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

/// How long a unit takes to give while there are new ones to give.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    first: Option<Moment>,
    last: Moment,
    count: u32,
}

impl Pace {
    fn add(&mut self, now: Moment) {
        self.first.get_or_insert(now);
        self.last = now;
        self.count += 1;
    }

    /// For so many units.
    fn time_for(&self, units: u32) -> Duration {
        let took = self.last.saturating_sub(self.first.unwrap_or(self.last));
        took / self.count.saturating_sub(1).max(1) * units
    }
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
            is_paused: false,
            peers: BTreeMap::new(),
            copies: vec![0; extent as usize],
            given: vec![(Moment::ZERO, 0); extent as usize],
            ties,
            fewest,
            pace: Pace::default(),
            looked: Moment::ZERO,
            gifts: VecDeque::new(),
            waiting: VecDeque::new(),
            placed: VecDeque::new(),
        }
    }

    /// What is here.
    pub const fn has(&self) -> &Bits {
        &self.has
    }

    /// A unit came to be here.
    pub fn handle_unit(&mut self, unit: u32, now: Moment) {
        if self.has.insert(unit) {
            self.fewest.insert(self.key(unit));
            self.fill(now);
        }
    }

    /// A unit that was here can't be given any more: its file was changed, or can't be read.
    pub fn handle_lost(&mut self, unit: u32) {
        if self.has.remove(unit) {
            self.fewest.remove(&self.key(unit));
        }
    }

    /// Nothing is given while paused: all places are taken back, and given again afterwards.
    pub fn set_paused(&mut self, is_paused: bool, now: Moment) {
        self.is_paused = is_paused;
        if is_paused {
            while let Some(peer) = self.placed.pop_front() {
                self.takes_place_back(peer);
            }
        }
        self.fill(now);
    }

    /// A peer that may be given things.
    pub fn handle_joined(&mut self, peer: P, now: Moment) {
        if self.peers.contains_key(&peer) {
            return;
        }
        let asker = Asker {
            has: Bits::none(self.has.extent()),
            given: BTreeSet::new(),
            wishes: VecDeque::new(),
            left: 0,
            is_placed: false,
            used: now,
        };
        self.peers.insert(peer, asker);
        self.waiting.push_back(peer);
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

    /// When there may be something to do though nothing happens: [`Self::give`] sees to it.
    pub fn idle_at(&self) -> Option<Moment> {
        if self.is_paused {
            return None;
        }
        let has_wishes = || self.placed.iter().filter_map(|peer| self.peers.get(peer)).any(|peer| !peer.wishes.is_empty());
        (!self.waiting.is_empty() || has_wishes()).then(|| self.looked + IDLE)
    }

    /// The next thing to say.
    pub fn poll(&mut self) -> Option<Gift<P>> {
        self.gifts.pop_front()
    }

    /// The next unit to send, when there is room for one: places take turns.
    pub fn give(&mut self, now: Moment) -> Option<Gift<P>> {
        for _ in 0..self.placed.len() {
            let peer = self.placed.pop_front()?;
            let chosen = self.choose(peer, now);
            let found = self.peers.get_mut(&peer)?;
            let Some((unit, chosen)) = chosen else {
                // With all places taken, one that is not used goes to another.
                let is_unused = found.wishes.is_empty() && now >= found.used + IDLE;
                if is_unused && self.placed.len() + 1 >= MAX_PLACES && self.is_awaited() {
                    self.takes_place_back(peer);
                } else {
                    self.placed.push_back(peer);
                }
                continue;
            };
            found.used = now;
            found.left = found.left.saturating_sub(1);
            let is_new = !found.has.contains(unit) && found.given.insert(unit);
            let is_over = found.left == 0;
            if is_over && self.is_awaited() {
                self.takes_place_back(peer);
            } else {
                self.placed.push_back(peer);
            }
            if is_new {
                self.recount(unit, 1);
            }
            if let Some((when, count)) = self.given.get_mut(unit as usize) {
                if *count == 0 {
                    self.pace.add(now);
                }
                (*when, *count) = (now, count.saturating_add(1));
            }
            self.fill(now);
            return Some(Gift::Give { peer, unit, chosen });
        }
        self.looked = now;
        self.fill(now);
        None
    }

    /// The first wish that can be granted. One for any unit stays until something fits: the asker counts on an answer.
    fn choose(&mut self, peer: P, now: Moment) -> Option<(u32, bool)> {
        let patience = self.pace.time_for(SPREAD);
        let found = self.peers.get_mut(&peer)?;
        found.wishes.retain(|wish| !matches!(wish, Wish::Unit(unit) if !self.has.contains(*unit)));
        let granted = found.wishes.iter().enumerate().find_map(|(at, wish)| match wish {
            Wish::Unit(unit) => Some((at, *unit, false)),
            Wish::Any(except) => {
                let stays = |copies: u32, unit: u32| {
                    let (when, count) = self.given.get(unit as usize).copied().unwrap_or_default();
                    copies <= count && now >= when + patience
                };
                // Those that nobody has, then those that spread no further; as there are more copies of the rest, the look ends there.
                let fits = |unit: u32| !found.has.contains(unit) && !found.given.contains(&unit) && !except.contains(&unit);
                let most = self.fewest.first().map_or(0, |(copies, ..)| *copies) + 1;
                let few = self.fewest.iter().take_while(|(copies, ..)| *copies <= most);
                let mut few = few.filter(|(copies, _, unit)| *copies == 0 || stays(*copies, *unit));
                Some((at, few.find(|(.., unit)| fits(*unit))?.2, true))
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
        if self.is_paused || self.has.is_empty() || self.waiting.is_empty() || self.placed.len() >= MAX_PLACES {
            return;
        }
        let is_used = |peer: &Asker| !peer.wishes.is_empty() || now < peer.used + IDLE;
        let mut used = self.placed.iter().filter_map(|peer| self.peers.get(peer)).filter(|peer| is_used(peer)).count();
        while used < self.slots + LAST_SLOTS && self.placed.len() < MAX_PLACES {
            let fits = |peer: &&P| self.peers.get(peer).is_some_and(|asker| self.may_be_placed(asker, used >= self.slots));
            let Some(at) = self.waiting.iter().position(|peer| fits(&peer)) else { return };
            let Some(peer) = self.waiting.remove(at) else { return };
            let Some(found) = self.peers.get_mut(&peer) else { return };
            (found.left, found.is_placed, found.used) = (TURN, true, now);
            self.placed.push_back(peer);
            self.gifts.push_back(Gift::Gives { peer, gives: true });
            used += 1;
        }
    }

    /// One who has all that is here has no use for a place; the last places are for those who miss little.
    fn may_be_placed(&self, asker: &Asker, is_last: bool) -> bool {
        (!is_last || asker.has.len() + TURN >= self.has.extent()) && self.has.exceeds(&asker.has)
    }

    /// Somebody waits who can be given something.
    fn is_awaited(&self) -> bool {
        self.waiting.iter().filter_map(|peer| self.peers.get(peer)).any(|asker| self.may_be_placed(asker, false))
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
        let is_here = self.has.contains(unit) && self.fewest.remove(&self.key(unit));
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
