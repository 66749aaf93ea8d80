//! Letting whoever has the same ticket in among those who hold what it is of: its maker gives its files, others what they fetched by it.

use super::{
    serve::{Giver, WRONG_AFTER},
    table::now,
};
use crate::{
    connection::Connection,
    links::is_local,
    share::serve::places::Places,
    store::{
        database::{Database, DatabaseError, TicketRecord},
        source::{Offered, Root, Roots},
    },
    stream::{SendStream, StreamError, write_message},
    swarm::content::{Content, Source},
    transfer::{live::Control, reader::Reader, transfers::blocking, write::system_time},
};
use shoal_proto::{
    Hash, Ticket,
    codec::MAX_MESSAGE,
    manifest::EntryKind,
    message::CloseCode,
    piece,
    swarm::Units,
    ticket::{Ends, Enter, Opened, Proof, Role},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// What the proof of a ticket leads to.
enum Found {
    /// It is given from here.
    Here { content: Arc<Content>, proof: Proof },
    /// It is fetched here, and will be given in a moment.
    Soon,
    /// No such ticket is known here, or what it is of cannot be given.
    Nothing,
}

impl Giver {
    /// Answers one who says to have a ticket, and gives to it for as long as it keeps the question open.
    pub(crate) async fn enter(self: Arc<Self>, connection: Connection, enter: Enter, mut send: SendStream) {
        let Some(_place) = Places::take(&self.entered, connection.peer()) else { return send.refuse(CloseCode::TooMany) };
        let begun = Instant::now();
        match self.find(&connection, &enter).await {
            Found::Here { content, proof } => {
                let let_in = self.let_in(&connection, &content, Opened { proof }, &mut send);
                tokio::select! {
                    ended = let_in => if let Err(error) = ended {
                        tracing::debug!(%error, "somebody who has a link left");
                    },
                    () = self.transfers.cancel.cancelled() => {}
                    _ = connection.closed() => {}
                }
                if content.is_origin() && content.has_no_guests() {
                    self.transfers.swarms.end(&content);
                }
            }
            Found::Soon => send.refuse(CloseCode::TooMany),
            Found::Nothing => {
                tokio::time::sleep_until(begun + WRONG_AFTER).await;
                send.refuse(CloseCode::NotShared);
            }
        }
    }

    async fn find(&self, connection: &Connection, enter: &Enter) -> Found {
        let near = is_local(connection.remote_address().ip());
        let Some(ends) = self.ends(connection) else { return Found::Nothing };
        if let Some((record, proof)) = self.tickets.proved(&enter.proof, &ends, near) {
            return match self.own(record).await {
                Ok(Some(content)) => Found::Here { content, proof },
                Ok(None) => Found::Nothing,
                Err(error) => {
                    tracing::error!(%error, "what a link is of cannot be read");
                    Found::Nothing
                }
            };
        }
        let fits = |ticket: &Ticket| is_proved(ticket, enter, &ends) && is_good(ticket, near);
        if let Some(content) = self.transfers.swarms.of_ticket(fits) {
            let proof = content.ticket.as_ref().map(|ticket| ticket.key().proof(Role::Holder, &ends));
            return proof.map_or(Found::Nothing, |proof| Found::Here { content, proof });
        }
        let mut found = Found::Nothing;
        for live in self.transfers.rows().values() {
            if live.row().record.ticket.as_ref().is_some_and(fits) {
                live.others.notify_one();
                found = Found::Soon;
            }
        }
        found
    }

    /// What a ticket of this device is of, as it is given; `None`: it is too long for a swarm, or was removed in this very moment.
    async fn own(&self, record: TicketRecord) -> Result<Option<Arc<Content>>, DatabaseError> {
        let ticket = record.ticket(self.me);
        let id = ticket.key().swarm(record.root);
        // Two who come at once get the same one.
        let _making = self.making.lock().await;
        if let Some(content) = self.transfers.swarms.get(id) {
            return Ok(Some(content));
        }
        let transfers = self.transfers.clone();
        let (database, of) = (transfers.database.clone(), record.id);
        let Some(manifest) = blocking(move || database.ticket_manifest(of)).await? else { return Ok(None) };
        let Some(units) = Units::of(&manifest) else { return Ok(None) };
        let roots = || Roots::new(record.sources.iter().cloned().map(|(name, path)| Root { name, path }).collect());
        let reader = Reader::new(manifest.clone(), roots(), transfers.database.clone(), Arc::default()).telling();
        let all = std::iter::once(0..units.len()).collect();
        let source = Source::Offered(Mutex::new(reader));
        let content = Content::new(id, manifest, units, all, source, Some(ticket), &transfers);
        let (database, learning, files) = (transfers.database.clone(), content.clone(), roots());
        blocking(move || learn(&learning, &files, &database)).await;
        transfers.swarms.begin(content.clone());
        // Removed meanwhile.
        if !self.tickets.has(record.id) {
            self.end(&record);
            return Ok(None);
        }
        Ok(Some(content))
    }

    /// Gives until the other end wants no more, or the ticket is good no longer.
    async fn let_in(
        &self,
        connection: &Connection,
        content: &Arc<Content>,
        opened: Opened,
        send: &mut SendStream,
    ) -> Result<(), StreamError> {
        let control = watch::channel(Control::Run).1;
        let Some(_entered) = content.enter(connection.peer(), control) else {
            send.refuse(CloseCode::TooMany);
            return Ok(());
        };
        write_message(send, &opened, MAX_MESSAGE).await?;
        let expires = content.ticket.as_ref().and_then(|ticket| ticket.expires);
        let expired = async {
            match expires {
                // A clock may be set meanwhile.
                Some(at) => {
                    while at > now() {
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = send.stopped() => {}
            () = content.closed.cancelled() => send.refuse(CloseCode::NotShared),
            () = expired => {
                self.transfers.swarms.end(content);
                send.refuse(CloseCode::NotShared);
            }
        }
        Ok(())
    }

    /// A ticket of this device is good no longer: what it is of is given to nobody.
    pub(crate) fn end(&self, record: &TicketRecord) {
        let ticket = record.ticket(self.me);
        if let Some(content) = self.transfers.swarms.get(ticket.key().swarm(ticket.root)) {
            self.transfers.swarms.end(&content);
        }
    }
}

fn is_proved(ticket: &Ticket, enter: &Enter, ends: &Ends) -> bool {
    ticket.key().proof(Role::Asker, ends) == enter.proof
}

fn is_good(ticket: &Ticket, near: bool) -> bool {
    !ticket.is_expired(now()) && (near || !ticket.lan_only)
}

/// What the pieces of large files are was kept when the ticket was made. Of a file that is another by now nothing is said, so nobody asks for it.
fn learn(content: &Content, roots: &Roots, database: &Database) {
    let Content { known, manifest, units, .. } = content;
    for (index, entry) in manifest.entries() {
        let EntryKind::File { size, root: Some(root), .. } = entry.kind else { continue };
        if piece::piece_count(size) <= 1 {
            continue;
        }
        let Ok(file) = roots.open(&entry.path, Offered { size, modified: system_time(entry.modified) }) else { continue };
        let kept = database.hashes(file.path(), &file.key()).unwrap_or_default();
        let layer: Vec<Hash> = kept.into_iter().find(|(first, _)| first.0 == 0).map(|(_, hashes)| hashes).unwrap_or_default();
        if piece::fold(size, &layer) == Some(root) {
            known.learn_layer(manifest, units, index, &layer);
        }
    }
}
