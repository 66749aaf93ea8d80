//! The taker's end of a conversation with one giver.

use super::{content::Content, converse::news, holders, looked_for::LookedFor, taking::NEW_HOLDERS};
use crate::{
    connection::Connection,
    stream::{RecvStream, SendStream, StreamError, read_message, write_message},
    transfer::fetch::Fetcher,
};
use shoal_proto::{
    PeerId, RangeSet,
    codec::MAX_MESSAGE,
    message::Request,
    swarm::{
        message::{FromGiver, FromTaker, runs},
        scheduler::NEWS,
    },
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Waits before a peer is dialled again: the first, and the longest.
const FIRST_RETRY: Duration = Duration::from_millis(200);
const MAX_RETRY: Duration = Duration::from_secs(5);

/// What happened in a conversation with a giver.
pub(super) enum Event {
    Joined(PeerId, Connection),
    Said(PeerId, FromGiver),
    Left(PeerId),
}

/// Talks with a giver for as long as the swarm lasts, dialling it again after each loss.
pub(super) async fn talk(
    fetcher: Arc<Fetcher>,
    content: Arc<Content>,
    mut holder: Option<(Arc<LookedFor>, Option<RecvStream>)>,
    peer: PeerId,
    addresses: Vec<SocketAddr>,
    events: mpsc::Sender<Event>,
) {
    let (links, join) = (&fetcher.transfers.links, Request::Join(content.id));
    let mut wait = FIRST_RETRY;
    loop {
        let holding = match &mut holder {
            None => None,
            Some((looked_for, found)) => match found.take() {
                Some(found) => Some(found),
                None => holders::ask(&fetcher.transfers, peer, looked_for).await,
            },
        };
        if holder.is_some() && holding.is_none() {
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(NEW_HOLDERS);
            continue;
        }
        let mut opened = links.request(peer, &join).await;
        if opened.is_err() && links.find_at(peer, &addresses).await {
            opened = links.request(peer, &join).await;
        }
        if let Ok((connection, send, recv)) = opened {
            let _hold = connection.hold();
            let mut heard = false;
            let over = tokio::select! {
                over = tell(&content, send) => over,
                over = hear(peer, recv, &connection, &events, &mut heard) => over,
            };
            if let Err(error) = over {
                tracing::debug!(%peer, %error, "a giver does not talk any more");
            }
            if heard {
                wait = FIRST_RETRY;
            }
            if events.send(Event::Left(peer)).await.is_err() {
                return;
            }
        }
        drop(holding);
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(MAX_RETRY);
    }
}

/// Tells a giver what is here.
async fn tell(content: &Content, mut send: SendStream) -> Result<(), StreamError> {
    let mut changed = content.changed.subscribe();
    let (mut have, mut asked) = (RangeSet::new(), false);
    loop {
        changed.mark_unchanged();
        if content.is_orphaned() && !asked {
            asked = true;
            write_message(&mut send, &FromTaker::TellHashes, MAX_MESSAGE).await?;
        }
        let held = content.held();
        for part in runs(&news(&held, &have)) {
            write_message(&mut send, &FromTaker::Have(part), MAX_MESSAGE).await?;
        }
        have = held;
        // The sender lives in the content. What follows at once goes together.
        if changed.changed().await.is_err() {
            return Ok(());
        }
        tokio::time::sleep(NEWS).await;
    }
}

async fn hear(
    peer: PeerId,
    mut recv: RecvStream,
    connection: &Connection,
    events: &mpsc::Sender<Event>,
    heard: &mut bool,
) -> Result<(), StreamError> {
    loop {
        let said: FromGiver = read_message(&mut recv, MAX_MESSAGE).await?;
        if !*heard {
            *heard = true;
            if events.send(Event::Joined(peer, connection.clone())).await.is_err() {
                return Ok(());
            }
        }
        if events.send(Event::Said(peer, said)).await.is_err() {
            return Ok(());
        }
    }
}
