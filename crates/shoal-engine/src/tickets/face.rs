//! The engine's face for tickets.

use super::{NewTicket, OwnTicket, TicketId, rooted::Rooting, table};
use crate::{
    Consent, Engine, Event, SendError, TicketError, Transfer,
    engine::Inner,
    links::is_local,
    store::database::TicketRecord,
    transfer::{send::Prepared, shared::MANIFESTS_KIB, transfers::blocking},
};
use shoal_proto::{
    Ticket, display,
    share::Few,
    ticket::{MAX_ADDRESSES, MAX_TRACKERS, Secret},
};
use std::{
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio_util::sync::CancellationToken;

/// Progress is told at most this often.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// A clock that was set is noticed after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

impl Engine {
    /// Begins to make a ticket of files and folders, all of which is read. How far it is comes as [`Event::MakingTicket`], its end as
    /// [`Event::TicketMade`] or [`Event::TicketFailed`]. Returns its number. The oldest of more than 16 ends.
    pub fn begin_ticket(&self, new: NewTicket) -> u64 {
        let (making, wanted) = self.inner.making.begin();
        let (engine, transfers) = (self.clone(), self.inner.transfers.clone());
        self.inner.transfers.tasks.spawn(async move {
            let tell = |bytes_done, bytes| transfers.emit(Event::MakingTicket { making, bytes_done, bytes });
            let made = engine.make_ticket(new, &wanted, &tell).await;
            engine.inner.making.stop(making);
            match made {
                Ok(ticket) => transfers.emit(Event::TicketMade { making, ticket }),
                Err(error) => transfers.emit(Event::TicketFailed { making, error: error.to_string() }),
            }
        });
        making
    }

    /// Stops making a ticket.
    pub fn stop_ticket(&self, making: u64) {
        self.inner.making.stop(making);
    }

    /// Makes a ticket.
    ///
    /// # Errors
    /// [`TicketError`]
    pub async fn create_ticket(&self, new: NewTicket) -> Result<OwnTicket, TicketError> {
        self.make_ticket(new, &CancellationToken::new(), &|_, _| {}).await
    }

    async fn make_ticket(
        &self,
        new: NewTicket,
        wanted: &CancellationToken,
        tell: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<OwnTicket, TicketError> {
        self.inner.tickets.has_room()?;
        if new.expires.is_some_and(|expires| table::seconds(expires) <= table::now()) {
            return Err(TicketError::Past);
        }
        if new.trackers.len() > MAX_TRACKERS {
            return Err(TicketError::TooManyTrackers { limit: MAX_TRACKERS });
        }
        // However this ends, reading does.
        let stop = self.inner.cancel.child_token();
        let _stopping = stop.clone().drop_guard();
        let record = tokio::select! {
            record = self.recorded(new, &stop, tell) => record?,
            () = wanted.cancelled() => return Err(TicketError::Cancelled),
        };
        Ok(self.ticket_picture(record))
    }

    async fn recorded(
        &self,
        new: NewTicket,
        stop: &CancellationToken,
        tell: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<TicketRecord, TicketError> {
        let inner = &self.inner;
        let prepared = Prepared::scan(new.paths, inner.database.clone(), stop.clone()).await?;
        let (name, listed, sources) = prepared.into_parts();
        let listed = listed.ok_or(TicketError::Send(SendError::Nothing))?;
        let (done, bytes) = (Arc::new(AtomicU64::new(0)), listed.bytes());
        let (database, from, stop, counted) = (inner.database.clone(), sources.clone(), stop.clone(), done.clone());
        let mut hashing = pin!(blocking(move || {
            let is_cancelled = || stop.is_cancelled();
            let manifest =
                Rooting { database: &database, sources: &from, done: &counted, is_cancelled: &is_cancelled }.root(&listed)?;
            let is_short = manifest.encoded().len() / 1024 < MANIFESTS_KIB as usize;
            if is_short { Ok(manifest) } else { Err(TicketError::TooLarge) }
        }));
        let manifest = loop {
            tokio::select! {
                manifest = &mut hashing => break manifest?,
                () = tokio::time::sleep(TELL_EVERY) => tell(done.load(Ordering::Relaxed), bytes),
            }
        };
        let record = TicketRecord {
            id: TicketId(rand::random()),
            name,
            secret: Secret(rand::random()),
            lan_only: new.lan_only,
            trackers: new.trackers,
            expires: new.expires.map(table::seconds),
            created: SystemTime::now(),
            used: 0,
            outdated: false,
            root: manifest.id(),
            files: manifest.files(),
            bytes: manifest.bytes(),
            sources,
        };
        let (tickets, kept) = (inner.tickets.clone(), record.clone());
        blocking(move || tickets.add(kept, &manifest)).await?;
        Ok(record)
    }

    /// The tickets that this device made and that are good, the newest first.
    pub fn tickets(&self) -> Vec<OwnTicket> {
        self.inner.tickets.list().into_iter().map(|record| self.ticket_picture(record)).collect()
    }

    /// The ticket that an id or the beginning of one (4 characters or more) means.
    ///
    /// # Errors
    /// [`TicketError::NotFound`].
    pub fn find_ticket(&self, id: &str) -> Result<TicketId, TicketError> {
        self.inner.tickets.find(id)
    }

    /// Makes a ticket good for nothing, from this second on. The files stay as they are.
    ///
    /// # Errors
    /// [`TicketError::NotFound`], [`TicketError::Store`].
    pub async fn remove_ticket(&self, id: TicketId) -> Result<(), TicketError> {
        let was_there = self.inner.end_ticket(id).await?;
        if was_there { Ok(()) } else { Err(TicketError::NotFound(id.to_string())) }
    }

    /// Fetches what a ticket is of, unasked; a stranger who gives it stays one.
    ///
    /// # Errors
    /// [`TicketError`]
    pub async fn fetch_ticket(&self, ticket: &Ticket, consent: Consent) -> Result<Transfer, TicketError> {
        self.inner.opener.open(ticket, Some(consent)).await
    }

    /// Looks at what a ticket is of: an offer that waits here, whose entries can be listed, and which is accepted, all or a part, or declined.
    ///
    /// # Errors
    /// [`TicketError`]
    pub async fn preview_ticket(&self, ticket: &Ticket) -> Result<Transfer, TicketError> {
        self.inner.opener.open(ticket, None).await
    }

    /// An own ticket as it is handed on: with the addresses of now.
    fn ticket_picture(&self, record: TicketRecord) -> OwnTicket {
        let mut addresses = self.addresses();
        addresses.retain(|address| is_told(*address, record.lan_only));
        addresses.truncate(MAX_ADDRESSES);
        let addresses = Few::try_from(addresses).expect("there are no more than fit");
        OwnTicket {
            id: record.id,
            ticket: Ticket { addresses, ..record.ticket(self.id()) },
            name: display::shown(&record.name),
            files: record.files,
            bytes: record.bytes,
            paths: record.sources.into_iter().map(|(_, path)| path).collect(),
            created: record.created,
            used: record.used,
            is_outdated: record.outdated,
        }
    }
}

/// Whether an address is of use to others: one of a link alone says nothing without the name of the link.
fn is_told(address: SocketAddr, lan_only: bool) -> bool {
    let is_of_link = matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local());
    !is_of_link && (!lan_only || is_local(address.ip()))
}

impl Inner {
    /// A ticket and what goes on by it end. `false`: there was none.
    async fn end_ticket(&self, id: TicketId) -> Result<bool, TicketError> {
        let (tickets, ending) = (self.tickets.clone(), self.tickets.get(id));
        let was_there = blocking(move || tickets.remove(id)).await?;
        self.transfers.end_ticket(id);
        ending.iter().for_each(|record| self.giver.end(record));
        Ok(was_there)
    }
}

/// Ends tickets when their time has come, and tells front ends that the list is another.
pub(crate) async fn watch_tickets(engine: Arc<Inner>) {
    let mut changes = engine.tickets.changes();
    loop {
        let (over, next) = engine.tickets.expired(table::now());
        for id in over {
            if let Err(error) = engine.end_ticket(id).await {
                // It is good for nobody all the same.
                tracing::error!(%error, "a link that expired is not forgotten");
                engine.transfers.end_ticket(id);
            }
        }
        let until = next.map_or(LOOK_AGAIN, |next| Duration::from_secs(next.saturating_sub(table::now())).min(LOOK_AGAIN));
        tokio::select! {
            changed = changes.changed() => match changed {
                Ok(()) => engine.transfers.emit(Event::TicketsChanged),
                Err(_) => return,
            },
            // The clock counts whole seconds here: never a busy loop at the end of one.
            () = tokio::time::sleep(until.max(TELL_EVERY)) => {}
        }
    }
}
