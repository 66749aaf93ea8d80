//! Transfers that were asked for: out of shares, or by tickets. For the one who has it they are sendings that somebody else asked for, bound to
//! the share or the ticket and to the right to it; for the asker they are offers that were asked for, so that nobody is asked.

use super::{
    Consent, Direction,
    added::Spot,
    live::Live,
    send::{self, Prepared},
    transfers::{Transfers, blocking},
};
use crate::{
    Event,
    connection::Connection,
    error::TransferError,
    store::database::{FileFailure, TransferRecord},
    tickets::TicketId,
};
use shoal_proto::{
    Manifest, PeerId, Ticket, display,
    message::TransferId,
    share::{Place, ShareId},
};
use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Sendings out of shares that are not over, of everybody and of one peer.
const MAX_SHARED: usize = 256;
const MAX_SHARED_PER_PEER: usize = 32;

/// Memory for lists of sendings out of shares whose askers are there, in KiB: some 1,500,000 files.
pub(crate) const MANIFESTS_KIB: u32 = 64 * 1024;

/// Ended sendings out of shares that are shown. Whoever may read asks as often as it likes: it must not push out what people did here.
pub(crate) const MAX_SHARED_HISTORY: u32 = 200;

/// How long a transfer that is bound to an own share waits for the peer who wants it. One that comes back later asks anew.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Who may still do what with a share. Asked before every fetch, and before every addition.
pub(crate) trait ShareRights: fmt::Debug + Send + Sync {
    /// The peer at the other end may, as things are now.
    fn may_read(&self, connection: &Connection, share: ShareId) -> bool;

    /// As much, for adding files.
    fn may_add(&self, connection: &Connection, share: ShareId) -> bool;

    /// The place that the peer at the other end may add to, as things are now; `None`: for it there is no such place. Looks at the disk.
    fn spot(&self, connection: &Connection, place: &Place) -> Option<Spot>;

    /// There is such a share, whoever it is for.
    fn is_there(&self, share: ShareId) -> bool;

    /// Whoever had a ticket of this device at the other end may fetch by it, as things are now.
    fn may_use(&self, connection: &Connection, ticket: TicketId) -> bool;

    /// There is such a ticket of this device.
    fn has_ticket(&self, ticket: TicketId) -> bool;

    /// Somebody takes something by a ticket of this device.
    fn used(&self, ticket: TicketId);

    /// A file that a ticket is of is gone, or another.
    fn outdated(&self, ticket: TicketId);
}

/// What became of a wish for parts of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SharedOffer {
    /// It is offered.
    Made,
    /// There is too much of this under way, or the id is taken.
    Busy,
    /// The list of what was asked for is longer than any that is kept at hand.
    TooLarge,
}

/// Something that was asked for and will be offered.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Of whom.
    pub(crate) peer: PeerId,
    /// What.
    pub(crate) source: Source,
    /// Where to, and what of it; `None`: a person looks at it first.
    pub(crate) consent: Option<Consent>,
    /// Hears what became of it.
    pub(crate) answered: oneshot::Sender<Result<(), TransferError>>,
}

/// By what right something was asked for.
#[derive(Debug)]
pub(crate) enum Source {
    /// It is in a share.
    Share {
        /// Which.
        share: ShareId,
        /// The names at the top of what is offered: no others are taken.
        names: BTreeSet<String>,
    },
    /// This device has the ticket.
    Ticket(Ticket),
}

impl Source {
    /// Whether an offer holds what was asked for, and nothing else.
    pub(crate) fn is_met_by(&self, manifest: &Manifest) -> bool {
        match self {
            Self::Share { names, .. } => {
                let tops = manifest.entries().filter(|(_, entry)| entry.path.depth() == 1);
                tops.map(|(_, entry)| entry.path).all(|path| names.contains(path.as_str()))
            }
            Self::Ticket(ticket) => manifest.id() == ticket.root,
        }
    }

    /// Makes a transfer one that was asked for here.
    pub(super) fn bind(&self, record: &mut TransferRecord) {
        match self {
            Self::Share { share, .. } => record.share = Some(*share),
            Self::Ticket(ticket) => record.ticket = Some(ticket.clone()),
        }
    }
}

impl Transfers {
    /// Offers parts of a share, or what a ticket is of, as the transfer that the asker made up.
    ///
    /// # Errors
    /// The database.
    pub(crate) async fn offer_shared(
        self: &Arc<Self>,
        id: TransferId,
        peer: PeerId,
        prepared: Prepared,
    ) -> Result<SharedOffer, TransferError> {
        let kib = prepared.manifest.as_ref().map_or(0, manifest_kib);
        if kib > MANIFESTS_KIB {
            return Ok(SharedOffer::TooLarge);
        }
        if !self.make_room_for(peer) {
            return Ok(SharedOffer::Busy);
        }
        let Ok(memory) = self.shared_manifests.clone().try_acquire_many_owned(kib) else { return Ok(SharedOffer::Busy) };
        let this = self.clone();
        // To its end, whoever stops waiting for it: a row without a task would stay for ever.
        let making = self.tasks.spawn(async move { this.make_offer(id, peer, prepared, memory).await });
        making.await.unwrap_or(Ok(SharedOffer::Busy))
    }

    async fn make_offer(
        self: Arc<Self>,
        id: TransferId,
        peer: PeerId,
        prepared: Prepared,
        memory: OwnedSemaphorePermit,
    ) -> Result<SharedOffer, TransferError> {
        let this = self.clone();
        let known = blocking(move || this.database.transfer(id)).await.map_err(super::transfers::recording)?;
        let record = prepared.record(id, peer);
        let live = Live::new(record.clone(), prepared.manifest.clone()).0;
        live.row().memory = Some(memory);
        // The id is the asker's: it must not get at another transfer by it.
        let Some(live) = known.is_none().then(|| self.insert_new(live)).flatten() else { return Ok(SharedOffer::Busy) };
        let (this, manifest) = (self.clone(), prepared.manifest);
        if let Err(error) = blocking(move || this.database.add_transfer(&record, manifest.as_ref(), None)).await {
            self.remove(id);
            return Err(super::transfers::recording(error));
        }
        self.emit(Event::Offered(self.picture(&live)));
        self.tasks.spawn(send::run(self.clone(), live));
        Ok(SharedOffer::Made)
    }

    /// Whether one more sending out of shares may begin for a peer. One whose asker is away gives way, the oldest first.
    fn make_room_for(&self, peer: PeerId) -> bool {
        let rows: Vec<Arc<Live>> = self.rows().values().filter(|live| live.direction == Direction::Send).cloned().collect();
        let sending: Vec<Arc<Live>> = rows.into_iter().filter(|live| live.row().record.is_bound()).collect();
        let of_peer = sending.iter().filter(|live| live.peer == peer).count();
        if sending.len() < MAX_SHARED && of_peer < MAX_SHARED_PER_PEER {
            return true;
        }
        let connected = self.links.connected();
        let is_away = |live: &&Arc<Live>| !connected.iter().any(|connection| connection.peer() == live.peer);
        let may_go = |live: &&Arc<Live>| of_peer < MAX_SHARED_PER_PEER || live.peer == peer;
        let oldest = sending.iter().filter(may_go).filter(is_away).min_by_key(|live| live.row().record.changed);
        let Some(oldest) = oldest else { return false };
        self.cancel(oldest.id).is_ok()
    }

    /// Memory for the list of a sending out of a share while its asker is there: it waits for its turn.
    pub(super) async fn shared_memory(&self, live: &Live, manifest: &Manifest) {
        let is_due = {
            let row = live.row();
            live.direction == Direction::Send && row.record.is_bound() && row.memory.is_none()
        };
        if is_due {
            // Never closed.
            let kib = manifest_kib(manifest).min(MANIFESTS_KIB);
            let memory = self.shared_manifests.clone().acquire_many_owned(kib).await.ok();
            live.row().memory = memory;
        }
    }

    /// Whether a sending may go on over a connection: out of a share as long as the peer at the other end may read that, by a ticket as long
    /// as that is good.
    pub(super) fn may_send(&self, live: &Live, connection: &Connection) -> bool {
        let (share, ticket) = {
            let row = live.row();
            (row.record.share, row.record.own_ticket)
        };
        share.is_none_or(|share| self.rights.may_read(connection, share))
            && ticket.is_none_or(|ticket| self.rights.may_use(connection, ticket))
    }

    /// What is over of a share is asked for anew: its list is not kept, and only so many are shown.
    pub(super) async fn forget_shared(&self, live: &Live) {
        let (is_bound, ticket) = {
            let row = live.row();
            (row.record.is_bound(), row.record.own_ticket)
        };
        if !is_bound {
            return;
        }
        let has_changed = |reason: &FileFailure| matches!(reason, FileFailure::Gone | FileFailure::Changed);
        let sent = live.row().sent.clone();
        let is_outdated = sent.lock().unwrap_or_else(PoisonError::into_inner).failed.values().any(has_changed);
        if let Some(ticket) = ticket.filter(|_| is_outdated) {
            self.rights.outdated(ticket);
        }
        let (database, id) = (self.database.clone(), live.id);
        let forgotten = blocking(move || database.end_shared(id, MAX_SHARED_HISTORY)).await;
        if let Err(error) = forgotten {
            tracing::warn!(%error, "the list of what was fetched stays behind");
        }
    }

    /// Why a sending is over that may not go on.
    pub(super) fn not_shared_any_more(&self, live: &Live) -> String {
        let (name, offer) = (self.devices.name(live.peer), display::shown(&live.row().record.name));
        if live.row().record.own_ticket.is_some() {
            return format!("the link to {offer} was removed or has expired");
        }
        format!("{offer} is not shared with {name} any more")
    }

    /// Ends sendings whose asker may not read the share any more, and what is added by one who may not. One who is not connected is asked
    /// about when it is.
    pub(crate) fn end_shared(&self) {
        let connected = self.links.connected();
        for (live, share) in self.shared() {
            let may_go_on = |connection: &Connection| match live.direction {
                Direction::Send => self.rights.may_read(connection, share),
                Direction::Receive => self.rights.may_add(connection, share),
            };
            let of_peer = connected.iter().find(|connection| connection.peer() == live.peer);
            if of_peer.is_some_and(|connection| !may_go_on(connection)) {
                // One that ends by itself meanwhile is none to cancel.
                let _ = self.cancel(live.id);
            }
        }
    }

    /// Ends the sendings out of a share and what is added to it.
    pub(crate) fn end_share(&self, share: ShareId) {
        for (live, _) in self.shared().into_iter().filter(|(_, of)| *of == share) {
            let _ = self.cancel(live.id); // as above
        }
    }

    /// Ends the sendings by a ticket of this device.
    pub(crate) fn end_ticket(&self, ticket: TicketId) {
        let rows: Vec<Arc<Live>> = self.rows().values().cloned().collect();
        for live in rows.iter().filter(|live| live.row().record.own_ticket == Some(ticket)) {
            let _ = self.cancel(live.id); // as above
        }
    }

    /// Has the table of devices know where the holders may be of something that was asked for by a ticket: strangers are not remembered.
    pub(super) fn look_for_holders(&self, record: &TransferRecord) {
        if let Some(ticket) = &record.ticket {
            self.devices.sight(ticket);
        }
    }

    /// Waits until there is a point in reaching the other end. Whoever asked for something of a share here, or adds to it, comes back by
    /// itself: it is not dialled, and it is not waited for for ever. Others are reached at once.
    ///
    /// # Errors
    /// It did not come back, in words.
    pub(super) async fn until_wanted(&self, live: &Live) -> Result<(), String> {
        let (is_bound, since) = {
            let row = live.row();
            (row.record.is_bound(), row.record.changed)
        };
        let left = (since + KEPT_FOR).duration_since(SystemTime::now());
        while is_bound && !self.links.connected().iter().any(|connection| connection.peer() == live.peer) {
            let Ok(left) = left else { return Err(self.not_back(live)) };
            // Others need the room meanwhile.
            live.row().put_away();
            tokio::select! {
                // Told of every peer that connects.
                () = live.wake.notified() => {}
                () = tokio::time::sleep(left) => return Err(self.not_back(live)),
            }
        }
        Ok(())
    }

    fn not_back(&self, live: &Live) -> String {
        let (name, offer) = (self.devices.name(live.peer), display::shown(&live.row().record.name));
        format!("{name} did not come back for {offer} in {}", display::count(KEPT_FOR.as_secs() / (24 * 60 * 60), "day"))
    }

    /// Sendings out of own shares, and what is added to them, that are not over.
    pub(super) fn shared(&self) -> Vec<(Arc<Live>, ShareId)> {
        let live: Vec<_> = self.rows().values().cloned().collect();
        live.into_iter().filter_map(|live| Some((live.clone(), live.row().record.own_share()?))).collect()
    }

    /// Something will be offered.
    pub(crate) fn want(&self, id: TransferId, wanted: Wanted) {
        self.wanted().insert(id, wanted);
    }

    /// What was wanted of an offer, once; also when it is not wanted any more.
    pub(crate) fn take_wanted(&self, id: TransferId, peer: PeerId) -> Option<Wanted> {
        let mut wanted = self.wanted();
        if wanted.get(&id)?.peer == peer { wanted.remove(&id) } else { None }
    }
}

/// Memory that a list takes, in KiB.
fn manifest_kib(manifest: &Manifest) -> u32 {
    u32::try_from(manifest.encoded().len() / 1024 + 1).unwrap_or(u32::MAX)
}
