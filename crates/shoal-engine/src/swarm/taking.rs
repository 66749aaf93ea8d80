//! Takes a content from everybody who has it, and gives on what came. Asks what the scheduler says, whom it says; the writer of the transfer
//! says what became of it.

use super::{
    content::Content,
    holders::{self, Found},
    layers::Layers,
    looked_for::LookedFor,
    take::{Granted, TakeEnd, Taken},
    talk::{Event, talk},
};
use crate::{
    connection::Connection,
    identity::is_signed_by,
    links::is_local,
    stream::StreamError,
    transfer::{
        fetch::{FetchError, Fetcher},
        live::Control,
        record::Receiving,
        write::{Arrived, Outcome, OutcomeKind, lock},
    },
};
use shoal_proto::{
    PeerId, RangeSet,
    manifest::EntryIndex,
    share::Few,
    swarm::{
        Bits, Unit, Units,
        message::{FromGiver, Mate, UnitHashes, Want, signed_text, told},
        scheduler::{Order, Scheduler},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::Instant,
};

/// Whether anybody is there is looked at so often.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// With nobody there for so long, the transfer is interrupted.
const ALONE: Duration = Duration::from_secs(10);

/// As long without anybody who has any of the rest, and that comes from the sender.
const NO_HOLDERS: Duration = Duration::from_secs(2);

/// Whoever came within reach is asked so often whether it has the same; who had nothing is asked again only then.
pub(super) const NEW_HOLDERS: Duration = Duration::from_secs(5);

/// Messages of peers that wait for the taker, at most; more wait on their streams.
const EVENTS: usize = 256;

/// A request under way.
struct Asked {
    peer: PeerId,
    /// Known once it is granted, if it was for any.
    unit: Option<u32>,
    task: AbortHandle,
    /// Something came of it since that was looked at last.
    flowed: Arc<AtomicBool>,
    /// How often the peer had said by then whether it gives.
    word: u64,
}

/// The taker's side of a swarm.
pub(crate) struct Taking {
    fetcher: Arc<Fetcher>,
    content: Arc<Content>,
    /// What others have, too; `None`: this is a swarm with an origin.
    looked_for: Option<Arc<LookedFor>>,
    /// Who answered before this began, and was not talked to yet.
    found: Found,
    layers: Layers,
    /// When those in reach were last looked at.
    met: Option<Instant>,
    /// What the person here wants of the transfer: whoever paused gives nothing either.
    control: watch::Receiver<Control>,
    scheduler: Scheduler<PeerId>,
    conversations: BTreeMap<PeerId, AbortHandle>,
    talking: JoinSet<()>,
    connections: BTreeMap<PeerId, Connection>,
    /// What peers have whose hashes are not known.
    unknown: BTreeMap<PeerId, RangeSet>,
    /// How often each said whether it gives, and what last.
    words: BTreeMap<PeerId, (u64, bool)>,
    banned: BTreeSet<PeerId>,
    /// Units that are here and whose hashes are not known yet: nobody could check them.
    unproved: RangeSet,
    requests: JoinSet<(u64, TakeEnd)>,
    asked: BTreeMap<u64, Asked>,
    number: u64,
    longest: u32,
    events: mpsc::Sender<Event>,
    granted: mpsc::UnboundedSender<Granted>,
}

/// Units of which nothing more is needed, and those that are here.
pub(crate) fn standing(receiving: &Receiving, units: &Units, in_transfer: impl Fn(EntryIndex) -> EntryIndex) -> (Bits, RangeSet) {
    let failed: BTreeSet<u32> =
        receiving.failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).keys().map(|entry| entry.0).collect();
    let plan = lock(&receiving.plan);
    let (mut settled, mut held) = (Bits::none(units.len()), RangeSet::new());
    for (number, unit) in units.iter() {
        let is_there = |entry: u32| plan.settled().contains(entry);
        let (is_settled, is_held) = match unit {
            Unit::Piece { entry, piece, .. } => {
                let entry = in_transfer(entry);
                let has = plan.has_piece(entry, piece) || is_there(entry.0) && !failed.contains(&entry.0);
                (has || is_there(entry.0) || !plan.wanted().contains(entry.0), has)
            }
            Unit::Entries { .. } => {
                let all = unit.entries().all(|entry| is_there(entry) || !plan.wanted().contains(entry));
                let whole = unit.entries().all(|entry| is_there(entry) && !failed.contains(&entry));
                (all, whole)
            }
        };
        if is_settled {
            settled.insert(number);
        }
        if is_held {
            held.insert_one(number);
        }
    }
    (settled, held)
}

impl Taking {
    /// Takes until everything that is wanted is settled.
    ///
    /// # Errors
    /// [`FetchError`]: the disk, the writer, or nobody is there.
    pub(crate) async fn run(
        fetcher: Arc<Fetcher>,
        content: Arc<Content>,
        from_holders: Option<(Arc<LookedFor>, Found)>,
        control: watch::Receiver<Control>,
        outcomes: &mut mpsc::UnboundedReceiver<Outcome>,
        changed: Arc<Notify>,
    ) -> Result<(), FetchError> {
        let receiving: &Receiving = &fetcher.shared;
        let (looked_for, found) = from_holders.unzip();
        let in_transfer = |entry| looked_for.as_ref().map_or(entry, |looked_for| looked_for.entry(entry));
        let (settled, unproved) = standing(receiving, &content.units, in_transfer);
        let lengths: Vec<u32> = content.units.iter().map(|(_, unit)| unit.bytes()).collect();
        let longest = content.units.iter().map(|(_, unit)| unit.bytes()).max().unwrap_or(0);
        let (events, mut happened) = mpsc::channel(EVENTS);
        let (granted, mut grants) = mpsc::unbounded_channel();
        let mut this = Self {
            scheduler: Scheduler::new(lengths, settled, rand::random()),
            fetcher,
            looked_for,
            found: found.unwrap_or_default(),
            layers: Layers::default(),
            met: None,
            control,
            conversations: BTreeMap::new(),
            talking: JoinSet::new(),
            connections: BTreeMap::new(),
            unknown: BTreeMap::new(),
            words: BTreeMap::new(),
            banned: BTreeSet::new(),
            unproved,
            requests: JoinSet::new(),
            asked: BTreeMap::new(),
            number: 0,
            longest,
            events,
            granted,
            content,
        };
        if this.looked_for.is_none() {
            this.talk_to(this.content.id.origin, &[]);
        }
        let mut alone_since = Instant::now();
        loop {
            this.name_complete().await?;
            if this.is_over() {
                tracing::debug!(came = ?this.content.came, "all that was wanted came");
                return Ok(());
            }
            this.meet_holders();
            this.order();
            if this.goes_on() {
                alone_since = Instant::now();
            } else if this.looked_for.is_some() && alone_since.elapsed() >= NO_HOLDERS {
                return Ok(());
            } else if alone_since.elapsed() >= ALONE {
                return Err(FetchError::Stream(StreamError::Finished));
            }
            let (news, look_in) = (changed.notified(), this.look_in());
            tokio::select! {
                Some(event) = happened.recv() => this.handle(event)?,
                Some(granted) = grants.recv() => this.handle_granted(granted),
                Some(outcome) = outcomes.recv() => this.handle_outcome(outcome),
                Some(ended) = this.requests.join_next() => match ended {
                    Ok((number, end)) => this.handle_end(number, end)?,
                    Err(error) if error.is_cancelled() => {}
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                },
                () = news => {}
                () = tokio::time::sleep(look_in) => {}
            }
        }
    }

    fn is_over(&self) -> bool {
        let receiving = &self.fetcher.shared;
        match &self.looked_for {
            Some(looked_for) => looked_for.is_over(receiving),
            None => lock(&receiving.plan).is_finished(),
        }
    }

    /// Something is to be expected of those who are there.
    fn goes_on(&self) -> bool {
        match &self.looked_for {
            // What no holder has comes from the sender.
            Some(_) => self.scheduler.has_source(),
            None => !self.connections.is_empty(),
        }
    }

    /// Talks to those in reach who may have the same.
    fn meet_holders(&mut self) {
        if self.looked_for.is_none() || self.met.is_some_and(|met| met.elapsed() < NEW_HOLDERS) {
            return;
        }
        self.met = Some(Instant::now());
        for peer in holders::candidates(&self.fetcher.transfers) {
            self.talk_to(peer, &[]);
        }
    }

    /// When the scheduler wants to be asked again, if nothing happens.
    fn look_in(&self) -> Duration {
        self.scheduler.wake_at().map_or(LOOK_AGAIN, |at| at.saturating_sub(self.content.now()))
    }

    /// Has files named whose pieces are all there: each was checked against what the origin said.
    async fn name_complete(&self) -> Result<(), FetchError> {
        loop {
            let complete = lock(&self.fetcher.shared.plan).next_complete();
            let Some((entry, root)) = complete else { return Ok(()) };
            self.fetcher.queue.send((Arrived::Root { entry, root }, None)).await.map_err(|_| FetchError::WriterGone)?;
        }
    }

    fn order(&mut self) {
        let now = self.content.now();
        for asked in self.asked.values().filter(|asked| asked.flowed.swap(false, Ordering::Relaxed)) {
            self.scheduler.handle_bytes(asked.peer, now);
        }
        while let Some(order) = self.scheduler.poll(now) {
            match order {
                Order::Ask { peer, unit } => self.ask(peer, Want::Unit(unit), Some(unit)),
                Order::AskAny { peer, except } => {
                    // The scheduler names no more than fit.
                    self.ask(peer, Want::Any(Few::try_from(except).unwrap_or_default()), None);
                }
                Order::Cancel { peer, unit } => {
                    let of = |asked: &&Asked| asked.peer == peer && asked.unit == Some(unit);
                    if let Some(asked) = self.asked.values().find(of) {
                        asked.task.abort();
                    }
                    self.asked.retain(|_, asked| !(asked.peer == peer && asked.unit == Some(unit)));
                }
            }
        }
    }

    fn ask(&mut self, peer: PeerId, want: Want, unit: Option<u32>) {
        let Some(connection) = self.connections.get(&peer).cloned() else {
            return self.scheduler.handle_gives(peer, false, self.content.now());
        };
        self.number += 1;
        let number = self.number;
        let taken = Taken {
            fetcher: self.fetcher.clone(),
            content: self.content.clone(),
            looked_for: self.looked_for.clone(),
            connection,
            request: number,
            want,
            granted: self.granted.clone(),
            longest: self.longest,
            flowed: Arc::default(),
        };
        let flowed = taken.flowed.clone();
        let task = self.requests.spawn(async move { (number, taken.run().await) });
        let word = self.words.get(&peer).map_or(0, |word| word.0);
        self.asked.insert(number, Asked { peer, unit, task, flowed, word });
    }

    fn handle(&mut self, event: Event) -> Result<(), FetchError> {
        let now = self.content.now();
        match event {
            Event::Joined(peer, connection) => {
                self.connections.insert(peer, connection);
                self.scheduler.handle_joined(peer, now);
            }
            Event::Left(peer) => {
                if peer == self.content.id.origin {
                    self.content.orphan();
                }
                self.left(peer);
            }
            Event::Said(peer, FromGiver::Hashes(told)) if self.looked_for.is_some() => self.learn(peer, &told.hashes),
            Event::Said(peer, FromGiver::Have(units)) => {
                let units = told(&units, self.content.units.len());
                if peer == self.content.id.origin {
                    self.scheduler.handle_have(peer, units.iter());
                } else {
                    let waiting = self.unknown.entry(peer).or_default();
                    units.ranges().for_each(|run| waiting.insert(run));
                    self.look_at(peer);
                }
            }
            Event::Said(peer, FromGiver::Gives(gives)) => {
                let word = self.words.entry(peer).or_default();
                *word = (word.0 + 1, gives);
                self.scheduler.handle_gives(peer, gives, now);
                if !gives {
                    self.forget(peer);
                }
            }
            // Only the origin's word counts.
            Event::Said(peer, FromGiver::Mates(_)) if peer != self.content.id.origin => {}
            // Whoever tells them: they are the origin's.
            Event::Said(peer, FromGiver::Hashes(told)) => {
                let origin = self.content.id.origin;
                let text = signed_text(&self.content.id, &told.hashes);
                if !is_signed_by(origin, &text, &told.signature) {
                    if peer == origin {
                        return Err(FetchError::Violation);
                    }
                    self.ban(peer);
                    return Ok(());
                }
                for of_unit in told.hashes.iter() {
                    let Content { known, manifest, units, .. } = &*self.content;
                    if !known.learn(manifest, units, of_unit.unit, &of_unit.hashes) {
                        return Err(FetchError::Violation);
                    }
                }
                self.content.told.keep(told);
                self.look_again();
            }
            Event::Said(_, FromGiver::Mates(mates)) => self.meet(&mates),
        }
        Ok(())
    }

    /// A holder says what pieces are.
    fn learn(&mut self, peer: PeerId, told: &[UnitHashes]) {
        for of_unit in told {
            if self.layers.take(&self.content, peer, of_unit.unit, &of_unit.hashes).is_err() {
                return self.ban(peer);
            }
        }
        self.look_again();
        self.content.tell();
    }

    /// More is known.
    fn look_again(&mut self) {
        let peers: Vec<PeerId> = self.unknown.keys().copied().collect();
        peers.into_iter().for_each(|peer| self.look_at(peer));
        self.prove();
    }

    /// What a peer has is of use once it is known what it has to be.
    fn look_at(&mut self, peer: PeerId) {
        let Some(waiting) = self.unknown.get_mut(&peer) else { return };
        let known = self.content.known.units();
        let usable: Vec<u32> = waiting.iter().filter(|unit| known.contains(*unit)).collect();
        usable.iter().for_each(|unit| waiting.remove(*unit..unit.saturating_add(1)));
        self.scheduler.handle_have(peer, usable);
    }

    /// What is here and can be checked is given on.
    fn prove(&mut self) {
        let proved: Vec<u32> = self.unproved.iter().filter(|unit| self.content.known.knows(*unit)).collect();
        for unit in proved {
            self.unproved.remove(unit..unit.saturating_add(1));
            self.content.add(unit);
        }
    }

    /// Others who take the same: each takes from each.
    fn meet(&mut self, mates: &[Mate]) {
        self.content.dismiss_others(mates);
        for mate in mates {
            self.content.admit(mate.clone(), self.control.clone(), None);
            self.talk_to(mate.id, &mate.addresses);
        }
        let origin = self.content.id.origin;
        let gone: Vec<PeerId> = self
            .conversations
            .keys()
            .copied()
            .filter(|peer| *peer != origin && !mates.iter().any(|mate| mate.id == *peer))
            .collect();
        for peer in gone {
            self.hang_up(peer);
        }
    }

    fn talk_to(&mut self, peer: PeerId, addresses: &[SocketAddr]) {
        let own = self.fetcher.transfers.links.id();
        if peer == own || self.banned.contains(&peer) || self.conversations.contains_key(&peer) {
            return;
        }
        // The origin's word makes nobody dial the world.
        let local = addresses.iter().copied().filter(|address| is_local(address.ip())).collect();
        let holding = self.looked_for.clone().map(|looked_for| (looked_for, self.found.remove(&peer)));
        let talk = talk(self.fetcher.clone(), self.content.clone(), holding, peer, local, self.events.clone());
        self.conversations.insert(peer, self.talking.spawn(talk));
    }

    fn hang_up(&mut self, peer: PeerId) {
        if let Some(conversation) = self.conversations.remove(&peer) {
            conversation.abort();
        }
        self.left(peer);
    }

    fn left(&mut self, peer: PeerId) {
        self.connections.remove(&peer);
        self.unknown.remove(&peer);
        self.layers.forget(peer);
        self.scheduler.handle_left(peer);
        self.forget(peer);
    }

    /// What was asked of a peer does not come.
    fn forget(&mut self, peer: PeerId) {
        self.asked.retain(|_, asked| {
            if asked.peer == peer {
                asked.task.abort();
            }
            asked.peer != peer
        });
    }

    fn handle_granted(&mut self, Granted { peer, request, unit }: Granted) {
        if let Some(asked) = self.asked.get_mut(&request) {
            asked.unit = Some(unit);
            self.scheduler.handle_granted(peer, unit, self.content.now());
        }
    }

    fn handle_outcome(&mut self, Outcome { peer, unit, kind }: Outcome) {
        match kind {
            OutcomeKind::Wrong => self.ban(peer),
            // Of what was looked for before.
            OutcomeKind::Whole if !self.is_here(unit) => {}
            OutcomeKind::Whole => {
                self.content.came_from(peer, unit);
                self.scheduler.handle_unit(peer, unit, self.content.now());
                self.unproved.insert_one(unit);
                self.prove();
            }
            OutcomeKind::Partly => {
                // Its other parts cannot come either.
                let entries = self.content.units.get(unit).map(|unit| unit.entries()).unwrap_or_default();
                let settled = lock(&self.fetcher.shared.plan).settled().clone();
                for entry in entries.filter(|entry| settled.contains(*entry)) {
                    for unit in self.content.units.of_entry(EntryIndex(entry)) {
                        self.scheduler.handle_unit(peer, unit, self.content.now());
                    }
                }
            }
        }
    }

    /// A unit is written, or of no use any more.
    fn is_here(&self, unit: u32) -> bool {
        let (Some(looked_for), Some(Unit::Piece { entry, piece, .. })) = (&self.looked_for, self.content.units.get(unit)) else {
            return true;
        };
        let (entry, plan) = (looked_for.entry(entry), lock(&self.fetcher.shared.plan));
        plan.has_piece(entry, piece) || plan.settled().contains(entry.0)
    }

    fn handle_end(&mut self, number: u64, end: TakeEnd) -> Result<(), FetchError> {
        let Some(Asked { peer, unit, word, .. }) = self.asked.remove(&number) else { return Ok(()) };
        let now = self.content.now();
        match end {
            TakeEnd::Came => {}
            TakeEnd::Lacks(unit) => self.scheduler.handle_failed(peer, unit),
            TakeEnd::Waits => {
                self.scheduler.handle_refused(peer, unit);
                // It may have got its next turn since then.
                if self.words.get(&peer).is_some_and(|(count, gives)| *count > word && *gives) {
                    self.scheduler.handle_gives(peer, true, now);
                }
            }
            TakeEnd::Gone => {
                self.scheduler.handle_gives(peer, false, now);
                self.forget(peer);
            }
            TakeEnd::Wrong => self.ban(peer),
            TakeEnd::Stuck(error) => return Err(error),
        }
        Ok(())
    }

    /// Whoever gave what is wrong gives nothing more of this content.
    fn ban(&mut self, peer: PeerId) {
        if peer == self.content.id.origin || !self.banned.insert(peer) {
            return;
        }
        tracing::warn!(%peer, "gave a wrong piece: nothing more is taken from it");
        self.scheduler.handle_banned(peer);
        self.hang_up(peer);
    }
}
