//! All transfers of an engine: their rows, events about them, and what they share. What people do to them is in
//! [`super::steering`].

use super::{
    Direction, Limits, State, Transfer,
    entries::Outlines,
    limit::Limit,
    live::{Control, Live, Row},
    receive, send,
    shared::{MANIFESTS_KIB, ShareRights, Wanted},
};
use crate::{
    AcceptRule, Event,
    discovery::devices::Devices,
    error::TransferError,
    links::Links,
    store::database::{Database, TransferRecord},
    swarm::table::Swarms,
};
use shoal_proto::{PeerId, display, message::TransferId};
use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Semaphore, SemaphorePermit, broadcast, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Receiving transfers that move content at once; the rest wait for their turn.
const MAX_ACTIVE: usize = 8;

/// Memory for manifests of offers that unverified devices made and nobody answered, in KiB: some 200,000 files.
/// The system's allocator keeps several times as much of what was freed.
pub(crate) const PENDING_MANIFESTS_KIB: usize = 8 * 1024;

/// Memory for manifests of receiving transfers that move content at once, in KiB. A longer one has it for itself.
const ACTIVE_MANIFESTS_KIB: u32 = 8 * 1024;

/// Offers that wait for an answer, of everybody and of one peer: a person's attention is bounded.
const MAX_WAITING: usize = 64;
const MAX_WAITING_PER_PEER: usize = 8;

/// Receiving transfers that are not over, of everybody and of one peer: a peer that is accepted without a question must not
/// heap them up.
const MAX_RECEIVING: usize = 1024;
const MAX_RECEIVING_PER_PEER: usize = 256;

/// Declined offers that are remembered until their senders heard it.
const MAX_DECLINED: usize = 64;

/// Characters of a transfer's id that name it, at least.
const MIN_ID_PREFIX: usize = 4;

/// Everything that transfers share.
#[derive(Debug)]
pub(crate) struct Transfers {
    pub(crate) database: Arc<Database>,
    pub(crate) links: Arc<Links>,
    pub(crate) devices: Arc<Devices>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) up: Limit,
    pub(crate) down: Limit,
    slots: Semaphore,
    queued: AtomicUsize,
    pub(crate) pending_manifests: Arc<Semaphore>,
    active_manifests: Semaphore,
    pub(super) shared_manifests: Arc<Semaphore>,
    waiting: Mutex<HashMap<PeerId, usize>>,
    rules: Mutex<Rules>,
    pub(crate) tasks: TaskTracker,
    pub(crate) cancel: CancellationToken,
    rows: Mutex<HashMap<TransferId, Arc<Live>>>,
    /// Offers that a person declined and whose senders may not have heard it, latest last.
    declined: Mutex<VecDeque<TransferId>>,
    /// What was asked for and is not offered yet.
    wanted: Mutex<HashMap<TransferId, Wanted>>,
    pub(super) rights: Arc<dyn ShareRights>,
    limits: Mutex<Limits>,
    pub(super) outlines: Outlines,
    pub(crate) swarms: Swarms,
    /// Held while a transfer that is over is taken up again: two that want it at once must not make it run twice.
    taking_up: Mutex<()>,
}

/// What transfers need from the engine.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) database: Arc<Database>,
    pub(crate) links: Arc<Links>,
    pub(crate) devices: Arc<Devices>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) accept_rule: AcceptRule,
    pub(crate) inbox: PathBuf,
    pub(crate) rights: Arc<dyn ShareRights>,
    pub(crate) cancel: CancellationToken,
}

/// What a person can change about offers.
#[derive(Debug)]
struct Rules {
    accept: AcceptRule,
    inbox: PathBuf,
}

/// Counts who waits for a place, until dropped.
struct Queued<'a>(&'a AtomicUsize);

impl<'a> Queued<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An offer that waits for an answer, until dropped.
#[derive(Debug)]
pub(crate) struct WaitingOffer {
    transfers: Arc<Transfers>,
    peer: PeerId,
}

impl Drop for WaitingOffer {
    fn drop(&mut self) {
        let mut waiting = self.transfers.waiting();
        if let Entry::Occupied(mut of_peer) = waiting.entry(self.peer) {
            *of_peer.get_mut() -= 1;
            if *of_peer.get() == 0 {
                of_peer.remove();
            }
        }
    }
}

impl Transfers {
    pub(crate) fn new(surroundings: Surroundings) -> Arc<Self> {
        let Surroundings { database, links, devices, events, accept_rule, inbox, rights, cancel } = surroundings;
        Arc::new(Self {
            database,
            links,
            devices,
            events,
            up: Limit::default(),
            down: Limit::default(),
            slots: Semaphore::new(MAX_ACTIVE),
            queued: AtomicUsize::new(0),
            pending_manifests: Arc::new(Semaphore::new(PENDING_MANIFESTS_KIB)),
            active_manifests: Semaphore::new(ACTIVE_MANIFESTS_KIB as usize),
            shared_manifests: Arc::new(Semaphore::new(MANIFESTS_KIB as usize)),
            waiting: Mutex::default(),
            rules: Mutex::new(Rules { accept: accept_rule, inbox }),
            tasks: TaskTracker::new(),
            cancel,
            rows: Mutex::default(),
            declined: Mutex::default(),
            wanted: Mutex::default(),
            rights,
            limits: Mutex::default(),
            outlines: Outlines::default(),
            swarms: Swarms::default(),
            taking_up: Mutex::default(),
        })
    }

    /// Takes up the transfers that were not over when the engine stopped.
    pub(crate) fn restore(self: &Arc<Self>) -> Result<(), TransferError> {
        for record in self.database.transfers().map_err(recording)? {
            if !record.state.is_over() {
                let (id, share, ticket) = (record.id, record.own_share(), record.own_ticket);
                self.look_for_holders(&record);
                self.start(record);
                // Removed before it could be heard.
                let has_no_share = share.is_some_and(|share| !self.rights.is_there(share));
                if has_no_share || ticket.is_some_and(|ticket| !self.rights.has_ticket(ticket)) {
                    self.cancel(id)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn start(self: &Arc<Self>, record: TransferRecord) {
        self.start_with(record, false);
    }

    /// `retry`: a sender asks the receiver to try again what failed.
    pub(super) fn start_with(self: &Arc<Self>, mut record: TransferRecord, retry: bool) {
        if record.state == State::Active {
            record.enter(State::Interrupted);
        }
        let direction = record.direction;
        let is_text = record.text.is_some();
        let (live, renewed) = Live::new(record, None);
        live.row().retry = retry;
        if direction == Direction::Send {
            self.restore_sent(&live);
        }
        let live = self.insert(live);
        match direction {
            // Accepted, and whole since then.
            Direction::Receive if is_text => self.enter(&live, State::Finished, None),
            Direction::Send => drop(self.tasks.spawn(send::run(self.clone(), live))),
            Direction::Receive => drop(self.tasks.spawn(receive::run(self.clone(), live, renewed, None))),
        }
    }

    pub(crate) fn insert(&self, live: Live) -> Arc<Live> {
        let live = Arc::new(live);
        self.rows().insert(live.id, live.clone());
        live
    }

    pub(crate) fn remove(&self, id: TransferId) {
        self.rows().remove(&id);
    }

    /// The live row of a transfer.
    pub(crate) fn live(&self, id: TransferId) -> Option<Arc<Live>> {
        self.rows().get(&id).cloned()
    }

    /// Puts a transfer into the table, unless there is one of that id.
    pub(crate) fn insert_new(&self, live: Live) -> Option<Arc<Live>> {
        match self.rows().entry(live.id) {
            Entry::Occupied(_) => None,
            Entry::Vacant(place) => Some(place.insert(Arc::new(live)).clone()),
        }
    }

    /// A place among the offers that wait for an answer, from before their manifest is read; `None`: there are too many.
    pub(crate) fn admit_offer(self: &Arc<Self>, peer: PeerId) -> Option<WaitingOffer> {
        if !self.may_receive_more(peer) {
            return None;
        }
        let mut waiting = self.waiting();
        let all: usize = waiting.values().sum();
        let of_peer = waiting.get(&peer).copied().unwrap_or(0);
        if all >= MAX_WAITING || of_peer >= MAX_WAITING_PER_PEER {
            return None;
        }
        waiting.insert(peer, of_peer + 1);
        Some(WaitingOffer { transfers: self.clone(), peer })
    }

    /// One more receiving transfer of a peer is within the bounds.
    pub(super) fn may_receive_more(&self, peer: PeerId) -> bool {
        let receiving: Vec<PeerId> =
            self.rows().values().filter(|live| live.direction == Direction::Receive).map(|live| live.peer).collect();
        let of_peer = receiving.iter().filter(|of| **of == peer).count();
        receiving.len() < MAX_RECEIVING && of_peer < MAX_RECEIVING_PER_PEER
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<PeerId, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place among the receiving transfers that move content.
    pub(crate) async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        if let Ok(slot) = self.slots.try_acquire() {
            return Some(slot);
        }
        let _queued = Queued::new(&self.queued);
        // Never closed.
        self.slots.acquire().await.ok()
    }

    /// Content moves at this moment, either way.
    pub(crate) fn is_moving(&self) -> bool {
        self.rows().values().any(|live| live.state() == State::Active)
    }

    /// Somebody waits for a place.
    pub(crate) fn is_slot_wanted(&self) -> bool {
        self.queued.load(Ordering::Relaxed) > 0
    }

    /// Memory for a manifest of `len` bytes while its transfer moves content.
    pub(crate) async fn manifest_memory(&self, len: u64) -> Option<SemaphorePermit<'_>> {
        let kib = u32::try_from(len / 1024 + 1).unwrap_or(u32::MAX).min(ACTIVE_MANIFESTS_KIB);
        // Never closed.
        self.active_manifests.acquire_many(kib).await.ok()
    }

    pub(crate) fn was_declined(&self, id: TransferId) -> bool {
        self.declined().contains(&id)
    }

    pub(crate) fn remember_declined(&self, id: TransferId) {
        let mut declined = self.declined();
        declined.retain(|other| *other != id);
        declined.push_back(id);
        if declined.len() > MAX_DECLINED {
            declined.pop_front();
        }
    }

    pub(crate) fn forget_declined(&self, id: TransferId) {
        self.declined().retain(|other| *other != id);
    }

    fn declined(&self) -> MutexGuard<'_, VecDeque<TransferId>> {
        self.declined.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wanted(&self) -> MutexGuard<'_, HashMap<TransferId, Wanted>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn taking_up(&self) -> MutexGuard<'_, ()> {
        self.taking_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn rows(&self) -> MutexGuard<'_, HashMap<TransferId, Arc<Live>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The picture of a transfer for front ends.
    pub(crate) fn picture(&self, live: &Live) -> Transfer {
        live.picture(self.devices.name(live.peer))
    }

    pub(crate) fn emit(&self, event: Event) {
        // Nobody listening is no error.
        let _ = self.events.send(event);
    }

    /// Puts a transfer into a state, keeps that, and tells front ends. A row that is over stays so.
    pub(crate) fn enter(&self, live: &Live, state: State, error: Option<String>) {
        let (record, took) = {
            let mut row = live.row();
            if row.record.state == state && row.record.error == error || row.record.state.is_over() && state.is_over() {
                return;
            }
            row.enter(state, error.clone());
            (row.record.clone(), row.took())
        };
        if let Err(error) = self.database.update_transfer(&record) {
            tracing::error!(transfer = %live.id, %error, "the transfer's state is not recorded");
        }
        if live.direction == Direction::Send && state != State::Active {
            self.keep_sent(live);
        }
        let picture = self.picture(live);
        self.emit(Event::Transfer(picture.clone()));
        match state {
            State::Finished => self.emit(Event::Finished { transfer: picture, took }),
            State::Interrupted => {
                self.emit(Event::Interrupted { transfer: live.id, reason: error.unwrap_or_default() });
            }
            State::Failed | State::Cancelled | State::Declined => {
                let error = error.unwrap_or_else(|| format!("{} was {}", picture.name, state_text(state)));
                self.emit(Event::Failed { transfer: picture, error });
            }
            State::Waiting | State::Active | State::Paused => {}
        }
        if state.is_over() {
            self.remove(live.id);
        }
    }

    /// Changes a row and keeps it, without an event.
    pub(crate) fn keep(&self, live: &Live, change: impl FnOnce(&mut Row)) {
        let record = {
            let mut row = live.row();
            change(&mut row);
            row.record.clone()
        };
        if let Err(error) = self.database.update_transfer(&record) {
            tracing::error!(transfer = %live.id, %error, "the transfer is not recorded");
        }
    }

    /// Tells front ends how far a transfer is.
    pub(crate) fn tell_progress(&self, live: &Live) {
        self.emit(Event::Progress(self.picture(live)));
    }

    /// Rows that are not over; with `all`, the ended ones too. Newest first.
    pub(crate) async fn list(self: &Arc<Self>, all: bool) -> Result<Vec<Transfer>, TransferError> {
        let this = self.clone();
        let records = blocking(move || this.database.transfers()).await.map_err(recording)?;
        let mut live: HashMap<TransferId, Arc<Live>> = self.rows().clone();
        let mut list = Vec::new();
        let mut ended = Vec::new();
        for record in records {
            match live.remove(&record.id) {
                Some(live) => list.push(self.picture(&live)),
                None if all => {
                    let name = self.devices.name(record.peer);
                    ended.push(Live::new(record, None).0.picture(name));
                }
                None => {}
            }
        }
        // What is left was never recorded: offers that nobody answered yet, newer than all else.
        let mut offers: Vec<Transfer> = live.values().map(|live| self.picture(live)).collect();
        offers.sort_by_key(|offer| offer.id);
        offers.extend(list);
        offers.extend(ended);
        Ok(offers)
    }

    /// What is live now, for a snapshot.
    pub(crate) fn live_pictures(&self) -> Vec<Transfer> {
        let rows: Vec<Arc<Live>> = self.rows().values().cloned().collect();
        rows.iter().map(|live| self.picture(live)).collect()
    }

    pub(crate) async fn find(self: &Arc<Self>, id: &str) -> Result<TransferId, TransferError> {
        let not_found = || TransferError::NotFound(display::shown(id));
        if let Ok(id) = id.parse() {
            return Ok(id);
        }
        if id.len() < MIN_ID_PREFIX {
            return Err(not_found());
        }
        let prefix = id.to_ascii_lowercase();
        let mut fits =
            self.list(true).await?.into_iter().map(|transfer| transfer.id).filter(|id| id.to_string().starts_with(&prefix));
        match (fits.next(), fits.next()) {
            (Some(id), None) => Ok(id),
            _ => Err(not_found()),
        }
    }

    pub(crate) fn accept_rule(&self) -> AcceptRule {
        self.rules().accept
    }

    pub(crate) fn set_accept_rule(&self, accept: AcceptRule) {
        self.rules().accept = accept;
    }

    /// Where accepted files go by default.
    pub(crate) fn inbox(&self) -> PathBuf {
        self.rules().inbox.clone()
    }

    pub(crate) fn set_inbox(&self, inbox: PathBuf) {
        self.rules().inbox = inbox;
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn limits(&self) -> Limits {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_limits(&self, limits: Limits) {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = limits;
        self.up.set(limits.up);
        self.down.set(limits.down);
    }

    /// Ends every task, keeping what resuming needs.
    pub(crate) async fn shutdown(&self) {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A transfer id that nobody can guess.
pub(crate) fn new_id() -> TransferId {
    TransferId(rand::random())
}

/// Runs disk work off the runtime's own threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        // A panic goes on where it is awaited; nobody cancels blocking tasks.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Waits, unless woken or cancelled: `false` when the engine shuts down.
pub(crate) async fn pause_for(live: &Live, cancel: &CancellationToken, wait: Duration) -> bool {
    let mut control = live.control.subscribe();
    tokio::select! {
        // Whoever cancels may have been heard and woken somebody else before.
        _ = control.wait_for(|wanted| *wanted == Control::Cancel) => true,
        () = cancel.cancelled() => false,
        () = live.wake.notified() => true,
        () = tokio::time::sleep(wait) => true,
    }
}

pub(crate) fn answer_channel(live: &Live) -> oneshot::Receiver<()> {
    let (answer, answered) = oneshot::channel();
    *live.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    answered
}

pub(super) fn recording(error: impl std::fmt::Display) -> TransferError {
    TransferError::Store(error.to_string())
}

pub(crate) const fn state_text(state: State) -> &'static str {
    match state {
        State::Waiting => "waiting",
        State::Active => "active",
        State::Paused => "paused",
        State::Interrupted => "interrupted",
        State::Finished => "finished",
        State::Failed => "failed",
        State::Cancelled => "cancelled",
        State::Declined => "declined",
    }
}
