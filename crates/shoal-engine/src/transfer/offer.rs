//! Offers that come in: bounded, checked, shown, answered; known ones are gone on with.

use super::{
    Cause, Consent, Direction, State,
    added::is_added_to,
    inbox::Inbox,
    live::{Live, Session},
    receive,
    shared::Wanted,
    transfers::{PENDING_MANIFESTS_KIB, Transfers, answer_channel, blocking},
};
use crate::{
    AcceptRule, Event, TransferError, Trust,
    connection::Connection,
    store::database::TransferRecord,
    store::disk,
    stream::{RecvStream, SendStream, StreamError, write_message},
};
use shoal_proto::{
    Manifest,
    codec::MAX_MESSAGE,
    display, manifest,
    message::{CloseCode, Content, Decline, FromReceiver, FromSender, MAX_TEXT, Offer, Progress, TransferId},
    share::Place,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// A manifest must be there after this long, or by its size at 100 kB/s.
const MANIFEST_WAIT: Duration = Duration::from_secs(30);
const MANIFEST_BYTES_PER_SECOND: u64 = 100_000;

/// Characters of an offer's name that are kept.
const MAX_NAME: usize = 255;

/// Handles one offer's stream until the transfer's own task takes it over. With a `place`, its files are to be added there.
pub(crate) async fn receive_offer(
    transfers: Arc<Transfers>,
    connection: Connection,
    offer: Offer,
    place: Option<Place>,
    send: SendStream,
    recv: RecvStream,
) {
    // A shutdown ends it wherever it is: the sender offers again.
    let handled = tokio::select! {
        () = transfers.cancel.cancelled() => return,
        handled = handle(&transfers, &connection, offer, place, send, recv) => handled,
    };
    match handled {
        Ok(Handled::Accepted(live, renewed, session)) => {
            transfers.tasks.spawn(receive::run(transfers.clone(), live, renewed, Some(session)));
        }
        Ok(Handled::Known(live, session)) => {
            // The task takes it, or is just ending: then the sender asks again.
            let _ = live.sessions.send(session).await;
        }
        Ok(Handled::Answered) => {}
        Err(error) => {
            tracing::debug!(%error, peer = ?connection.peer(), "an offer ended");
            if error.is_violation() {
                connection.close(CloseCode::Violation);
            }
        }
    }
}

enum Handled {
    Accepted(Arc<Live>, mpsc::Receiver<Session>, Session),
    Known(Arc<Live>, Session),
    Answered,
}

/// An offer that cannot be meant.
#[derive(Debug, thiserror::Error)]
enum OfferError {
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error("the list of files does not fit the offer")]
    Manifest,
    /// Consent covers what was shown, nothing else.
    #[error("an accepted offer that became another")]
    Changed,
    /// As much.
    #[error("an offer of something else than was asked for")]
    Other,
}

impl OfferError {
    fn is_violation(&self) -> bool {
        match self {
            Self::Stream(error) => error.is_violation(),
            Self::Manifest | Self::Changed | Self::Other => true,
        }
    }
}

async fn handle(
    transfers: &Arc<Transfers>,
    connection: &Connection,
    offer: Offer,
    place: Option<Place>,
    mut send: SendStream,
    mut recv: RecvStream,
) -> Result<Handled, OfferError> {
    let peer = connection.peer();
    // Before anything else is looked at, here or on the disk.
    if place.as_ref().is_some_and(|place| !transfers.may_add(connection, place, offer.transfer)) {
        return not_shared(&mut send);
    }
    let session = |send, inbox| Session { connection: connection.clone(), send, inbox, paused: false, swarms: false };
    if let Some(live) = transfers.live(offer.transfer) {
        // Gone on with; or still waiting for an answer, and its old stream is dead, as far as the sender knows.
        if live.peer != peer || live.direction != Direction::Receive {
            return answer(&mut send, &FromReceiver::Declined(Decline::Over)).await;
        }
        let goes_there = place.as_ref().map_or_else(|| live.row().record.added.is_none(), |place| is_added_to(&live, place));
        if !goes_there || !is_what_was_shown(transfers, &live, &offer).await {
            return Err(OfferError::Changed);
        }
        return Ok(Handled::Known(live, session(send, Inbox::new(recv, &transfers.tasks))));
    }
    if transfers.was_declined(offer.transfer) {
        return decline(transfers, offer.transfer, &mut send).await;
    }
    let this = transfers.clone();
    let id = offer.transfer;
    let record = blocking(move || this.database.transfer(id)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "whether an offer is known cannot be told");
        None
    });
    if let Some(record) = record {
        let over = match record.state {
            State::Finished if record.peer == peer => FromReceiver::Finished(Progress {
                files_done: record.files_done,
                files_failed: record.files_failed,
                bytes_done: record.bytes_done,
                bytes_moved: record.bytes_moved,
            }),
            _ => FromReceiver::Declined(Decline::Over),
        };
        return answer(&mut send, &over).await;
    }
    let spot = match &place {
        Some(place) => match transfers.spot(connection, place).await {
            Some(spot) => Some(spot),
            None => return not_shared(&mut send),
        },
        None => None,
    };
    let waiting = transfers.admit_offer(peer).filter(|_| place.is_none() || transfers.may_add_more(peer));
    let Some(_waiting) = waiting else {
        return answer(&mut send, &FromReceiver::Declined(Decline::Busy)).await;
    };
    // Not before there is room: an offer that is told to come again is still wanted then.
    let mut wanted = transfers.take_wanted(id, peer).filter(|_| place.is_none());
    let (manifest, text, memory) = match &offer.content {
        Content::Text(text) if text.len() > MAX_TEXT || place.is_some() => return Err(OfferError::Manifest),
        Content::Text(text) => (None, Some(text.clone()), None),
        Content::Files { manifest_len, .. } => {
            // What was asked for may be as long as it is.
            let memory = match reserve(transfers, connection, *manifest_len) {
                Ok(memory) => memory,
                Err(_) if wanted.is_some() && *manifest_len as usize <= manifest::MAX_ENCODED => None,
                Err(decline) => return answer(&mut send, &FromReceiver::Declined(decline)).await,
            };
            write_message(&mut send, &FromReceiver::WantManifest, MAX_MESSAGE).await?;
            (Some(read_manifest(&mut recv, &offer.content).await?), None, memory)
        }
    };
    if let Some(wanted) = &wanted
        && !manifest.as_ref().is_some_and(|manifest| wanted.source.is_met_by(manifest))
    {
        return Err(OfferError::Other);
    }
    let mut record = new_record(&offer, connection, manifest.as_ref(), text);
    wanted.iter().for_each(|wanted| wanted.source.bind(&mut record));
    spot.iter().for_each(|spot| spot.bind(&mut record));
    let mut session = session(send, Inbox::new(recv, &transfers.tasks));
    let (live, mut renewed) = blocking(move || Live::new(record, manifest)).await;
    live.row().awaits_answer = true;
    live.row().free = free_in_inbox(transfers).await;
    transfers.forget_outline(live.id);
    // Whatever came first under this id is what is shown: a second may not take its place.
    let Some(live) = transfers.insert_new(live) else {
        return answer(&mut session.send, &FromReceiver::Declined(Decline::Over)).await;
    };
    let answered = answer_channel(&live);
    if let Some(Wanted { consent: Some(consent), answered: heard, .. }) = wanted.take_if(|wanted| wanted.consent.is_some()) {
        let Some(error) = take_wanted(transfers, &live, consent, heard).await else {
            return Ok(Handled::Accepted(live, renewed, session));
        };
        withdraw(transfers, &live, State::Failed, &error);
        return answer(&mut session.send, &FromReceiver::Declined(Decline::NotAllowed)).await;
    }
    if let Some(spot) = &spot {
        let Err(error) = transfers.take_added(connection, &live, spot).await else {
            return Ok(Handled::Accepted(live, renewed, session));
        };
        return refuse(transfers, &live, &mut session.send, &error).await;
    }
    if let Some(wanted) = wanted {
        // Whoever asked may have stopped waiting: then there is a question on the screen.
        let _ = wanted.answered.send(Ok(()));
    }
    let accepted = match consent(transfers, &live, &mut session, &mut renewed, answered).await {
        Ok(accepted) => accepted,
        Err(error) => {
            let (name, offer) = names(transfers, &live);
            withdraw(transfers, &live, State::Cancelled, &format!("{name} left before {offer} was answered"));
            return Err(error);
        }
    };
    drop(memory);
    if !accepted {
        return Ok(Handled::Answered);
    }
    if live.row().record.text.is_some() {
        let _ = write_message(&mut session.send, &FromReceiver::Finished(Progress::default()), MAX_MESSAGE).await;
        // That the sender heard it is for the sender to know.
        let _ = tokio::time::timeout(MANIFEST_WAIT, session.inbox.next()).await;
        return Ok(Handled::Answered);
    }
    Ok(Handled::Accepted(live, renewed, session))
}

/// Asks by the rules, the device's allowance, or a person. `true`: accepted and recorded; `false`: the sender was told no, or took
/// it back. A sender that comes back meanwhile on another connection takes the place of the first: nobody is asked twice.
async fn consent(
    transfers: &Arc<Transfers>,
    live: &Arc<Live>,
    session: &mut Session,
    renewed: &mut mpsc::Receiver<Session>,
    mut answered: oneshot::Receiver<()>,
) -> Result<bool, OfferError> {
    // What somebody here wants to look at before is not taken by a rule.
    let is_offered = live.row().record.is_for_a_person();
    let by_rule = match transfers.accept_rule() {
        _ if !is_offered => false,
        AcceptRule::All => true,
        AcceptRule::Verified => transfers.devices.trust(live.peer) == Trust::Verified,
        AcceptRule::Ask => false,
    };
    // Before anybody hears of the offer: what is decided here is no question on a screen.
    let unasked = !by_rule && is_offered && transfers.accept_unasked(live).await;
    transfers.emit(Event::Offered(transfers.picture(live)));
    if by_rule {
        match transfers.accept(live.id, Consent::default()).await {
            Ok(()) => {}
            Err(error) => return refuse(transfers, live, &mut session.send, &error).await.map(|_| false),
        }
    } else if !unasked {
        write_message(&mut session.send, &FromReceiver::Asking, MAX_MESSAGE).await?;
    }
    loop {
        tokio::select! {
            biased;
            decision = &mut answered => {
                if decision.is_ok() {
                    if live.row().record.text.is_some() {
                        transfers.enter(live, State::Finished, None);
                    }
                    return Ok(true);
                }
                let (name, offer) = names(transfers, live);
                withdraw(transfers, live, State::Declined, &format!("{offer} from {name} was declined"));
                decline(transfers, live.id, &mut session.send).await?;
                return Ok(false);
            }
            Some(newer) = renewed.recv() => {
                *session = newer;
                write_message(&mut session.send, &FromReceiver::Asking, MAX_MESSAGE).await?;
            }
            message = session.inbox.next() => match message? {
                FromSender::Cancelled => {
                    let (name, offer) = names(transfers, live);
                    withdraw(transfers, live, State::Cancelled, &format!("{name} took {offer} back"));
                    return Ok(false);
                }
                FromSender::Paused(paused) => session.paused = paused,
                FromSender::Swarm(swarms) => session.swarms = swarms,
                FromSender::Heard => {}
            },
        }
    }
}

/// Takes what was asked for. What stood in the way, if it cannot be taken.
async fn take_wanted(
    transfers: &Arc<Transfers>,
    live: &Arc<Live>,
    consent: Consent,
    heard: oneshot::Sender<Result<(), TransferError>>,
) -> Option<String> {
    // Before anybody hears of it: this is no question on a screen.
    let taken = transfers.accept(live.id, consent).await;
    let error = taken.as_ref().err().map(ToString::to_string);
    if error.is_none() {
        transfers.emit(Event::Offered(transfers.picture(live)));
    }
    // Whoever asked may have stopped waiting.
    let _ = heard.send(taken);
    error
}

/// Turns down what was to be taken unasked and cannot be.
async fn refuse(transfers: &Transfers, live: &Live, send: &mut SendStream, error: &TransferError) -> Result<Handled, OfferError> {
    let decline = match error {
        TransferError::NoSpace { needed, free, .. } => {
            live.row().cause = Some(Cause::NoSpace);
            Decline::NoSpace { needed: *needed, free: *free }
        }
        _ => Decline::NotAllowed,
    };
    withdraw(transfers, live, State::Failed, &error.to_string());
    answer(send, &FromReceiver::Declined(decline)).await
}

/// The sender and the offer, for a sentence about both.
fn names(transfers: &Transfers, live: &Live) -> (String, String) {
    (transfers.devices.name(live.peer), live.row().record.name.clone())
}

/// Takes an offer that was never recorded off the table.
fn withdraw(transfers: &Transfers, live: &Live, state: State, error: &str) {
    {
        let mut row = live.row();
        row.awaits_answer = false;
        row.enter(state, Some(error.to_owned()));
    }
    transfers.remove(live.id);
    transfers.emit(Event::Failed { transfer: transfers.picture(live), error: error.to_owned() });
}

/// Says that a person does not want it. Whether it arrives is waited for: a sender that missed it offers once more, and nobody is
/// asked a second time.
async fn decline(transfers: &Transfers, id: TransferId, send: &mut SendStream) -> Result<Handled, OfferError> {
    transfers.remember_declined(id);
    answer(send, &FromReceiver::Declined(Decline::Person)).await?;
    if send.stopped().await.is_ok() {
        transfers.forget_declined(id);
    }
    Ok(Handled::Answered)
}

async fn answer(send: &mut SendStream, message: &FromReceiver) -> Result<Handled, OfferError> {
    write_message(send, message, MAX_MESSAGE).await?;
    // The stream closes by itself if that fails.
    send.finish();
    Ok(Handled::Answered)
}

/// As whatever else is asked of a share that is not there for a peer.
fn not_shared(send: &mut SendStream) -> Result<Handled, OfferError> {
    send.refuse(CloseCode::NotShared);
    Ok(Handled::Answered)
}

/// Memory for the manifest, if it takes any of what unverified devices share.
fn reserve(transfers: &Transfers, connection: &Connection, len: u32) -> Result<Option<OwnedSemaphorePermit>, Decline> {
    if len as usize > manifest::MAX_ENCODED {
        return Err(Decline::NotAllowed);
    }
    if transfers.devices.trust(connection.peer()) == Trust::Verified {
        return Ok(None);
    }
    let kib = len / 1024 + 1;
    if kib as usize > PENDING_MANIFESTS_KIB {
        return Err(Decline::NotAllowed);
    }
    transfers.pending_manifests.clone().try_acquire_many_owned(kib).map(Some).map_err(|_| Decline::Busy)
}

/// Whether an offer that comes again is the one that was shown.
async fn is_what_was_shown(transfers: &Transfers, live: &Live, offer: &Offer) -> bool {
    match &offer.content {
        Content::Text(text) => live.row().record.text.as_ref() == Some(text),
        Content::Files { manifest, .. } => {
            let (database, id, manifest) = (transfers.database.clone(), live.id, *manifest);
            let shown = live.row().manifest.clone();
            let kept = blocking(move || match shown {
                Some(shown) => Ok(Some(shown.id())),
                None => database.manifest_id(id),
            });
            let kept = kept.await.unwrap_or_else(|error| {
                tracing::error!(%error, "what was shown cannot be told");
                None
            });
            kept == Some(manifest)
        }
    }
}

/// Reads the manifest and holds it against what the offer says.
async fn read_manifest(recv: &mut RecvStream, content: &Content) -> Result<Manifest, OfferError> {
    let Content::Files { files, bytes, manifest_len, manifest } = *content else { return Err(OfferError::Manifest) };
    let len = manifest_len as usize;
    let wait = MANIFEST_WAIT + Duration::from_secs(u64::from(manifest_len) / MANIFEST_BYTES_PER_SECOND);
    let read = async {
        let mut encoded: Vec<u8> = Vec::new();
        while encoded.len() < len {
            let left = len - encoded.len();
            let chunk = recv.read_chunk(left, true).await.map_err(StreamError::from)?.ok_or(StreamError::CutShort)?;
            if encoded.capacity() - encoded.len() < chunk.bytes.len() {
                // Twice what came, but never more than was reserved for it.
                encoded.reserve_exact(left.min(encoded.len().max(chunk.bytes.len())));
            }
            encoded.extend_from_slice(&chunk.bytes);
        }
        Ok::<_, StreamError>(encoded)
    };
    let encoded = tokio::time::timeout(wait, read).await.map_err(|_| OfferError::Manifest)??;
    let decoded = blocking(move || Manifest::decode(encoded).map(|decoded| (decoded.id(), decoded))).await;
    let (id, decoded) = decoded.map_err(|error| {
        tracing::debug!(%error, "a manifest that is none");
        OfferError::Manifest
    })?;
    let fits = id == manifest && decoded.files() == files && decoded.bytes() == bytes && !decoded.is_empty();
    if fits { Ok(decoded) } else { Err(OfferError::Manifest) }
}

fn new_record(offer: &Offer, connection: &Connection, manifest: Option<&Manifest>, text: Option<String>) -> TransferRecord {
    let name = display::shown_within(&offer.name, MAX_NAME);
    TransferRecord {
        text,
        files: manifest.map_or(0, Manifest::files),
        bytes: manifest.map_or(0, Manifest::bytes),
        ..TransferRecord::new(offer.transfer, Direction::Receive, connection.peer(), name)
    }
}

async fn free_in_inbox(transfers: &Transfers) -> Option<u64> {
    let inbox = transfers.inbox();
    blocking(move || disk::free_space(&inbox)).await.ok()
}
