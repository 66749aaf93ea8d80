//! Answering what peers ask of this device's shares.
//!
//! Every answer begins with a lease ([`Table::lease`]) for the key at the other end, and ends when that is gone: rights, pauses, removals and
//! standings are looked at again whenever any of them changes. All disk work waits for one of a few places, so that a crowd of askers
//! takes no more than that from transfers.

mod get;
mod holds;
pub(crate) mod places;
mod read;
mod search;
mod thumb;

use places::Places;

use super::{
    index::Listing,
    listing::ListError,
    table::{Own, Table},
    thumbnails::Thumbnails,
};
use crate::{
    Trust,
    connection::Connection,
    discovery::devices::Devices,
    links::is_local,
    stream::{RecvStream, SendStream, StreamError, write_message},
    tickets::{TicketId, Tickets},
    transfer::{
        added::Spot,
        shared::ShareRights,
        transfers::{Transfers, blocking},
    },
};
use shoal_proto::{
    RelativePath,
    codec::MAX_MESSAGE,
    message::{CloseCode, Request},
    share::{
        Changed, Few, List, MAX_ASKS, Matching, Page, Pattern, Place, Share, ShareId, Shares, Watch,
        rights::{Access, Asker, Standing},
    },
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers that look at the disk or an index at once; the rest waits.
const MAX_WORKING: usize = 4;

/// Requests of everybody that are answered at once.
const MAX_ANSWERING: usize = 1024;

/// Lists for fetching that are made at once.
const MAX_WALKING: usize = 2;

/// Between two changes that an asker is told, at least.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// What answering takes.
#[derive(Debug)]
pub(crate) struct Server {
    table: Arc<Table>,
    devices: Arc<Devices>,
    transfers: Arc<Transfers>,
    working: Arc<Semaphore>,
    walking: Arc<Semaphore>,
    asks: Arc<Places>,
    reading: Arc<Places>,
    thumbnails: Thumbnails,
}

/// Why an answer ended early.
#[derive(Debug, thiserror::Error)]
enum AnswerError {
    /// It is not there for this peer.
    #[error("it is not shared with this peer")]
    NotShared,
    /// More is asked for than fits.
    #[error("too much is asked for at once")]
    TooMany,
    /// It could not be given at any time.
    #[error("more is asked for than can be offered as one")]
    TooLarge,
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl From<ListError> for AnswerError {
    fn from(_: ListError) -> Self {
        Self::NotShared
    }
}

impl Server {
    pub(crate) fn new(table: Arc<Table>, devices: Arc<Devices>, transfers: Arc<Transfers>, thumbnails: Thumbnails) -> Arc<Self> {
        Arc::new(Self {
            table,
            devices,
            transfers,
            working: Arc::new(Semaphore::new(MAX_WORKING)),
            walking: Arc::new(Semaphore::new(MAX_WALKING)),
            asks: Places::new(MAX_ASKS, MAX_ANSWERING),
            thumbnails,
            reading: Places::new(read::MAX_READING_PER_PEER, read::MAX_READING),
        })
    }

    /// Answers one request to its end.
    pub(crate) async fn answer(
        self: Arc<Self>,
        connection: Connection,
        request: Request,
        mut send: SendStream,
        recv: RecvStream,
    ) {
        let Some(_place) = Places::take(&self.asks, connection.peer()) else { return send.refuse(CloseCode::TooMany) };
        // Nothing follows the request, and an asker that has enough stops our half.
        drop(recv);
        let answered = {
            let answer = self.write(&connection, request, &mut send);
            tokio::select! {
                answered = answer => answered,
                () = self.transfers.cancel.cancelled() => return,
                _ = connection.closed() => return,
            }
        };
        match answered {
            Ok(()) => send.finish(),
            Err(AnswerError::NotShared) => send.refuse(CloseCode::NotShared),
            Err(AnswerError::TooMany) => send.refuse(CloseCode::TooMany),
            Err(AnswerError::TooLarge) => send.refuse(CloseCode::TooLarge),
            // The asker has enough, or is gone.
            Err(AnswerError::Stream(error)) => tracing::debug!(%error, "an answer was not wanted to its end"),
        }
    }

    async fn write(
        self: &Arc<Self>,
        connection: &Connection,
        request: Request,
        send: &mut SendStream,
    ) -> Result<(), AnswerError> {
        match request {
            Request::Shares => self.shares(connection, send).await,
            Request::List(list) => {
                let share = list.share;
                self.while_leased(connection, share, self.list(connection, list, send)).await
            }
            Request::Search(search) => self.search(connection, search, send).await,
            Request::Watch(watch) => {
                let share = watch.share;
                self.while_leased(connection, share, self.watch(connection, watch, send)).await
            }
            Request::Get(get) => {
                let share = get.share;
                self.while_leased(connection, share, self.get(connection, get)).await
            }
            Request::Read(read) => {
                let share = read.share;
                self.while_leased(connection, share, self.read(connection, read, send)).await
            }
            Request::Thumb(thumb) => {
                let share = thumb.share;
                self.while_leased(connection, share, self.thumb(connection, thumb, send)).await
            }
            Request::Holds(holdings) => self.holds(connection, holdings, send).await,
            // Others are answered elsewhere.
            _ => Err(AnswerError::NotShared),
        }
    }

    fn asker(&self, connection: &Connection) -> Asker {
        asker(&self.devices, connection)
    }

    fn lease(&self, connection: &Connection, share: ShareId) -> Result<Arc<Own>, AnswerError> {
        self.table.lease(&self.asker(connection), share).ok_or(AnswerError::NotShared)
    }

    /// Does something for as long as the asker may see a share.
    async fn while_leased<T>(
        &self,
        connection: &Connection,
        share: ShareId,
        work: impl Future<Output = Result<T, AnswerError>>,
    ) -> Result<T, AnswerError> {
        let mut rights = self.table.rights();
        let revoked = async {
            // The sender lives in the table.
            while rights.changed().await.is_ok() && self.lease(connection, share).is_ok() {}
        };
        tokio::select! {
            done = work => done,
            () = revoked => Err(AnswerError::NotShared),
        }
    }

    /// Runs disk work in one of the few places for it.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let place = self.place().await;
        blocking(move || {
            // Given back only when the work is done, whoever stopped waiting for it.
            let _place = place;
            work()
        })
        .await
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        // Never closed.
        self.working.clone().acquire_owned().await.ok()
    }

    async fn shares(&self, connection: &Connection, send: &mut SendStream) -> Result<(), AnswerError> {
        let visible = self.table.visible(&self.asker(connection));
        let described = self.work(move || {
            let describe = |(own, access): (Arc<Own>, Access)| Share {
                id: own.record.id,
                name: own.name.clone(),
                may_add: access == Access::ReadAndAdd,
                holds: own.holds(),
            };
            visible.into_iter().map(describe).collect::<Vec<_>>()
        });
        // As many as there can be.
        let shares = Shares(Few::try_from(described.await).unwrap_or_default());
        Ok(write_message(send, &shares, MAX_MESSAGE).await?)
    }

    async fn list(&self, connection: &Connection, list: List, send: &mut SendStream) -> Result<(), AnswerError> {
        let own = self.lease(connection, list.share)?;
        let page = self.page(own, list).await?;
        Ok(write_message(send, &page, MAX_MESSAGE).await?)
    }

    async fn page(&self, own: Arc<Own>, list: List) -> Result<Page, AnswerError> {
        let table = self.table.clone();
        let page = self.work(move || {
            let List { folder, order, filter, offset, limit, .. } = list;
            let listing = Listing { order, filter: Pattern::new(&filter, Matching::Anywhere), offset, limit };
            table.pages.page(&own.kept, folder.as_ref(), &listing)
        });
        Ok(page.await?)
    }

    async fn watch(&self, connection: &Connection, watch: Watch, send: &mut SendStream) -> Result<(), AnswerError> {
        let own = self.lease(connection, watch.share)?;
        let mut changes = own.kept.changes.subscribe();
        let mut told = None;
        loop {
            changes.mark_unchanged();
            let revision = self.revision(own.clone(), watch.folder.clone()).await?;
            if told != Some(revision) {
                told = Some(revision);
                write_message(send, &Changed { revision }, MAX_MESSAGE).await?;
            }
            tokio::time::sleep(TELL_EVERY).await;
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return Err(AnswerError::NotShared) },
                // The asker has enough.
                _ = send.stopped() => return Ok(()),
            }
        }
    }

    async fn revision(&self, own: Arc<Own>, folder: Option<RelativePath>) -> Result<u64, AnswerError> {
        let table = self.table.clone();
        Ok(self.work(move || table.pages.revision(&own.kept, folder.as_ref())).await?)
    }
}

/// Who is at the other end of a connection, as things are now.
fn asker(devices: &Devices, connection: &Connection) -> Asker {
    let standing = match devices.trust(connection.peer()) {
        Trust::Blocked => Standing::Blocked,
        Trust::Stranger => Standing::Stranger,
        Trust::Known => Standing::Known,
        Trust::Verified => Standing::Verified,
    };
    Asker { peer: connection.peer(), standing, near: is_local(connection.remote_address().ip()) }
}

/// What transfers have to know of shares and tickets.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) table: Arc<Table>,
    pub(crate) tickets: Arc<Tickets>,
    pub(crate) devices: Arc<Devices>,
}

impl ShareRights for Gate {
    fn may_read(&self, connection: &Connection, share: ShareId) -> bool {
        self.table.lease(&asker(&self.devices, connection), share).is_some()
    }

    fn may_add(&self, connection: &Connection, share: ShareId) -> bool {
        self.table.lease_to_add(&asker(&self.devices, connection), share).is_some()
    }

    fn spot(&self, connection: &Connection, place: &Place) -> Option<Spot> {
        self.table.lease_to_add(&asker(&self.devices, connection), place.share)?.spot(place)
    }

    fn is_there(&self, share: ShareId) -> bool {
        self.table.is_there(share)
    }

    fn may_use(&self, connection: &Connection, ticket: TicketId) -> bool {
        self.tickets.may_use(ticket, is_local(connection.remote_address().ip()))
    }

    fn has_ticket(&self, ticket: TicketId) -> bool {
        self.tickets.has(ticket)
    }

    fn used(&self, ticket: TicketId) {
        self.tickets.used(ticket);
    }

    fn outdated(&self, ticket: TicketId) {
        self.tickets.outdated(ticket);
    }
}
