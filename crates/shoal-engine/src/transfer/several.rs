//! Pulling from several: the receivers of the same offer, those who share the same files, those who have the same ticket; and giving on what came.

use super::{
    fetch::{FetchError, Fetcher},
    live::{Control, Live},
    pull::{fetch_all, streams_over},
    record::Receiving,
    transfers::{Transfers, blocking},
    write::Outcome,
};
use crate::swarm::{
    content::{Content, Source},
    held::Held,
    holders::{self, Found},
    looked_for::LookedFor,
    taking::{Taking, standing},
};
use shoal_proto::{
    RangeSet, Ticket,
    manifest::EntryKind,
    piece,
    swarm::{Units, message::SwarmId},
};
use std::sync::Arc;
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
};

/// What came from its maker alone is given to others who have the same ticket.
pub(super) async fn give_on(transfers: &Arc<Transfers>, live: &Live, received: Arc<Receiving>) {
    let Some(ticket) = live.row().record.ticket.clone() else { return };
    let id = ticket.key().swarm(ticket.root);
    if transfers.swarms.get(id).is_some() {
        return;
    }
    let giving = transfers.clone();
    blocking(move || {
        let Some(units) = Units::of(&received.manifest) else { return };
        let manifest = received.manifest.clone();
        let (_, here) = standing(&received, &units, |entry| entry);
        let held = Held::new(received);
        let mut layers = Vec::new();
        for (index, entry) in manifest.entries() {
            let EntryKind::File { root: Some(root), size, .. } = entry.kind else { continue };
            if piece::piece_count(size) > 1
                && let Some(layer) = held.layer(&entry, root)
            {
                layers.push((index, layer));
            }
        }
        let content = Content::new(id, manifest, units, here, Source::Held(held), Some(ticket), &giving);
        for (index, layer) in &layers {
            content.known.learn_layer(&content.manifest, &content.units, *index, layer);
        }
        giving.swarms.begin(content.clone());
        giving.swarms.linger(&content);
    })
    .await;
}

/// What comes is given on: until this is dropped, or, once all is there, for longer.
pub(super) struct Giving {
    transfers: Arc<Transfers>,
    content: Option<Arc<Content>>,
}

impl Giving {
    pub(super) fn new(transfers: Arc<Transfers>, content: Arc<Content>) -> Self {
        Self { transfers, content: Some(content) }
    }

    pub(super) fn go_on(mut self) {
        if let Some(content) = self.content.take() {
            self.transfers.swarms.linger(&content);
        }
    }
}

impl Drop for Giving {
    fn drop(&mut self) {
        if let Some(content) = &self.content {
            self.transfers.swarms.end(content);
        }
    }
}

/// The content as it is given on from here; `None`: it is better had from the sender alone.
pub(super) async fn join_swarm(transfers: &Arc<Transfers>, live: &Live, fetcher: &Arc<Fetcher>) -> Option<Arc<Content>> {
    let looking = fetcher.clone();
    let units = blocking(move || {
        // Of what is here in an older version the sender says what is the same: nobody need send it.
        let units = Units::of(&looking.shared.manifest)?;
        (!looking.has_older_copies()).then_some(units)
    });
    let units = units.await?;
    let shared = &fetcher.shared;
    let id = SwarmId { manifest: shared.manifest.id(), origin: live.peer };
    let source = Source::Held(Held::new(shared.clone()));
    let content = Content::new(id, shared.manifest.clone(), units, RangeSet::new(), source, None, transfers);
    transfers.swarms.begin(content.clone());
    Some(content)
}

/// Who in reach has something of what was asked for here; `None`: it was not, or nobody has.
pub(super) async fn look_around(
    transfers: &Arc<Transfers>,
    live: &Live,
    receiving: &Arc<Receiving>,
) -> Option<(Arc<LookedFor>, Found)> {
    let (is_fetched, ticket) = {
        let row = live.row();
        (row.record.is_fetched(), row.record.ticket.clone())
    };
    if !is_fetched {
        return None;
    }
    let receiving = receiving.clone();
    let looked_for = blocking(move || LookedFor::of(&receiving, ticket.as_ref(), &[])).await.map(Arc::new)?;
    let found = holders::first(transfers, live.peer, &looked_for).await?;
    Some((looked_for, found))
}

/// Takes from everybody who has files of the transfer, and the rest from the sender.
pub(super) async fn take_from_holders(
    fetcher: Arc<Fetcher>,
    ticket: Option<Ticket>,
    mut first: Option<(Arc<LookedFor>, Found)>,
    control: watch::Receiver<Control>,
    mut told: mpsc::UnboundedReceiver<Outcome>,
    changed: Arc<Notify>,
) -> Result<(), FetchError> {
    let mut before: Vec<Arc<LookedFor>> = Vec::new();
    loop {
        let (looked_for, found) = match first.take() {
            Some(first) => first,
            None => {
                let (receiving, ticket, seen) = (fetcher.shared.clone(), ticket.clone(), before.clone());
                let next = blocking(move || LookedFor::of(&receiving, ticket.as_ref(), &seen)).await;
                let Some(next) = next else { break };
                (Arc::new(next), Found::new())
            }
        };
        before.push(looked_for.clone());
        let Some((id, list, units)) = looked_for.content(&fetcher.shared, fetcher.transfers.links.id()) else { continue };
        let source = Source::Held(Held::new(fetcher.shared.clone()));
        // Who has the same ticket may have it from here, too. Of a share nothing is given: its owner was not asked whether it may.
        let of_ticket = if let LookedFor::Ticket(ticket) = &*looked_for { Some(Ticket::clone(ticket)) } else { None };
        let content = Content::new(id, list, units, RangeSet::new(), source, of_ticket, &fetcher.transfers);
        fetcher.transfers.swarms.begin(content.clone());
        let giving = Giving::new(fetcher.transfers.clone(), content.clone());
        let taken_from = Some((looked_for.clone(), found));
        Taking::run(fetcher.clone(), content.clone(), taken_from, control.clone(), &mut told, changed.clone()).await?;
        if content.ticket.is_some() && looked_for.is_over(&fetcher.shared) {
            giving.go_on();
        }
    }
    let mut streams = JoinSet::new();
    for _ in 0..streams_over(fetcher.connection.rtt()) {
        streams.spawn(fetch_all(fetcher.clone(), changed.clone()));
    }
    drop(fetcher);
    while let Some(ended) = streams.join_next().await {
        match ended {
            Ok(ended) => ended?,
            Err(error) if error.is_cancelled() => {}
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    Ok(())
}
