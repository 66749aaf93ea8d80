//! Opening a ticket: reaching a holder, proving the secret to it, hearing the same from it, taking what it offers.

use super::table::now;
use crate::{
    connection::Connection,
    discovery::devices::Devices,
    error::{ReachError, TicketError},
    links::Links,
    share::ask::Wish,
    stream::{StreamError, read_message},
    transfer::{
        Consent, Transfer,
        shared::{Source, Wanted},
        transfers::{Transfers, new_id},
    },
};
use shoal_proto::{
    PeerId, Ticket,
    codec::MAX_MESSAGE,
    message::{CloseCode, Request, TransferId},
    ticket::{EXPORTER_LABEL, Ends, Open, Opened, Role},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// How long a holder may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// How long its offer may take: a list of a million names over a slow connection.
const OFFER_WAIT: Duration = Duration::from_secs(600);

/// Opens tickets.
#[derive(Debug)]
pub(crate) struct Opener {
    me: PeerId,
    links: Arc<Links>,
    devices: Arc<Devices>,
    transfers: Arc<Transfers>,
}

impl Opener {
    pub(crate) fn new(me: PeerId, links: Arc<Links>, devices: Arc<Devices>, transfers: Arc<Transfers>) -> Self {
        Self { me, links, devices, transfers }
    }

    /// Fetches what a ticket is of from the first holder that has it. Without a consent it waits, as an offer, for one that covers exactly
    /// what is seen.
    pub(super) async fn open(&self, ticket: &Ticket, consent: Option<Consent>) -> Result<Transfer, TicketError> {
        if ticket.is_expired(now()) {
            return Err(TicketError::Expired);
        }
        self.devices.sight(ticket);
        // Whoever says more than that it is away says it.
        let mut why = TicketError::Own;
        for maker in ticket.makers.iter().copied().filter(|maker| *maker != self.me) {
            match self.open_at(maker, ticket, consent.clone()).await {
                Err(error) if error.is_of_one_holder() => why = error,
                answer => return answer,
            }
        }
        Err(why)
    }

    async fn open_at(&self, holder: PeerId, ticket: &Ticket, consent: Option<Consent>) -> Result<Transfer, TicketError> {
        let (answered, answer) = oneshot::channel();
        let transfer = new_id();
        let wanted = Wanted { peer: holder, source: Source::Ticket(ticket.clone()), consent, answered };
        // Taken back however this ends.
        let _wish = Wish::new(&self.transfers, transfer, wanted);
        self.ask(holder, ticket, transfer, answer).await?;
        match self.transfers.live(transfer) {
            Some(live) => Ok(self.transfers.picture(&live)),
            // Over already: everything was there.
            None => {
                let ended = self.transfers.list(true).await?.into_iter().find(|row| row.id == transfer);
                ended.ok_or_else(|| TicketError::Lost(self.devices.name(holder)))
            }
        }
    }

    async fn ask(
        &self,
        holder: PeerId,
        ticket: &Ticket,
        transfer: TransferId,
        answer: oneshot::Receiver<Result<(), crate::TransferError>>,
    ) -> Result<(), TicketError> {
        let connection = self.links.get(holder).await.map_err(|error| self.unreached(holder, error))?;
        let lost = || TicketError::Lost(self.devices.name(holder));
        // The proof is of this very connection.
        let exporter = connection.exporter(EXPORTER_LABEL).map_err(|_| lost())?;
        let ends = Ends { exporter, asker: self.me, holder };
        let open = Open { proof: ticket.key().proof(Role::Asker, &ends), transfer };
        let opened = tokio::time::timeout(ANSWER_WAIT, say(&connection, open)).await;
        let Opened { proof } = opened.map_err(|_| lost())?.map_err(|error| self.refused(holder, &error))?;
        if proof != ticket.key().proof(Role::Holder, &ends) {
            return Err(TicketError::Impostor(self.devices.name(holder)));
        }
        // Not before the offer is here: nothing else uses the connection until then.
        let _hold = connection.hold();
        let answered = tokio::select! {
            answered = answer => answered.map_err(|_| lost())?,
            _ = connection.closed() => return Err(lost()),
            () = tokio::time::sleep(OFFER_WAIT) => return Err(lost()),
        };
        Ok(answered?)
    }

    fn unreached(&self, holder: PeerId, error: ReachError) -> TicketError {
        error.about(self.devices.name(holder)).into()
    }

    fn refused(&self, holder: PeerId, error: &StreamError) -> TicketError {
        let peer = self.devices.name(holder);
        match error.close_code() {
            Some(CloseCode::NotShared) => TicketError::NotGiven(peer),
            Some(CloseCode::TooMany) => TicketError::Busy(peer),
            Some(CloseCode::Unsupported) => TicketError::TooOld(peer),
            _ => TicketError::Lost(peer),
        }
    }
}

/// The answer to a proof.
async fn say(connection: &Connection, open: Open) -> Result<Opened, StreamError> {
    let (mut send, mut recv) = connection.open_request(&Request::Open(open)).await?;
    send.finish();
    read_message(&mut recv, MAX_MESSAGE).await
}
