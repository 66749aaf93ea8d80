//! Answering whoever opens a ticket, and whoever has one of what is here.

use super::table::Tickets;
use crate::{
    connection::Connection,
    links::is_local,
    share::serve::places::Places,
    store::database::TicketRecord,
    stream::{SendStream, StreamError, write_message},
    transfer::{
        send::Prepared,
        shared::SharedOffer,
        transfers::{Transfers, blocking},
    },
};
use shoal_proto::{
    PeerId,
    codec::MAX_MESSAGE,
    message::{CloseCode, TransferId},
    ticket::{EXPORTER_LABEL, Ends, Open, Opened},
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Attempts to open one that are answered at once, of one peer and of everybody. With [`WRONG_AFTER`] this bounds how fast anybody guesses,
/// and what that costs: 256 guesses a second of 2^128.
const MAX_OPENING_PER_PEER: usize = 4;
const MAX_OPENING: usize = 64;

/// Those who are let in among holders, or want to be, at once; of one peer and of everybody.
const MAX_ENTERED_PER_PEER: usize = 4;
const MAX_ENTERED: usize = 256;

/// After this long whoever has no good ticket is told so: longer than looking takes, so that the time says nothing.
pub(super) const WRONG_AFTER: Duration = Duration::from_millis(250);

/// What answering takes.
#[derive(Debug)]
pub(crate) struct Giver {
    pub(super) me: PeerId,
    pub(super) tickets: Arc<Tickets>,
    pub(super) transfers: Arc<Transfers>,
    pub(super) opening: Arc<Places>,
    pub(super) entered: Arc<Places>,
    /// Held while a content is begun.
    pub(super) making: tokio::sync::Mutex<()>,
}

impl Giver {
    pub(crate) fn new(me: PeerId, tickets: Arc<Tickets>, transfers: Arc<Transfers>) -> Arc<Self> {
        Arc::new(Self {
            me,
            tickets,
            transfers,
            opening: Places::new(MAX_OPENING_PER_PEER, MAX_OPENING),
            entered: Places::new(MAX_ENTERED_PER_PEER, MAX_ENTERED),
            making: tokio::sync::Mutex::default(),
        })
    }

    /// Answers one who opens a ticket, to the end.
    pub(crate) async fn answer(self: Arc<Self>, connection: Connection, open: Open, mut send: SendStream) {
        let Some(_place) = Places::take(&self.opening, connection.peer()) else { return send.refuse(CloseCode::TooMany) };
        tokio::select! {
            () = self.give(&connection, open, &mut send) => {}
            () = self.transfers.cancel.cancelled() => {}
            _ = connection.closed() => {}
        }
    }

    pub(super) fn ends(&self, connection: &Connection) -> Option<Ends> {
        let exporter = connection.exporter(EXPORTER_LABEL).ok()?;
        Some(Ends { exporter, asker: connection.peer(), holder: self.me })
    }

    async fn give(&self, connection: &Connection, open: Open, send: &mut SendStream) {
        let begun = Instant::now();
        let near = is_local(connection.remote_address().ip());
        let Some((record, proof)) = self.ends(connection).and_then(|ends| self.tickets.proved(&open.proof, &ends, near)) else {
            tokio::time::sleep_until(begun + WRONG_AFTER).await;
            return send.refuse(CloseCode::NotShared);
        };
        match self.offer(connection, open.transfer, record, Opened { proof }, send).await {
            Ok(SharedOffer::Made) => send.finish(),
            Ok(SharedOffer::Busy) => send.refuse(CloseCode::TooMany),
            Ok(SharedOffer::TooLarge) => send.refuse(CloseCode::TooLarge),
            Err(error) => tracing::debug!(%error, "somebody who opened a link left"),
        }
    }

    /// Says who this is, then offers.
    async fn offer(
        &self,
        connection: &Connection,
        transfer: TransferId,
        record: TicketRecord,
        opened: Opened,
        send: &mut SendStream,
    ) -> Result<SharedOffer, StreamError> {
        let (database, id) = (self.transfers.database.clone(), record.id);
        let manifest = blocking(move || database.ticket_manifest(id)).await.unwrap_or_else(|error| {
            tracing::error!(%error, "what a link is of cannot be read");
            None
        });
        // Removed in this very moment.
        let Some(manifest) = manifest else { return Ok(SharedOffer::Busy) };
        write_message(send, &opened, MAX_MESSAGE).await?;
        let prepared = Prepared::of_ticket(record, manifest);
        Ok(self.transfers.offer_shared(transfer, connection.peer(), prepared).await.unwrap_or_else(|error| {
            tracing::error!(%error, "what a link is of cannot be offered");
            SharedOffer::Busy
        }))
    }
}
