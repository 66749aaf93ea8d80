//! Holders: others who have what is fetched here. Everybody in reach is asked, by what it is or with the proof of a ticket; whoever has some of it
//! gives it for as long as the question stays open.

use super::looked_for::LookedFor;
use crate::{
    links::is_local,
    stream::{RecvStream, StreamError, read_message},
    transfer::{live::Live, transfers::Transfers, transfers::blocking},
};
use shoal_proto::{
    PeerId, Ticket,
    codec::MAX_MESSAGE,
    message::Request,
    swarm::holdings::{Held, Holdings},
    ticket::{EXPORTER_LABEL, Ends, Enter, Opened, Role},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinSet;

/// Peers that are asked, at most.
const MAX_HOLDERS: usize = 32;

/// How long an answer may take: the holder looks at its disk.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// So long a fetch waits for answers before it begins with the sender alone: what that one has on its way then would keep its own answer waiting.
const FIRST_ANSWERS: Duration = Duration::from_millis(200);

/// Everybody in reach is asked again so often, as long as nobody has anything.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// Who may have something of it: everybody in reach that this device would talk to.
pub(crate) fn candidates(transfers: &Transfers) -> Vec<PeerId> {
    let connected: BTreeSet<PeerId> = transfers.links.connected().iter().map(|connection| connection.peer()).collect();
    let others = transfers.devices.all().into_iter().map(|device| device.id);
    let in_reach = others.filter(|peer| !connected.contains(peer) && !transfers.devices.candidates(*peer).is_empty());
    let known = connected.iter().copied().chain(in_reach.collect::<Vec<_>>());
    known.filter(|peer| *peer != transfers.links.id()).take(MAX_HOLDERS).collect()
}

/// Asks a peer; it gives what it has for as long as the stream is kept. `None`: it has nothing, or is not there.
pub(crate) async fn ask(transfers: &Transfers, peer: PeerId, looked_for: &LookedFor) -> Option<RecvStream> {
    let asked = async {
        match looked_for {
            LookedFor::Files(files) => ask_for(transfers, peer, &files.holdings).await,
            LookedFor::Ticket(ticket) => enter(transfers, peer, ticket).await,
        }
    };
    match tokio::time::timeout(ANSWER_WAIT, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "holds nothing of what is looked for");
            None
        }
        Err(_) => None,
    }
}

async fn ask_for(transfers: &Transfers, peer: PeerId, holdings: &Holdings) -> Result<Option<RecvStream>, StreamError> {
    // Who is not there has nothing.
    let Ok(asked) = transfers.links.request(peer, &Request::Holds(holdings.clone())).await else { return Ok(None) };
    let (_, mut send, mut recv) = asked;
    send.finish();
    let Held(places) = read_message(&mut recv, MAX_MESSAGE).await?;
    Ok((!places.is_empty()).then_some(recv))
}

/// Proves to have a ticket, and hears the same.
async fn enter(transfers: &Transfers, peer: PeerId, ticket: &Ticket) -> Result<Option<RecvStream>, StreamError> {
    let Ok(connection) = transfers.links.get(peer).await else { return Ok(None) };
    if ticket.lan_only && !is_local(connection.remote_address().ip()) {
        return Ok(None);
    }
    // Of this very connection.
    let Ok(exporter) = connection.exporter(EXPORTER_LABEL) else { return Ok(None) };
    let ends = Ends { exporter, asker: transfers.links.id(), holder: peer };
    let proof = ticket.key().proof(Role::Asker, &ends);
    let (mut send, mut recv) = connection.open_request(&Request::Enter(Enter { proof })).await?;
    send.finish();
    let Opened { proof } = read_message(&mut recv, MAX_MESSAGE).await?;
    Ok((proof == ticket.key().proof(Role::Holder, &ends)).then_some(recv))
}

/// Who gives something of what is looked for: a question that is kept open each.
pub(crate) type Found = BTreeMap<PeerId, RecvStream>;

/// Asks everybody in reach, the sender too, for a moment. `None`: nobody but the sender said that it has something.
pub(crate) async fn first(transfers: &Arc<Transfers>, sender: PeerId, looked_for: &Arc<LookedFor>) -> Option<Found> {
    let all = candidates(transfers);
    if all.iter().all(|peer| *peer == sender) {
        return None;
    }
    let mut asked = JoinSet::new();
    for peer in all {
        let (transfers, looked_for) = (transfers.clone(), looked_for.clone());
        asked.spawn(async move { Some((peer, ask(&transfers, peer, &looked_for).await?)) });
    }
    let mut found = Found::new();
    let answers = async {
        while let Some(answered) = asked.join_next().await {
            found.extend(answered.ok().flatten());
        }
    };
    // Whoever answers later is asked again.
    let _ = tokio::time::timeout(FIRST_ANSWERS, answers).await;
    found.keys().any(|peer| *peer != sender).then_some(found)
}

/// Waits until somebody besides the sender has something of what is fetched, after nobody had; for ever if that is not to be expected.
pub(crate) async fn until_found(transfers: &Arc<Transfers>, live: &Live) {
    loop {
        let by_ticket = live.row().record.ticket.is_some();
        tokio::select! {
            // Who fetches by the same ticket asked here: it is asked in its turn.
            () = live.others.notified(), if by_ticket => return,
            () = tokio::time::sleep(ASK_AGAIN) => {}
        }
        let Some(receiving) = live.row().receiving.upgrade() else { continue };
        let ticket = live.row().record.ticket.clone();
        let looked_for = blocking(move || LookedFor::of(&receiving, ticket.as_ref(), &[])).await;
        let Some(looked_for) = looked_for.map(Arc::new) else { return std::future::pending().await };
        if first(transfers, live.peer, &looked_for).await.is_some() {
            return;
        }
    }
}
