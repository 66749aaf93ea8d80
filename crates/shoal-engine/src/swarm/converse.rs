//! The giver's end of the streams of a swarm: a conversation with each guest, and a stream for each unit that it gets.

use super::content::{Content, Conversation};
use crate::{
    connection::Connection,
    links::Links,
    stream::{RecvStream, SendStream, StreamError, read_message, write_message},
    transfer::{
        live::Control,
        serve::{ServeError, write_block},
        transfers::{Transfers, blocking},
    },
};
use bytes::Bytes;
use shoal_proto::{
    PeerId, RangeSet,
    codec::{MAX_FRAME_HEAD, MAX_MESSAGE},
    message::CloseCode,
    share::Few,
    swarm::{
        message::{FromGiver, FromTaker, Given, Mate, SignedHashes, Take, runs, told},
        scheduler::NEWS,
    },
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// A guest that takes none of a unit for so long loses its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers a [`shoal_proto::message::Request::Join`].
pub(crate) async fn join(
    transfers: Arc<Transfers>,
    content: Arc<Content>,
    connection: Connection,
    mut send: SendStream,
    recv: RecvStream,
) {
    let peer = connection.peer();
    let Some(conversation) = content.open(peer) else { return send.refuse(CloseCode::UnknownTransfer) };
    let _hold = connection.hold();
    let (wants_hashes, wanted) = watch::channel(false);
    let over = tokio::select! {
        over = tell(&content, &transfers.links, conversation, wanted, &mut send) => over,
        over = listen(&content, peer, &wants_hashes, recv) => over,
        () = content.closed.cancelled() => return send.refuse(CloseCode::UnknownTransfer),
        () = transfers.cancel.cancelled() => return,
    };
    if let Err(error) = over {
        tracing::debug!(%peer, %error, "a conversation of a swarm is over");
        if error.is_violation() {
            connection.close(CloseCode::Violation);
        }
    }
}

/// Hears what a guest has, until it has no more to say.
async fn listen(
    content: &Content,
    peer: PeerId,
    wants_hashes: &watch::Sender<bool>,
    mut recv: RecvStream,
) -> Result<(), StreamError> {
    loop {
        match read_message(&mut recv, MAX_MESSAGE).await {
            Ok(FromTaker::Have(units)) => content.handle_have(peer, &told(&units, content.units.len())),
            Ok(FromTaker::TellHashes) => _ = wants_hashes.send_replace(true),
            Err(StreamError::Finished) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Tells a guest what is here, what units have to be, who else there is, and whether it may ask.
async fn tell(
    content: &Content,
    links: &Links,
    mut conversation: Conversation,
    mut wants_hashes: watch::Receiver<bool>,
    send: &mut SendStream,
) -> Result<(), StreamError> {
    let mut changed = content.changed.subscribe();
    let (mut have, mut hashes) = (RangeSet::new(), 0);
    let mut mates: Option<Vec<Mate>> = None;
    let mut due = Some(Instant::now());
    loop {
        tokio::select! {
            gives = conversation.gives.changed() => {
                // Another conversation took this one's place.
                if gives.is_err() {
                    return Ok(());
                }
                let gives = *conversation.gives.borrow_and_update();
                write_message(send, &FromGiver::Gives(gives), MAX_MESSAGE).await?;
            }
            // As long as the guest talks.
            Ok(()) = wants_hashes.changed() => due = due.or_else(|| Some(Instant::now())),
            // The sender lives in the content. What follows at once goes together.
            _ = changed.changed(), if due.is_none() => due = Some(Instant::now() + NEWS),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                due = None;
                changed.mark_unchanged();
                if content.id.origin == links.id() {
                    let now = content.mates_of(conversation.peer);
                    if mates.as_ref() != Some(&now) {
                        let few = Few::try_from(now.clone()).unwrap_or_default(); // no more are admitted
                        write_message(send, &FromGiver::Mates(few), MAX_MESSAGE).await?;
                        mates = Some(now);
                    }
                }
                if content.vouches() {
                    content.told.seal(&content.id, &content.known, |text| links.sign(text));
                }
                if content.tells_hashes(conversation.peer) || *wants_hashes.borrow() {
                    for told in content.told.after(hashes) {
                        write_message(send, &FromGiver::Hashes(SignedHashes::clone(&told)), MAX_MESSAGE).await?;
                        hashes += 1;
                    }
                }
                let held = content.held();
                for part in runs(&news(&held, &have)) {
                    write_message(send, &FromGiver::Have(part), MAX_MESSAGE).await?;
                }
                have = held;
            }
        }
    }
}

/// What was not told yet.
pub(crate) fn news(all: &RangeSet, told: &RangeSet) -> RangeSet {
    all.ranges().flat_map(|run| told.missing(run).collect::<Vec<_>>()).collect()
}

/// Answers a [`Take`].
pub(crate) async fn give(
    transfers: Arc<Transfers>,
    content: Arc<Content>,
    connection: Connection,
    take: Take,
    mut send: SendStream,
) {
    let peer = connection.peer();
    let Some((turn, control)) = content.want(peer, &take.want) else { return send.refuse(CloseCode::UnknownTransfer) };
    let turn = tokio::select! {
        turn = turn => turn,
        _ = send.stopped() => return content.unwant(peer, &take.want),
        () = content.closed.cancelled() => return send.refuse(CloseCode::UnknownTransfer),
        () = transfers.cancel.cancelled() => return,
    };
    let Ok(turn) = turn else { return send.refuse(CloseCode::TooMany) };
    let unit = turn.unit;
    send.yield_to_others();
    let reading = content.clone();
    let Some(blocks) = blocking(move || reading.read(unit)).await else { return send.refuse(CloseCode::NotShared) };
    let sent = tokio::select! {
        sent = send_unit(&transfers, blocks, unit, control, &mut send) => sent,
        () = content.closed.cancelled() => return send.refuse(CloseCode::UnknownTransfer),
    };
    match sent {
        // The turn lasts until all of it arrived: what is given next should be decided late.
        Ok(()) => tokio::select! {
            () = send.finish_unless_stopped() => turn.arrived(),
            () = transfers.cancel.cancelled() => {}
        },
        Err(error) => tracing::debug!(%error, %peer, unit, "a unit was not sent to its end"),
    }
}

async fn send_unit(
    transfers: &Transfers,
    blocks: Vec<Bytes>,
    unit: u32,
    mut control: tokio::sync::watch::Receiver<Control>,
    send: &mut SendStream,
) -> Result<(), ServeError> {
    // A person who paused wants nothing to move.
    let wanted = tokio::select! {
        () = transfers.cancel.cancelled() => return Err(ServeError::ShuttingDown),
        wanted = control.wait_for(|control| *control != Control::Pause) => wanted.map_or(Control::Run, |control| *control),
    };
    if wanted == Control::Cancel {
        return Err(ServeError::Cancelled);
    }
    let write = async {
        write_message(send, &Given(unit), MAX_FRAME_HEAD).await.map_err(|_| ServeError::Stalled)?;
        for block in blocks {
            write_block(transfers, block, send, Some(PATIENCE)).await?;
        }
        Ok(())
    };
    write.await
}
