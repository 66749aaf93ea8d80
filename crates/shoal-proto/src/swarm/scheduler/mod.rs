//! What a receiver asks of whom.
//!
//! The driver tells what happened, calls [`Scheduler::poll`] until there is nothing more to do, and again after whatever it tells and at
//! [`Scheduler::wake_at`].

mod peer;
mod steal;
#[cfg(test)]
mod tests;
mod wanted;

use super::bits::Bits;
use peer::Peer;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};
use wanted::Wanted;

/// Units that are asked of one peer at once: at least, at most, and for how long a time of its measured rate.
pub const MIN_ASKED: usize = 2;
/// See [`MIN_ASKED`].
pub const MAX_ASKED: usize = 8;
/// See [`MIN_ASKED`].
pub const ASKED_AHEAD: Duration = Duration::from_millis(250);

/// A peer that is so many times slower than another loses what was asked of it to that one.
pub const STEAL_FACTOR: u32 = 10;

/// The same at the end, when everything was asked for.
pub const END_FACTOR: u32 = 2;

/// Copies of one unit that are being sent at once, at the end.
pub const MAX_COPIES: usize = 2;

/// Peers that one unit is asked of at once while none of them sends it.
pub const MAX_REQUESTS: usize = 4;

/// A peer that gave nothing for so long although it was asked loses all that to others, and is asked for nothing for as long again; or until
/// it gives something.
pub const SNUB: Duration = Duration::from_secs(4);

/// News of what is here go out together so long after the first.
pub const NEWS: Duration = Duration::from_millis(10);

/// So often somebody looks who is late, while something is missing.
pub const LOOK: Duration = Duration::from_millis(50);

/// Units that a request for any leaves out, at most.
pub const MAX_EXCEPT: usize = 1024;

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
        /// On their way; at most [`MAX_EXCEPT`].
        except: Vec<u32>,
    },
    /// Take a request back: the unit is here, or comes from another, or is not wanted any more.
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
    /// Bytes of each unit.
    lengths: Arc<[u32]>,
    have: Bits,
    /// Units that are to be here in the end.
    selected: Bits,
    /// How many of those are not here yet.
    missing: u32,
    wanted: Wanted,
    /// From whom a unit comes.
    coming: BTreeMap<u32, Vec<Coming<P>>>,
    peers: BTreeMap<P, Peer>,
    banned: BTreeSet<P>,
    orders: VecDeque<Order<P>>,
    /// Who may have become worth asking; each gets its turn.
    awake: VecDeque<P>,
    looked: Moment,
    news: Vec<u32>,
    news_since: Option<Moment>,
}

/// A unit that was asked of somebody.
#[derive(Debug, Clone, Copy)]
struct Coming<P> {
    from: P,
    /// Since when it is being sent.
    started: Option<Moment>,
    /// It was asked for because another is slow, who sends it already.
    is_rescue: bool,
}

impl<P: Copy + Ord> Scheduler<P> {
    /// For units of so many bytes each, of which these are here; all are selected. `seed` decides ties. The extent of `have` is how many units
    /// there are; one without a length counts as a byte.
    pub fn new(lengths: impl Into<Arc<[u32]>>, have: Bits, seed: u64) -> Self {
        let extent = have.extent();
        let mut wanted = Wanted::none(extent, seed);
        (0..extent).filter(|unit| !have.contains(*unit)).for_each(|unit| wanted.insert(unit));
        Self {
            lengths: lengths.into(),
            selected: Bits::all(extent),
            missing: extent - have.len(),
            have,
            wanted,
            coming: BTreeMap::new(),
            peers: BTreeMap::new(),
            banned: BTreeSet::new(),
            orders: VecDeque::new(),
            awake: VecDeque::new(),
            looked: Moment::ZERO,
            news: Vec::new(),
            news_since: None,
        }
    }

    /// What is here.
    pub const fn have(&self) -> &Bits {
        &self.have
    }

    /// What is to be here in the end.
    pub const fn selected(&self) -> &Bits {
        &self.selected
    }

    /// All that is selected is here.
    pub const fn is_done(&self) -> bool {
        self.missing == 0
    }

    /// Somebody has a unit that is wanted.
    pub fn has_source(&self) -> bool {
        self.selected.iter().any(|unit| !self.have.contains(unit) && self.copies(unit) > 0)
    }

    /// How many peers have a unit.
    pub fn copies(&self, unit: u32) -> u32 {
        self.wanted.copies(unit)
    }

    /// Bytes a second that a peer gives, as measured; `None`: it is not there, or gave nothing yet.
    pub fn rate(&self, peer: P) -> Option<f64> {
        self.peers.get(&peer)?.rate.bytes_per_second()
    }

    /// Units that were asked of a peer.
    pub fn asked(&self, peer: P) -> impl Iterator<Item = u32> + '_ {
        self.peers.get(&peer).into_iter().flat_map(|peer| peer.asked.keys().copied())
    }

    /// It was banned: [`Self::handle_joined`] of it does nothing, nor does what it says.
    pub fn is_banned(&self, peer: P) -> bool {
        self.banned.contains(&peer)
    }

    /// Units are wanted, or no longer: these are not asked for, and what was asked is taken back. One that is here stays here.
    pub fn select(&mut self, units: impl IntoIterator<Item = u32>, is_wanted: bool) {
        let extent = self.have.extent();
        for unit in units.into_iter().filter(|unit| *unit < extent) {
            let changed = if is_wanted { self.selected.insert(unit) } else { self.selected.remove(unit) };
            if !changed {
                continue;
            }
            for peer in self.peers.values_mut().filter(|peer| peer.has.contains(unit)) {
                peer.offers = if is_wanted { peer.offers + 1 } else { peer.offers.saturating_sub(1) };
            }
            if self.have.contains(unit) {
                continue;
            }
            if is_wanted {
                self.missing += 1;
                self.wanted.insert(unit);
            } else {
                self.missing -= 1;
                self.wanted.remove(unit);
                self.take_back(unit, None);
            }
        }
        self.wake_all();
    }

    /// A peer is there; it has nothing and gives nothing until it says otherwise. One that is banned is not.
    pub fn handle_joined(&mut self, peer: P, now: Moment) {
        if !self.banned.contains(&peer) {
            self.peers.entry(peer).or_insert_with(|| Peer::new(self.have.extent(), now));
        }
    }

    /// A peer is gone; what was asked of it is wanted again.
    pub fn handle_left(&mut self, peer: P) {
        let Some(mut left) = self.peers.remove(&peer) else { return };
        for unit in left.forget_all() {
            self.comes_no_more(peer, unit);
        }
        for unit in left.has.iter() {
            self.wanted.recount(unit, -1);
        }
        self.orders.retain(|order| order.peer() != peer);
        self.awake.retain(|other| *other != peer);
        self.wake_all();
    }

    /// A peer gave a wrong unit: it is gone for good.
    pub fn handle_banned(&mut self, peer: P) {
        self.handle_left(peer);
        self.banned.insert(peer);
    }

    /// A peer has more.
    pub fn handle_have(&mut self, key: P, units: impl IntoIterator<Item = u32>) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let mut is_of_use = false;
        for unit in units {
            if !peer.failed.contains(unit) && peer.has.insert(unit) {
                peer.offers += u32::from(self.selected.contains(unit));
                self.wanted.recount(unit, 1);
                is_of_use = is_of_use || (self.selected.contains(unit) && !self.have.contains(unit));
            }
        }
        if is_of_use {
            self.wake(key);
        }
    }

    /// A peer answers from now on, or no longer; what was asked of it is then wanted again.
    pub fn handle_gives(&mut self, key: P, gives: bool, now: Moment) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        peer.gives = gives;
        peer.heard = now;
        if gives {
            return self.wake(key);
        }
        peer.any = 0;
        let asked = peer.forget_all();
        for unit in asked {
            self.comes_no_more(key, unit);
        }
    }

    /// A peer has no place for a request, for a unit or for any: it is asked for nothing until it says that it gives. What it sends already it
    /// goes on with.
    pub fn handle_refused(&mut self, key: P, unit: Option<u32>) {
        let bytes = unit.map_or(0, |unit| length(&self.lengths, unit));
        let Some(peer) = self.peers.get_mut(&key) else { return };
        peer.gives = false;
        match unit {
            None => peer.any = peer.any.saturating_sub(1),
            Some(unit) => {
                peer.forget(unit, bytes);
                self.comes_no_more(key, unit);
            }
        }
    }

    /// A peer begins to send a unit: one that it was asked for, or one that it chose for a request for any. Whoever else was asked for it and
    /// has not begun is asked no longer; of two who begin at once the first goes on.
    pub fn handle_granted(&mut self, key: P, unit: u32, now: Moment) {
        let is_useful = self.selected.contains(unit) && !self.have.contains(unit);
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if !peer.asked.contains_key(&unit) {
            let was_asked = peer.any > 0;
            peer.any = peer.any.saturating_sub(1);
            if !was_asked || !is_useful {
                self.orders.push_back(Order::Cancel { peer: key, unit });
                return self.wake(key);
            }
            peer.ask(unit, length(&self.lengths, unit), now);
            self.comes(key, unit, false);
        }
        let Some(coming) = self.coming.get_mut(&unit) else { return };
        let is_rescue = coming.iter().any(|coming| coming.from == key && coming.is_rescue);
        let is_late = !is_rescue && coming.iter().any(|coming| coming.from != key && coming.started.is_some());
        coming.iter_mut().filter(|coming| coming.from == key).for_each(|coming| coming.started = Some(now));
        let ends = |coming: &Coming<P>| if is_late { coming.from == key } else { coming.started.is_none() };
        let ended: Vec<P> = coming.iter().filter(|coming| ends(coming)).map(|coming| coming.from).collect();
        coming.retain(|coming| !ends(coming));
        for other in ended {
            self.ask_no_more(other, unit);
        }
    }

    /// Bytes of a unit came from a peer: it is alive, however long the unit takes.
    pub fn handle_bytes(&mut self, peer: P, now: Moment) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.alive = now;
        }
    }

    /// A unit came and is right.
    pub fn handle_unit(&mut self, key: P, unit: u32, now: Moment) {
        let bytes = length(&self.lengths, unit);
        if let Some(peer) = self.peers.get_mut(&key) {
            if let Some(asked) = peer.forget(unit, bytes) {
                peer.rate.add(bytes, asked.max(peer.heard), now);
            }
            (peer.heard, peer.snubbed_until) = (now, Moment::ZERO);
            self.wake(key);
        }
        self.take_back(unit, Some(key));
        self.wanted.remove(unit);
        if self.have.insert(unit) {
            self.missing -= u32::from(self.selected.contains(unit));
            self.news.push(unit);
            self.news_since.get_or_insert(now);
        }
        if self.wanted.is_empty() || self.coming.is_empty() {
            self.wake_all();
        }
    }

    /// A peer can't give a unit that it said it has; it stays, and is not asked for that one again.
    pub fn handle_failed(&mut self, key: P, unit: u32) {
        let bytes = length(&self.lengths, unit);
        let Some(peer) = self.peers.get_mut(&key) else { return };
        peer.failed.insert(unit);
        peer.forget(unit, bytes);
        if peer.has.remove(unit) {
            peer.offers -= u32::from(self.selected.contains(unit));
            self.wanted.recount(unit, -1);
        }
        self.comes_no_more(key, unit);
        self.wake(key);
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

    /// When to poll even if nothing happens.
    pub fn wake_at(&self) -> Option<Moment> {
        (!self.is_done() && self.peers.values().any(|peer| peer.gives)).then(|| self.looked + LOOK)
    }

    /// The next thing to do; call it until there is none.
    pub fn poll(&mut self, now: Moment) -> Option<Order<P>> {
        if now >= self.looked + LOOK {
            self.looked = now;
            self.look(now);
        }
        if let Some(order) = self.orders.pop_front() {
            return Some(order);
        }
        while let Some(key) = self.awake.pop_front() {
            if let Some(order) = self.order_for(key, now) {
                self.awake.push_back(key);
                return Some(order);
            }
            if let Some(peer) = self.peers.get_mut(&key) {
                peer.is_awake = false;
            }
        }
        None
    }

    /// Who was asked and is silent loses what it was asked for. Everybody may be worth asking again.
    fn look(&mut self, now: Moment) {
        let silent = |peer: &Peer| !peer.asked.is_empty() && now.saturating_sub(peer.heard.max(peer.alive)) > SNUB;
        let late: Vec<P> = self.peers.iter().filter(|(_, peer)| silent(peer)).map(|(key, _)| *key).collect();
        for key in late {
            let Some(peer) = self.peers.get_mut(&key) else { continue };
            peer.snubbed_until = now + SNUB;
            let asked: Vec<u32> = peer.forget_all().collect();
            for unit in asked {
                self.comes_no_more(key, unit);
                self.orders.push_back(Order::Cancel { peer: key, unit });
            }
        }
        self.wake_all();
    }

    fn order_for(&mut self, key: P, now: Moment) -> Option<Order<P>> {
        let peer = self.peers.get(&key).filter(|peer| peer.answers(now))?;
        if self.is_source(peer) && self.peers.values().filter(|other| self.is_source(other)).count() == 1 {
            return self.order_for_source(key, now);
        }
        if !peer.may_be_asked(now) {
            return None;
        }
        let wanted = self.wanted.rarest_of(&peer.has).map(|unit| (unit, false));
        let (unit, is_rescue) = wanted.or_else(|| self.steal(key, false, now))?;
        Some(self.ask(key, unit, is_rescue, now))
    }

    /// It has everything that is to be here.
    fn is_source(&self, peer: &Peer) -> bool {
        peer.offers == self.selected.len()
    }

    /// The only one who has everything gives what nobody else has, and knows best what that is. The rest comes from the others, unless they
    /// give far less than that one does.
    fn order_for_source(&mut self, key: P, now: Moment) -> Option<Order<P>> {
        let any: usize = self.peers.values().map(|peer| peer.any).sum();
        let peer = self.peers.get_mut(&key)?;
        let is_single = self.wanted.has_single(any);
        // It does not know what is not selected here.
        if self.selected.is_full() && is_single {
            if !peer.may_be_asked_any() {
                return None;
            }
            peer.any += 1;
            let except = self.coming.keys().copied().take(MAX_EXCEPT).collect();
            return Some(Order::AskAny { peer: key, except });
        }
        if !peer.may_be_asked(now) {
            return None;
        }
        let wanted = (is_single || self.is_hungry(key)).then(|| self.wanted.rarest_of(&self.peers.get(&key)?.has)).flatten();
        let (unit, is_rescue) = wanted.map(|unit| (unit, false)).or_else(|| self.steal(key, true, now))?;
        Some(self.ask(key, unit, is_rescue, now))
    }

    /// Those who are asked, but for the source, give less than half of what the source gives.
    fn is_hungry(&self, source: P) -> bool {
        let rate = |peer: &Peer| peer.rate.bytes_per_second().unwrap_or(0.0);
        let others = self.peers.iter().filter(|(key, peer)| **key != source && !peer.asked.is_empty());
        self.coming.is_empty()
            || others.map(|(_, peer)| rate(peer)).sum::<f64>() * 2.0 < self.peers.get(&source).map_or(0.0, rate)
    }

    fn ask(&mut self, key: P, unit: u32, is_rescue: bool, now: Moment) -> Order<P> {
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.ask(unit, length(&self.lengths, unit), now);
        }
        self.comes(key, unit, is_rescue);
        Order::Ask { peer: key, unit }
    }

    /// Of whom a unit was asked, but for one, are asked no longer.
    fn take_back(&mut self, unit: u32, except: Option<P>) {
        for coming in self.coming.remove(&unit).unwrap_or_default() {
            if Some(coming.from) != except {
                self.ask_no_more(coming.from, unit);
            }
        }
    }

    fn ask_no_more(&mut self, key: P, unit: u32) {
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.forget(unit, length(&self.lengths, unit));
        }
        self.orders.push_back(Order::Cancel { peer: key, unit });
        self.wake(key);
    }

    fn comes(&mut self, from: P, unit: u32, is_rescue: bool) {
        self.wanted.remove(unit);
        let coming = self.coming.entry(unit).or_default();
        if coming.iter().all(|coming| coming.from != from) {
            coming.push(Coming { from, started: None, is_rescue });
        }
    }

    fn comes_no_more(&mut self, peer: P, unit: u32) {
        let Some(from) = self.coming.get_mut(&unit) else { return };
        from.retain(|coming| coming.from != peer);
        if from.is_empty() {
            self.coming.remove(&unit);
            if self.selected.contains(unit) && !self.have.contains(unit) {
                self.wanted.insert(unit);
                self.wake_holders(unit);
            }
        }
    }

    fn wake(&mut self, key: P) {
        if let Some(peer) = self.peers.get_mut(&key)
            && peer.gives
            && !std::mem::replace(&mut peer.is_awake, true)
        {
            self.awake.push_back(key);
        }
    }

    fn wake_holders(&mut self, unit: u32) {
        for (key, peer) in self.peers.iter_mut().filter(|(_, peer)| peer.gives && peer.has.contains(unit)) {
            if !std::mem::replace(&mut peer.is_awake, true) {
                self.awake.push_back(*key);
            }
        }
    }

    fn wake_all(&mut self) {
        for (key, peer) in self.peers.iter_mut().filter(|(_, peer)| peer.gives) {
            if !std::mem::replace(&mut peer.is_awake, true) {
                self.awake.push_back(*key);
            }
        }
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

fn length(lengths: &[u32], unit: u32) -> u32 {
    lengths.get(unit as usize).copied().unwrap_or(0).max(1)
}
