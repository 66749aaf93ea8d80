//! One content that is given from here: by its origin, or by one who takes it. Owns who may have it, whose turn it is, and the units that
//! are here.

use super::{
    guests::{Giving, Guest, Sending},
    held::Held,
    known::Known,
    told::Told,
};
use crate::transfer::{
    live::Control,
    reader::{Fetching, Reader},
    sent::Sent,
    transfers::Transfers,
};
use bytes::Bytes;
use shoal_proto::{
    Hash, Manifest, PeerId, PieceIndex, RangeSet, Ticket,
    manifest::{EntryIndex, EntryKind},
    share::Few,
    swarm::{
        Bits, Unit, Units,
        giver::{Gift, Giver, SLOTS},
        message::{MAX_MATES, Mate, SwarmId, Want},
    },
};
use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, oneshot, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// So often what is under way is weighed again, if nothing happens.
const WEIGH_AGAIN: Duration = Duration::from_millis(50);

/// Requests of one guest that wait, at most.
const MAX_WAITING: usize = 32;

/// Where its bytes come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// Files that are offered from here.
    Offered(Mutex<Reader>),
    /// What was received.
    Held(Held),
}

/// A content and all to whom it may be given.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) id: SwarmId,
    pub(crate) manifest: Manifest,
    pub(crate) units: Units,
    pub(crate) known: Known,
    pub(crate) told: Told,
    /// It is what this is the ticket of: whoever has that one, too, is a guest, and nobody the origin.
    pub(crate) ticket: Option<Ticket>,
    /// The origin is away: others are asked to tell its hashes.
    orphaned: AtomicBool,
    #[cfg(test)]
    pub(super) mute_to: Mutex<Option<PeerId>>,
    source: Source,
    begun: Instant,
    giving: Mutex<Giving>,
    /// Bytes that came, by who gave them.
    pub(crate) came: Mutex<BTreeMap<PeerId, u64>>,
    /// Something may be given now.
    wake: Notify,
    /// Counts changes of what is here, known, and who is there.
    pub(crate) changed: watch::Sender<u64>,
    /// It is given no more.
    pub(crate) closed: CancellationToken,
}

/// A guest's conversation, until dropped.
pub(crate) struct Conversation {
    content: Arc<Content>,
    pub(crate) peer: PeerId,
    number: u64,
    /// Whether the guest may ask.
    pub(crate) gives: watch::Receiver<bool>,
}

impl Drop for Conversation {
    fn drop(&mut self) {
        let mut giving = self.content.giving();
        let now = self.content.now();
        let Giving { giver, guests, .. } = &mut *giving;
        if let Some(guest) = guests.get_mut(&self.peer)
            && guest.conversation.as_ref().is_some_and(|(number, _)| *number == self.number)
        {
            guest.conversation = None;
            guest.waiting.clear();
            giver.handle_left(self.peer, now);
            drop(giving);
            self.content.wake.notify_one();
        }
    }
}

/// Somebody who may have it, until dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    content: Arc<Content>,
    peer: PeerId,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let is_last = self.content.giving().guests.get_mut(&self.peer).is_some_and(|guest| {
            guest.entered = guest.entered.saturating_sub(1);
            guest.entered == 0
        });
        if is_last {
            self.content.dismiss(self.peer);
        }
    }
}

/// A unit that is sent now, until dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    content: Arc<Content>,
    peer: PeerId,
    pub(crate) unit: u32,
}

impl Turn {
    /// All of it arrived.
    pub(crate) fn arrived(&self) {
        let mut giving = self.content.giving();
        let now = self.content.now();
        if let Some(guest) = giving.guests.get_mut(&self.peer) {
            guest.arrived(self.unit, now);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut giving = self.content.giving();
        if let Some(guest) = giving.guests.get_mut(&self.peer) {
            guest.sending.remove(&self.unit);
            if guest.stops && guest.sending.is_empty() {
                guest.tell(false);
            }
        }
        drop(giving);
        self.content.wake.notify_one();
    }
}

impl Content {
    /// Begins to give it, to those who are admitted.
    pub(crate) fn new(
        id: SwarmId,
        manifest: Manifest,
        units: Units,
        held: RangeSet,
        source: Source,
        ticket: Option<Ticket>,
        transfers: &Transfers,
    ) -> Arc<Self> {
        let mut bits = Bits::none(units.len());
        held.iter().for_each(|unit| _ = bits.insert(unit));
        let content = Arc::new(Self {
            id,
            known: if ticket.is_some() { Known::of_roots(&manifest, &units) } else { Known::new(units.len()) },
            ticket,
            told: Told::default(),
            orphaned: AtomicBool::new(false),
            #[cfg(test)]
            mute_to: Mutex::default(),
            manifest,
            source,
            begun: Instant::now(),
            giving: Mutex::new(Giving {
                giver: Giver::new(bits, SLOTS, rand::random()),
                held,
                guests: BTreeMap::new(),
                conversations: 0,
            }),
            came: Mutex::default(),
            wake: Notify::new(),
            changed: watch::Sender::new(0),
            closed: transfers.cancel.child_token(),
            units,
        });
        transfers.tasks.spawn(content.clone().run());
        content
    }

    /// This device had it before, rather than took it.
    pub(crate) const fn is_origin(&self) -> bool {
        matches!(self.source, Source::Offered(_))
    }

    /// Hashes are this device's to tell: its own files', or of what a ticket is of, where anybody may, as they make the roots or do not.
    pub(crate) const fn vouches(&self) -> bool {
        self.is_origin() || self.ticket.is_some()
    }

    /// The origin cannot be asked any more.
    pub(crate) fn orphan(&self) {
        self.orphaned.store(true, Ordering::Relaxed);
        self.tell();
    }

    pub(crate) fn is_orphaned(&self) -> bool {
        self.orphaned.load(Ordering::Relaxed)
    }

    /// Whether a guest hears the hashes from here.
    pub(crate) fn tells_hashes(&self, _peer: PeerId) -> bool {
        #[cfg(test)]
        if *self.mute_to.lock().unwrap_or_else(PoisonError::into_inner) == Some(_peer) {
            return false;
        }
        self.vouches()
    }

    /// Time since it began.
    pub(crate) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Lets turns go round until it is closed.
    async fn run(self: Arc<Self>) {
        loop {
            self.give();
            let (idle_at, is_full) = {
                let giving = self.giving();
                (giving.giver.idle_at(), giving.under_way() > 0)
            };
            let idle = async {
                match idle_at {
                    Some(at) => tokio::time::sleep_until(self.begun + at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.closed.cancelled() => return,
                () = self.wake.notified() => {}
                () = idle => {}
                () = tokio::time::sleep(WEIGH_AGAIN), if is_full => {}
            }
        }
    }

    /// Admits somebody, or takes its new addresses.
    pub(crate) fn admit(&self, mate: Mate, control: watch::Receiver<Control>, sent: Option<Arc<Mutex<Sent>>>) {
        let mut giving = self.giving();
        let is_full = giving.guests.len() >= MAX_MATES;
        match giving.guests.entry(mate.id) {
            Entry::Occupied(mut known) => {
                let guest = known.get_mut();
                (guest.mate, guest.control, guest.sent) = (mate, control, sent);
            }
            Entry::Vacant(place) if !is_full => {
                let (waiting, has, sending) = (VecDeque::new(), RangeSet::new(), BTreeMap::new());
                let (conversation, entered) = (None, 0);
                place.insert(Guest {
                    mate,
                    control,
                    conversation,
                    entered,
                    waiting,
                    sending,
                    pace: None,
                    stops: false,
                    has,
                    sent,
                });
            }
            Entry::Vacant(_) => return,
        }
        drop(giving);
        self.tell();
    }

    /// Admits somebody until the return value is dropped. `None`: there are too many.
    pub(crate) fn enter(self: &Arc<Self>, peer: PeerId, control: watch::Receiver<Control>) -> Option<Entered> {
        self.admit(Mate { id: peer, addresses: Few::default() }, control, None);
        self.giving().guests.get_mut(&peer)?.entered += 1;
        Some(Entered { content: self.clone(), peer })
    }

    /// Nobody may have it at present.
    pub(crate) fn has_no_guests(&self) -> bool {
        self.giving().guests.is_empty()
    }

    /// Nothing more goes to this one.
    pub(crate) fn dismiss(&self, peer: PeerId) {
        let mut giving = self.giving();
        let now = self.now();
        if giving.guests.remove(&peer).is_some() {
            giving.giver.handle_left(peer, now);
        }
        drop(giving);
        self.tell();
    }

    /// Nothing more goes to anybody who is not one of these.
    pub(crate) fn dismiss_others(&self, of: &[Mate]) {
        let gone: Vec<PeerId> = {
            let giving = self.giving();
            giving.guests.keys().copied().filter(|peer| !of.iter().any(|mate| mate.id == *peer)).collect()
        };
        gone.into_iter().for_each(|peer| self.dismiss(peer));
    }

    /// Everybody who may have it, but for one.
    pub(crate) fn mates_of(&self, peer: PeerId) -> Vec<Mate> {
        self.giving().guests.values().map(|guest| guest.mate.clone()).filter(|mate| mate.id != peer).collect()
    }

    /// Units that are here.
    pub(crate) fn held(&self) -> RangeSet {
        self.giving().held.clone()
    }

    /// A unit is here from now on.
    pub(crate) fn add(&self, unit: u32) {
        let mut giving = self.giving();
        let now = self.now();
        giving.held.insert_one(unit);
        giving.giver.handle_unit(unit, now);
        drop(giving);
        self.tell();
        self.wake.notify_one();
    }

    /// A unit came from somebody.
    pub(crate) fn came_from(&self, peer: PeerId, unit: u32) {
        let bytes = self.units.get(unit).map_or(0, |unit| unit.bytes());
        *self.came.lock().unwrap_or_else(PoisonError::into_inner).entry(peer).or_default() += u64::from(bytes);
    }

    /// Something changed that others are told of.
    pub(crate) fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// A guest wants to talk; a conversation from before is over. `None`: it is none.
    pub(crate) fn open(self: &Arc<Self>, peer: PeerId) -> Option<Conversation> {
        let mut giving = self.giving();
        let now = self.now();
        giving.conversations += 1;
        let number = giving.conversations;
        let Giving { giver, guests, .. } = &mut *giving;
        let guest = guests.get_mut(&peer)?;
        let gives = watch::Sender::new(false);
        let told = gives.subscribe();
        guest.stops = false;
        if guest.conversation.replace((number, gives)).is_some() {
            guest.waiting.clear();
            giver.handle_left(peer, now);
        }
        giver.handle_joined(peer, now);
        drop(giving);
        self.wake.notify_one();
        Some(Conversation { content: self.clone(), peer, number, gives: told })
    }

    /// What a guest has.
    pub(crate) fn handle_have(&self, peer: PeerId, units: &RangeSet) {
        let mut giving = self.giving();
        let now = self.now();
        giving.giver.handle_have(peer, units.iter(), now);
        if let Some(guest) = giving.guests.get_mut(&peer) {
            units.ranges().for_each(|run| guest.has.insert(run));
            if let Some(sent) = &guest.sent {
                self.show_sent(&guest.has, units, &mut sent.lock().unwrap_or_else(PoisonError::into_inner));
            }
        }
        drop(giving);
        self.wake.notify_one();
    }

    /// What a receiver has counts as sent, whoever sent it.
    fn show_sent(&self, has: &RangeSet, news: &RangeSet, sent: &mut Sent) {
        for unit in news.iter().filter_map(|unit| self.units.get(unit)) {
            let size = |entry: u32| self.manifest.entry(EntryIndex(entry)).map(|entry| entry.kind).filter(EntryKind::is_file);
            for entry in unit.entries() {
                let Some(kind) = size(entry) else { continue };
                let piece = if let Unit::Piece { piece, .. } = unit { piece } else { PieceIndex(0) };
                sent.piece(EntryIndex(entry), kind.size(), piece);
                if matches!(unit, Unit::Piece { .. }) && has.contains_range(self.units.of_entry(EntryIndex(entry))) {
                    sent.root(EntryIndex(entry));
                }
            }
        }
    }

    /// A guest wants a unit. What it gets comes through the channel, once it is its turn; dropped, it has to wait for its next one.
    pub(crate) fn want(&self, peer: PeerId, want: &Want) -> Option<(oneshot::Receiver<Turn>, watch::Receiver<Control>)> {
        let mut giving = self.giving();
        let Giving { giver, guests, .. } = &mut *giving;
        let guest = guests.get_mut(&peer).filter(|guest| guest.conversation.is_some())?;
        let (turn, granted) = oneshot::channel();
        guest.waiting.retain(|(_, turn)| !turn.is_closed());
        if guest.waiting.len() < MAX_WAITING && guest.conversation.as_ref().is_some_and(|(_, gives)| *gives.borrow()) {
            guest.waiting.push_back((want.clone(), turn));
            match want {
                Want::Unit(unit) => giver.handle_ask(peer, *unit),
                Want::Any(except) => giver.handle_ask_any(peer, except.to_vec()),
            }
        }
        let control = guest.control.clone();
        drop(giving);
        self.wake.notify_one();
        Some((granted, control))
    }

    /// A guest does not want a unit after all.
    pub(crate) fn unwant(&self, peer: PeerId, want: &Want) {
        if let Want::Unit(unit) = want {
            self.giving().giver.handle_cancel(peer, *unit);
        }
        self.wake.notify_one();
    }

    /// Does what there is to do: tells guests that they may ask, and has units sent.
    fn give(self: &Arc<Self>) {
        // Dropped when the lock is free again.
        let mut refused = Vec::new();
        let mut giving = self.giving();
        let now = self.now();
        loop {
            let has_room = giving.has_room(now);
            let Giving { giver, guests, .. } = &mut *giving;
            let next = giver.poll().or_else(|| if has_room { giver.give(now) } else { None });
            match next {
                None => return,
                Some(Gift::Gives { peer, gives }) => {
                    let Some(guest) = guests.get_mut(&peer) else { continue };
                    if gives || guest.sending.is_empty() {
                        guest.tell(gives);
                    } else {
                        guest.stops = true;
                    }
                }
                Some(Gift::Give { peer, unit, chosen }) => {
                    let turn = guests.get_mut(&peer).and_then(|guest| {
                        let fits = |want: &Want| if chosen { matches!(want, Want::Any(_)) } else { *want == Want::Unit(unit) };
                        let at = guest.waiting.iter().position(|(want, _)| fits(want))?;
                        let turn = guest.waiting.remove(at);
                        if turn.is_some() {
                            let bytes = self.units.get(unit).map_or(0, |unit| unit.bytes());
                            guest.sending.insert(unit, Sending { at: now, bytes });
                        }
                        turn
                    });
                    let granted = turn.map(|(_, turn)| turn.send(Turn { content: self.clone(), peer, unit }));
                    if !matches!(granted, Some(Ok(()))) {
                        // It is not wanted any more.
                        giver.handle_cancel(peer, unit);
                        refused.push(granted);
                    }
                }
            }
        }
    }

    /// The frames of a unit; reads the disk. Of the origin's, the hashes become known.
    pub(crate) fn read(&self, number: u32) -> Option<Vec<Bytes>> {
        let unit = self.units.get(number)?;
        match &self.source {
            Source::Offered(reader) => {
                let (blocks, hashes) = read_offered(reader, unit);
                if !self.known.knows(number) && self.known.learn(&self.manifest, &self.units, number, &hashes) {
                    self.tell();
                }
                Some(blocks)
            }
            Source::Held(held) => Some(held.read(unit, &self.known.get(number)?)),
        }
    }

    fn giving(&self) -> MutexGuard<'_, Giving> {
        self.giving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_offered(reader: &Mutex<Reader>, unit: Unit) -> (Vec<Bytes>, Vec<Hash>) {
    let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
    let mut fetching = Fetching::new(vec![unit.item()]);
    let (mut blocks, mut more) = (Vec::new(), true);
    while more {
        let (block, follows) = reader.next(&mut fetching);
        blocks.push(block.into());
        more = follows;
    }
    (blocks, reader.take_hashes())
}
