//! What a receiver asks of whom.

use super::{bits::Bits, chance::Chance, rate::Rate};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

/// Units that are asked of one peer at once: at least, at most, and for how long a time of its measured rate.
pub const MIN_ASKED: usize = 2;
/// See [`MIN_ASKED`].
pub const MAX_ASKED: usize = 8;
/// See [`MIN_ASKED`].
pub const ASKED_AHEAD: Duration = Duration::from_millis(250);

/// A peer that is so many times slower than another loses what was asked of it to that one.
pub const STEAL_FACTOR: u32 = 10;

/// Copies of one unit that are asked for at once, at the end.
pub const MAX_COPIES: usize = 2;

/// A peer that gave nothing for so long although it was asked is asked for nothing more until it gives something.
pub const SNUB: Duration = Duration::from_secs(4);

/// News of what is here go out together so long after the first.
pub const NEWS: Duration = Duration::from_millis(10);

/// Time since something that the caller knows.
pub type Moment = Duration;

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order<P> {
    /// Ask a peer for a unit.
    Ask {
        /// The peer.
        peer: P,
        /// The unit.
        unit: u32,
    },
    /// Ask a peer for a unit of its choice: it knows best which was given least. Not one that is on its way already.
    AskAny {
        /// The peer.
        peer: P,
        /// On their way.
        except: Vec<u32>,
    },
    /// Take a request back: the unit is here, or comes from another.
    Cancel {
        /// The peer.
        peer: P,
        /// The unit.
        unit: u32,
    },
}

/// The receiver's side of a swarm: which units are here, who has which, what is on its way.
#[derive(Debug)]
pub struct Scheduler<P> {
    length: u32,
    have: Bits,
    /// How many peers have a unit.
    copies: Vec<u32>,
    /// Breaks ties, by unit.
    ties: Vec<u32>,
    /// Units that are neither here nor on their way: rarest first.
    wanted: BTreeSet<(u32, u32, u32)>,
    /// From whom a unit comes.
    coming: BTreeMap<u32, Vec<P>>,
    peers: BTreeMap<P, Peer>,
    orders: VecDeque<Order<P>>,
    /// Whose turn it is to be asked.
    turn: Option<P>,
    news: Vec<u32>,
    news_since: Option<Moment>,
}

#[derive(Debug)]
struct Peer {
    has: Bits,
    /// What it has and cannot give.
    lacks: BTreeSet<u32>,
    /// It answers what it is asked.
    gives: bool,
    asked: BTreeMap<u32, Moment>,
    /// Requests for any unit whose unit is not known yet.
    any: usize,
    rate: Rate,
    /// When it last gave something, or was asked with nothing asked before.
    heard: Moment,
}

impl Peer {
    fn outstanding(&self) -> usize {
        self.asked.len() + self.any
    }

    fn may_be_asked(&self, now: Moment, length: u32) -> bool {
        let snubs = self.outstanding() > 0 && now.saturating_sub(self.heard) > SNUB;
        self.gives && !snubs && self.outstanding() < self.rate.pieces_in(ASKED_AHEAD, length).clamp(MIN_ASKED, MAX_ASKED)
    }
}

impl<P: Copy + Ord> Scheduler<P> {
    /// For units of about `length` bytes, of which these are here. `seed` decides ties.
    pub fn new(length: u32, have: Bits, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let extent = have.extent();
        let ties: Vec<u32> = (0..extent).map(|_| (chance.next() >> 32) as u32).collect();
        let wanted = (0..extent).filter(|unit| !have.contains(*unit)).map(|unit| (0, tie(&ties, unit), unit)).collect();
        Self {
            length: length.max(1),
            have,
            copies: vec![0; extent as usize],
            ties,
            wanted,
            coming: BTreeMap::new(),
            peers: BTreeMap::new(),
            orders: VecDeque::new(),
            turn: None,
            news: Vec::new(),
            news_since: None,
        }
    }

    /// What is here.
    pub const fn have(&self) -> &Bits {
        &self.have
    }

    /// How many peers have a unit.
    pub fn copies(&self, unit: u32) -> u32 {
        self.copies.get(unit as usize).copied().unwrap_or(0)
    }

    /// A peer is there; it has nothing and gives nothing until it says otherwise.
    pub fn handle_joined(&mut self, peer: P, now: Moment) {
        let has = Bits::none(self.have.extent());
        let fresh = Peer { has, lacks: BTreeSet::new(), gives: false, asked: BTreeMap::new(), any: 0, rate: Rate::default(), heard: now };
        self.peers.entry(peer).or_insert(fresh);
    }

    /// A peer is gone, or banned; what was asked of it is wanted again.
    pub fn handle_left(&mut self, peer: P) {
        let Some(left) = self.peers.remove(&peer) else { return };
        for unit in left.asked.keys() {
            self.comes_no_more(peer, *unit);
        }
        for unit in left.has.iter() {
            self.recount(unit, -1);
        }
        self.orders.retain(|order| order.peer() != peer);
    }

    /// A peer has more.
    pub fn handle_have(&mut self, peer: P, units: impl IntoIterator<Item = u32>) {
        for unit in units {
            if self.peers.get_mut(&peer).is_some_and(|peer| peer.has.insert(unit)) {
                self.recount(unit, 1);
            }
        }
    }

    /// A peer answers from now on, or no longer; what was asked of it is then wanted again.
    pub fn handle_gives(&mut self, peer: P, gives: bool, now: Moment) {
        let Some(found) = self.peers.get_mut(&peer) else { return };
        found.gives = gives;
        found.heard = now;
        if !gives {
            found.any = 0;
            for unit in std::mem::take(&mut found.asked).into_keys() {
                self.comes_no_more(peer, unit);
            }
        }
    }

    /// A peer chose this unit for a request for any.
    pub fn handle_granted(&mut self, peer: P, unit: u32, now: Moment) {
        let Some(found) = self.peers.get_mut(&peer) else { return };
        found.any = found.any.saturating_sub(1);
        if self.have.contains(unit) || unit >= self.have.extent() {
            self.orders.push_back(Order::Cancel { peer, unit });
            return;
        }
        found.asked.insert(unit, now);
        self.comes(peer, unit);
    }

    /// A peer cannot give a unit that it said it has: it is wanted from others.
    pub fn handle_failed(&mut self, peer: P, unit: u32) {
        let Some(found) = self.peers.get_mut(&peer) else { return };
        found.lacks.insert(unit);
        if found.asked.remove(&unit).is_some() {
            self.comes_no_more(peer, unit);
        }
    }

    /// A unit came and is right.
    pub fn handle_unit(&mut self, peer: P, unit: u32, now: Moment) {
        if let Some(from) = self.peers.get_mut(&peer) {
            if let Some(asked) = from.asked.remove(&unit) {
                from.rate.add(self.length, asked.max(from.heard), now);
            }
            from.heard = now;
        }
        let others = self.coming.remove(&unit).unwrap_or_default();
        for other in others.into_iter().filter(|other| *other != peer) {
            if let Some(asked) = self.peers.get_mut(&other) {
                asked.asked.remove(&unit);
            }
            self.orders.push_back(Order::Cancel { peer: other, unit });
        }
        self.wanted.remove(&self.key(unit));
        if self.have.insert(unit) {
            self.news.push(unit);
            self.news_since.get_or_insert(now);
        }
    }

    /// What came to be here since the last news, once it is time to tell.
    pub fn poll_news(&mut self, now: Moment) -> Option<Vec<u32>> {
        let since = self.news_since?;
        (now >= since + NEWS).then(|| {
            self.news_since = None;
            std::mem::take(&mut self.news)
        })
    }

    /// When there are news to tell.
    pub fn news_at(&self) -> Option<Moment> {
        self.news_since.map(|since| since + NEWS)
    }

    /// The next thing to do; call it until there is none.
    pub fn poll(&mut self, now: Moment) -> Option<Order<P>> {
        if let Some(order) = self.orders.pop_front() {
            return Some(order);
        }
        if self.have.is_full() {
            return None;
        }
        // Everybody's turn once, beginning behind the last.
        let after =
            self.turn.and_then(|turn| self.peers.range((std::ops::Bound::Excluded(turn), std::ops::Bound::Unbounded)).next());
        let first = after.or_else(|| self.peers.iter().next()).map(|(peer, _)| *peer)?;
        let ready: Vec<P> = self
            .peers
            .range(first..)
            .chain(self.peers.range(..first))
            .filter(|(_, peer)| peer.may_be_asked(now, self.length))
            .map(|(key, _)| *key)
            .collect();
        for peer in ready {
            if let Some(order) = self.order_for(peer, now) {
                self.turn = Some(peer);
                return Some(order);
            }
        }
        None
    }

    fn order_for(&mut self, key: P, now: Moment) -> Option<Order<P>> {
        let peer = self.peers.get(&key)?;
        if peer.has.is_full() && self.peers.values().filter(|other| other.has.is_full()).count() == 1 {
            return self.order_for_source(key, now);
        }
        let rarest = self.wanted.iter().map(|(.., unit)| *unit).find(|unit| peer.has.contains(*unit) && !peer.lacks.contains(unit));
        let unit = rarest.or_else(|| self.steal(key, now))?;
        self.ask(key, unit, now);
        Some(Order::Ask { peer: key, unit })
    }

    /// The only one who has everything gives what nobody else has, and knows best what that is. The rest comes from the others.
    fn order_for_source(&mut self, key: P, now: Moment) -> Option<Order<P>> {
        let any: usize = self.peers.values().map(|peer| peer.any).sum();
        let only_there = self.wanted.iter().take_while(|(copies, ..)| *copies <= 1).count();
        if any < only_there {
            let except = self.coming.keys().copied().collect();
            return self.asked_any(key, now, except);
        }
        let is_elsewhere =
            |unit: &u32| self.peers.iter().any(|(other, peer)| *other != key && peer.gives && peer.has.contains(*unit));
        let unit = self.wanted.iter().skip(any).map(|(.., unit)| *unit).find(|unit| !is_elsewhere(unit))?;
        self.ask(key, unit, now);
        Some(Order::Ask { peer: key, unit })
    }

    fn asked_any(&mut self, key: P, now: Moment, except: Vec<u32>) -> Option<Order<P>> {
        let peer = self.peers.get_mut(&key)?;
        if peer.outstanding() == 0 {
            peer.heard = now;
        }
        peer.any += 1;
        Some(Order::AskAny { peer: key, except })
    }

    fn ask(&mut self, key: P, unit: u32, now: Moment) {
        if let Some(peer) = self.peers.get_mut(&key) {
            if peer.outstanding() == 0 {
                peer.heard = now;
            }
            peer.asked.insert(unit, now);
        }
        self.comes(key, unit);
    }

    /// A unit that is on its way from somebody much slower, or, at the end, from anybody.
    fn steal(&self, key: P, now: Moment) -> Option<u32> {
        let thief = self.peers.get(&key)?;
        let own = thief.rate.time_for(self.length, thief.outstanding() + 1);
        let is_end = self.wanted.is_empty();
        let worth = |unit: u32, from: &Vec<P>| {
            if from.contains(&key) || from.len() >= MAX_COPIES || !thief.has.contains(unit) {
                return None;
            }
            // When the fastest of those who were asked will have given it, by their rates.
            let left = from.iter().filter_map(|peer| {
                let peer = self.peers.get(peer)?;
                let before = peer.asked.values().filter(|at| **at <= *peer.asked.get(&unit).unwrap_or(&now)).count();
                Some(peer.rate.time_for(self.length, before.max(1)).max(now.saturating_sub(peer.heard)))
            });
            let left = left.min()?;
            let factor = if is_end { 2 } else { STEAL_FACTOR };
            (left > own * factor).then_some((left, unit))
        };
        self.coming.iter().filter_map(|(unit, from)| worth(*unit, from)).max().map(|(_, unit)| unit)
    }

    fn comes(&mut self, peer: P, unit: u32) {
        self.wanted.remove(&self.key(unit));
        let from = self.coming.entry(unit).or_default();
        if !from.contains(&peer) {
            from.push(peer);
        }
    }

    fn comes_no_more(&mut self, peer: P, unit: u32) {
        let Some(from) = self.coming.get_mut(&unit) else { return };
        from.retain(|other| *other != peer);
        if from.is_empty() {
            self.coming.remove(&unit);
            if !self.have.contains(unit) {
                self.wanted.insert(self.key(unit));
            }
        }
    }

    fn recount(&mut self, unit: u32, by: i32) {
        let was_wanted = self.wanted.remove(&self.key(unit));
        if let Some(copies) = self.copies.get_mut(unit as usize) {
            *copies = copies.saturating_add_signed(by);
        }
        if was_wanted {
            self.wanted.insert(self.key(unit));
        }
    }

    fn key(&self, unit: u32) -> (u32, u32, u32) {
        (self.copies(unit), tie(&self.ties, unit), unit)
    }
}

impl<P: Copy> Order<P> {
    /// To whom it goes.
    pub const fn peer(&self) -> P {
        match self {
            Self::Ask { peer, .. } | Self::AskAny { peer, .. } | Self::Cancel { peer, .. } => *peer,
        }
    }
}

fn tie(ties: &[u32], unit: u32) -> u32 {
    ties.get(unit as usize).copied().unwrap_or(0)
}
