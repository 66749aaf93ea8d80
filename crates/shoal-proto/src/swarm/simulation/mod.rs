//! Swarms of thousands of peers in simulated time. A unit waits for the giver's link, then for the taker's: both are as wide as the scene says.
//! Messages take a moment. The same seed gives the same course.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod crowds;
mod event;
mod holders;
mod manners;

use super::{
    Bits, Chance,
    giver::{Gift, Giver, SLOTS},
    scheduler::{Moment, Order, Scheduler},
};
use event::Event;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

type Peer = u32;

const LENGTH: u32 = 256 * 1024;

/// 100 Mbit/s: a unit takes 21 ms.
const RATE: f64 = 12.5e6;

/// With how many others a peer is connected, at most.
const DEGREE: usize = 32;

/// What a swarm is made of.
#[derive(Debug, Clone)]
struct Scene {
    lengths: Arc<[u32]>,
    members: Vec<Member>,
    latency: Duration,
    seed: u64,
    slots: usize,
    /// Of every number of units that a liar gives, one is wrong.
    lie: u32,
}

/// How a peer begins.
#[derive(Debug, Clone)]
struct Member {
    has: Bits,
    /// Bytes a second.
    up: f64,
    /// Bytes a second.
    down: f64,
    manner: Manner,
}

/// How a peer behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Fair,
    /// It gives nobody a place.
    Chokes,
    /// It gives places, and then nothing.
    IsSilent,
    /// Some of what it gives is wrong.
    Lies,
    /// It does not say that it is gone.
    Vanished,
}

struct Node {
    scheduler: Scheduler<Peer>,
    giver: Giver<Peer>,
    neighbours: BTreeSet<Peer>,
    up: f64,
    down: f64,
    manner: Manner,
    up_free: Moment,
    down_free: Moment,
    /// Bytes.
    sent: u64,
    /// What is on its way: to whom, what, until when, and the event of its arrival.
    sending: Option<(Peer, u32, Moment, u64)>,
    came: Moment,
    longest_pause: Duration,
    done: Option<Moment>,
    is_there: bool,
    news_due: bool,
    wake_due: Option<Moment>,
    last_given: BTreeMap<Peer, Moment>,
}

struct Swarm {
    scene: Scene,
    nodes: Vec<Node>,
    queue: BinaryHeap<Reverse<(Moment, u64, Event)>>,
    broken_off: BTreeSet<u64>,
    count: u64,
    now: Moment,
    chance: Chance,
    /// Present and not done.
    unfinished: usize,
    /// A peer that leaves as soon as every unit is with somebody else.
    leaves_when_out: Option<Peer>,
    out: Bits,
    /// Units that came although they were there.
    twice: u32,
    banned: u32,
}

impl Scene {
    /// One who has everything, and others who have nothing, all with the same links.
    fn crowd(receivers: u32, units: u32, seed: u64) -> Self {
        let member = |has| Member { has, up: RATE, down: RATE, manner: Manner::Fair };
        let mut members = vec![member(Bits::all(units))];
        members.resize(receivers as usize + 1, member(Bits::none(units)));
        Self::of(members, vec![LENGTH; units as usize], seed)
    }

    /// Peer 0 takes, the others have everything and are so fast.
    fn holders(rates: &[f64], units: u32, seed: u64) -> Self {
        let taker = Member { has: Bits::none(units), up: RATE, down: RATE, manner: Manner::Fair };
        let holders = rates.iter().map(|up| Member { has: Bits::all(units), up: *up, ..taker.clone() });
        Self::of(std::iter::once(taker.clone()).chain(holders).collect(), vec![LENGTH; units as usize], seed)
    }

    fn of(members: Vec<Member>, lengths: Vec<u32>, seed: u64) -> Self {
        Self { lengths: lengths.into(), members, latency: Duration::from_millis(1), seed, slots: SLOTS, lie: 100 }
    }

    fn bytes(&self) -> f64 {
        self.lengths.iter().map(|length| f64::from(*length)).sum()
    }
}

impl Swarm {
    fn new(scene: Scene) -> Self {
        let extent = scene.lengths.len() as u32;
        let mut swarm = Self {
            nodes: Vec::new(),
            queue: BinaryHeap::new(),
            broken_off: BTreeSet::new(),
            count: 0,
            now: Moment::ZERO,
            chance: Chance::new(scene.seed),
            unfinished: 0,
            leaves_when_out: None,
            out: Bits::none(extent),
            twice: 0,
            banned: 0,
            scene,
        };
        for member in swarm.scene.members.clone() {
            swarm.add(member);
        }
        let all = swarm.nodes.len() as Peer;
        (0..all).for_each(|peer| swarm.mingle(peer));
        (0..all).for_each(|peer| swarm.pump(peer));
        swarm
    }

    fn add(&mut self, member: Member) -> Peer {
        let is_done = member.has.is_full();
        self.unfinished += usize::from(!is_done);
        self.nodes.push(Node {
            scheduler: Scheduler::new(self.scene.lengths.clone(), member.has.clone(), self.chance.next()),
            giver: Giver::new(member.has, self.scene.slots, self.chance.next()),
            neighbours: BTreeSet::new(),
            up: member.up,
            down: member.down,
            manner: member.manner,
            up_free: Moment::ZERO,
            down_free: Moment::ZERO,
            sent: 0,
            sending: None,
            came: self.now,
            longest_pause: Duration::ZERO,
            done: is_done.then_some(self.now),
            is_there: true,
            news_due: false,
            wake_due: None,
            last_given: BTreeMap::new(),
        });
        self.nodes.len() as Peer - 1
    }

    /// Gets to know others: everybody where there are few, else so many that those who come later find room.
    fn mingle(&mut self, peer: Peer) {
        let all = self.nodes.len() as Peer;
        if all as usize <= DEGREE + 1 {
            return (0..all).filter(|other| *other != peer).for_each(|other| self.meet(peer, other));
        }
        for _ in 0..DEGREE * 4 {
            if self.nodes[peer as usize].neighbours.len() >= DEGREE * 3 / 4 {
                return;
            }
            let other = self.chance.below(all);
            if other != peer {
                self.meet(peer, other);
            }
        }
    }

    fn meet(&mut self, one: Peer, other: Peer) {
        let has_room = |peer: Peer| self.nodes[peer as usize].is_there && self.nodes[peer as usize].neighbours.len() < DEGREE;
        if !has_room(one) || !has_room(other) || self.nodes[one as usize].neighbours.contains(&other) {
            return;
        }
        for (at, of) in [(one, other), (other, one)] {
            let has: Vec<u32> = self.nodes[of as usize].scheduler.have().iter().collect();
            let node = &mut self.nodes[at as usize];
            node.neighbours.insert(of);
            node.scheduler.handle_joined(of, self.now);
            node.scheduler.handle_have(of, has.iter().copied());
            node.giver.handle_joined(of, self.now);
            node.giver.handle_have(of, has, self.now);
        }
    }

    fn at(&mut self, when: Moment, event: Event) -> u64 {
        self.count += 1;
        self.queue.push(Reverse((when, self.count, event)));
        self.count
    }

    fn say(&mut self, event: Event) {
        self.at(self.now + self.scene.latency, event);
    }

    /// Until all who are there have all; `false`: not by then.
    fn run(&mut self, until: Moment) -> bool {
        while self.unfinished > 0 {
            let Some(Reverse((when, number, event))) = self.queue.pop() else { return false };
            if when > until {
                return false;
            }
            self.now = when;
            if !self.broken_off.remove(&number) {
                self.happens(event);
            }
        }
        true
    }

    fn happens(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Have(from, units) => {
                for to in self.nodes[from as usize].neighbours.clone() {
                    let node = &mut self.nodes[to as usize];
                    if node.manner != Manner::Vanished {
                        node.scheduler.handle_have(from, units.iter().copied());
                        node.giver.handle_have(from, units.iter().copied(), now);
                        self.pump(to);
                    }
                }
                return;
            }
            Event::Join(member) => {
                let peer = self.add(member);
                self.mingle(peer);
                return self.pump(peer);
            }
            Event::Sent(to, from, unit) => return self.is_sent(to, from, unit),
            Event::Place(to, from, gives) => return self.tells_place(to, from, gives),
            _ => {}
        }
        let to = event.to();
        let node = &mut self.nodes[to as usize];
        let is_known = event.from().is_none_or(|from| node.neighbours.contains(&from));
        if !node.is_there || !is_known || node.manner == Manner::Vanished {
            return;
        }
        match event {
            Event::Ask(_, from, unit) => node.giver.handle_ask(from, unit),
            Event::AskAny(_, from, except) => node.giver.handle_ask_any(from, except),
            Event::Cancel(_, from, unit) => {
                node.giver.handle_cancel(from, unit);
                self.breaks_off(to, from, unit);
            }
            Event::Gives(_, from, gives) => node.scheduler.handle_gives(from, gives, now),
            Event::Granted(_, from, unit) => node.scheduler.handle_granted(from, unit, now),
            Event::Unit(_, from, unit) => self.comes(to, from, unit),
            Event::Wake(_) => node.wake_due = None,
            Event::News(_) => {
                node.news_due = false;
                if let Some(news) = node.scheduler.poll_news(now) {
                    self.say(Event::Have(to, Rc::from(news)));
                }
            }
            Event::Vanish(_) => node.manner = Manner::Vanished,
            Event::Leave(_) => return self.leaves(to),
            Event::Have(..) | Event::Join(_) | Event::Sent(..) | Event::Place(..) => {}
        }
        self.pump(to);
    }

    fn comes(&mut self, to: Peer, from: Peer, unit: u32) {
        let now = self.now;
        if self.nodes[from as usize].manner == Manner::Lies && self.chance.below(self.scene.lie) == 0 {
            self.nodes[to as usize].scheduler.handle_banned(from);
            self.banned += 1;
            return self.part(to, from);
        }
        let node = &mut self.nodes[to as usize];
        self.twice += u32::from(node.scheduler.have().contains(unit));
        node.scheduler.handle_unit(from, unit, now);
        node.giver.handle_unit(unit, now);
        node.longest_pause = node.longest_pause.max(now - node.came);
        node.came = now;
        if node.scheduler.is_done() && node.done.is_none() {
            node.done = Some(now);
            self.unfinished -= 1;
        }
        self.out.insert(unit);
        if self.out.is_full()
            && let Some(peer) = self.leaves_when_out.take()
        {
            self.leaves(peer);
        }
    }

    fn part(&mut self, one: Peer, other: Peer) {
        for (at, of) in [(one, other), (other, one)] {
            let node = &mut self.nodes[at as usize];
            if node.neighbours.remove(&of) {
                node.scheduler.handle_left(of);
                node.giver.handle_left(of, self.now);
            }
        }
    }

    fn leaves(&mut self, peer: Peer) {
        self.nodes[peer as usize].is_there = false;
        self.unfinished -= usize::from(self.nodes[peer as usize].done.is_none());
        for neighbour in self.nodes[peer as usize].neighbours.clone() {
            self.part(peer, neighbour);
            if self.nodes[neighbour as usize].neighbours.len() < DEGREE / 2 {
                self.mingle(neighbour);
            }
            self.pump(neighbour);
        }
    }

    /// What is being sent is taken back: the link is free.
    fn breaks_off(&mut self, peer: Peer, to: Peer, unit: u32) {
        let node = &mut self.nodes[peer as usize];
        if let Some((at, of, until, arrival)) = node.sending
            && (at, of) == (to, unit)
            && until > self.now
        {
            node.sent -= ((until - self.now).as_secs_f64() * node.up) as u64;
            node.up_free = self.now;
            node.sending = None;
            self.broken_off.insert(arrival);
        }
    }

    /// Does everything that a peer has to do now.
    fn pump(&mut self, peer: Peer) {
        let now = self.now;
        if !self.nodes[peer as usize].is_there || self.nodes[peer as usize].manner == Manner::Vanished {
            return;
        }
        while let Some(order) = self.nodes[peer as usize].scheduler.poll(now) {
            self.say(match order {
                Order::Ask { peer: to, unit } => Event::Ask(to, peer, unit),
                Order::AskAny { peer: to, except } => Event::AskAny(to, peer, except),
                Order::Cancel { peer: to, unit } => Event::Cancel(to, peer, unit),
            });
        }
        self.tell_places(peer);
        self.gives(peer);
        self.tell_places(peer);
        let node = &self.nodes[peer as usize];
        let free = Some(node.up_free).filter(|free| *free > now);
        let idle = node.giver.idle_at().filter(|_| free.is_none());
        let wake = free.into_iter().chain(idle).chain(node.scheduler.wake_at()).min();
        if let Some(wake) = wake.map(|wake| wake.max(now + Duration::from_micros(100)))
            && node.wake_due.is_none_or(|due| due > wake)
        {
            self.nodes[peer as usize].wake_due = Some(wake);
            self.at(wake, Event::Wake(peer));
        }
        let node = &mut self.nodes[peer as usize];
        if let Some(news) = node.scheduler.news_at()
            && !std::mem::replace(&mut node.news_due, true)
        {
            self.at(news, Event::News(peer));
        }
    }

    fn gives(&mut self, peer: Peer) {
        let now = self.now;
        while self.nodes[peer as usize].up_free <= now && self.nodes[peer as usize].manner != Manner::IsSilent {
            let Some(Gift::Give { peer: to, unit, .. }) = self.nodes[peer as usize].giver.give(now) else { return };
            self.say(Event::Granted(to, peer, unit));
            let bytes = self.scene.lengths[unit as usize];
            let up = now + Duration::from_secs_f64(f64::from(bytes) / self.nodes[peer as usize].up);
            let arrival = self.at(up, Event::Sent(to, peer, unit));
            let node = &mut self.nodes[peer as usize];
            node.up_free = up;
            node.sent += u64::from(bytes);
            node.sending = Some((to, unit, up, arrival));
        }
    }

    /// A unit left the giver's link: the taker's may be busy with others'.
    fn is_sent(&mut self, to: Peer, from: Peer, unit: u32) {
        let taker = &mut self.nodes[to as usize];
        let took = Duration::from_secs_f64(f64::from(self.scene.lengths[unit as usize]) / taker.down);
        taker.down_free = self.now.max(taker.down_free + took);
        let down = taker.down_free;
        self.nodes[from as usize].last_given.insert(to, down);
        self.at(down + self.scene.latency, Event::Unit(to, from, unit));
    }

    fn tell_places(&mut self, peer: Peer) {
        while let Some(Gift::Gives { peer: to, gives }) = self.nodes[peer as usize].giver.poll() {
            if self.nodes[peer as usize].manner == Manner::Chokes {
                continue;
            }
            // Behind what is being sent.
            let sending = self.nodes[peer as usize].sending.filter(|(of, ..)| *of == to).map(|(.., until, _)| until);
            self.at(sending.unwrap_or_default().max(self.now), Event::Place(to, peer, gives));
        }
    }

    fn tells_place(&mut self, to: Peer, from: Peer, gives: bool) {
        let last = self.nodes[from as usize].last_given.get(&to).copied().unwrap_or_default();
        self.at(self.now.max(last) + self.scene.latency, Event::Gives(to, from, gives));
    }

    /// Who waits for what, for a message.
    fn stalled(&self) -> String {
        let is_waiting = |node: &&Node| node.done.is_none() && node.is_there;
        let waiting = self.nodes.iter().filter(is_waiting);
        let line = |node: &Node| format!("{:?}\n    {:?}\n", node.scheduler, node.giver);
        format!("seed {}, {} wait: {}", self.scene.seed, self.unfinished, waiting.take(2).map(line).collect::<String>())
    }

    fn last(&self) -> Moment {
        self.nodes.iter().filter_map(|node| node.done).max().unwrap()
    }
}
