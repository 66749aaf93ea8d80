//! A sending transfer: offers until it is answered, keeps the stream, offers again after every interruption.
//! What the receiver fetches is served by [`super::serve`].

use super::{
    Cause, Direction, State, added,
    inbox::Inbox,
    live::{Control, Live},
    transfers::{Transfers, blocking, pause_for},
};
use crate::{
    connection::Connection,
    error::{ReachError, SendError},
    store::{
        database::{Added, Database, TicketRecord, TransferRecord},
        scan::{Kind, ScanError, ScannedEntry, scan},
        source::{Root, Roots},
    },
    stream::{SendStream, StreamError, write_message},
    tickets::TicketId,
};
use shoal_proto::{
    Entry, Manifest, PeerId,
    codec::{self, MAX_MESSAGE},
    display,
    manifest::{self, Builder, EntryKind, Timestamp},
    message::{CloseCode, Content, Decline, Failure, FromReceiver, FromSender, Obstacle, Offer, Progress, Request, TransferId},
    share::ShareId,
};
use std::{
    ops::ControlFlow,
    path::PathBuf,
    sync::{Arc, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Waits between attempts to reach the receiver: the first, and the longest.
const FIRST_RETRY: Duration = Duration::from_millis(200);
const MAX_RETRY: Duration = Duration::from_secs(3);

/// Characters of a text that serve as its name.
const TEXT_NAME: usize = 40;

/// Progress is told to front ends at most this often.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// What is offered, looked at once for all receivers.
#[derive(Debug)]
pub(crate) struct Prepared {
    name: String,
    text: Option<String>,
    pub(crate) manifest: Option<Manifest>,
    sources: Vec<(String, PathBuf)>,
    share: Option<ShareId>,
    beneath: Option<PathBuf>,
    ticket: Option<TicketId>,
    /// Where in a share of the receiver's it is to go.
    pub(super) added: Option<Added>,
}

impl Prepared {
    pub(crate) fn text(text: String) -> Self {
        let line = text.lines().next().unwrap_or_default();
        Self {
            name: display::shown_within(line, TEXT_NAME),
            text: Some(text),
            manifest: None,
            sources: Vec::new(),
            share: None,
            beneath: None,
            ticket: None,
            added: None,
        }
    }

    /// What a ticket is of.
    pub(crate) fn of_ticket(record: TicketRecord, manifest: Manifest) -> Self {
        Self {
            name: record.name,
            text: None,
            manifest: Some(manifest),
            sources: record.sources,
            share: None,
            beneath: None,
            ticket: Some(record.id),
            added: None,
        }
    }

    /// Its name and, for each name at its top, the path behind it; not safe to print.
    pub(crate) fn into_parts(self) -> (String, Option<Manifest>, Vec<(String, PathBuf)>) {
        (self.name, self.manifest, self.sources)
    }

    /// Parts of a share, which lie beneath `folder`.
    pub(crate) fn shared(
        name: String,
        manifest: Manifest,
        sources: Vec<(String, PathBuf)>,
        share: ShareId,
        folder: PathBuf,
    ) -> Self {
        Self {
            name,
            text: None,
            manifest: Some(manifest),
            sources,
            share: Some(share),
            beneath: Some(folder),
            ticket: None,
            added: None,
        }
    }

    /// Looks through files and folders; reads no content.
    pub(crate) async fn scan(paths: Vec<PathBuf>, database: Arc<Database>, cancel: CancellationToken) -> Result<Self, SendError> {
        blocking(move || {
            let originals = |name: &str| {
                database.long_name(name).unwrap_or_else(|error| {
                    tracing::warn!(%error, "the original of a shortened name is not known");
                    None
                })
            };
            let mut builder = Builder::default();
            let mut full = false;
            let found = scan(&paths, &originals, &|| cancel.is_cancelled(), &mut |entry| {
                full = builder.push(&as_entry(&entry)).is_err();
                if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            let found = match found {
                Err(ScanError::Source { path, reason }) => return Err(SendError::Source { path, reason: reason.to_string() }),
                Err(ScanError::Cancelled) if !full => return Err(ReachError::ShuttingDown.into()),
                Err(ScanError::Cancelled) => return Err(SendError::TooMany { limit: u64::from(manifest::MAX_ENTRIES) }),
                Ok(found) => found,
            };
            for skipped in &found.skipped {
                tracing::warn!(path = %skipped.path.display(), reason = %skipped.reason, "left out");
            }
            let too_many = |_| SendError::TooMany { limit: u64::from(manifest::MAX_ENTRIES) };
            let manifest = builder.finish().map_err(too_many)?;
            let sources: Vec<(String, PathBuf)> = found.roots.iter().map(|root| (root.name.clone(), root.path.clone())).collect();
            let first = sources.first().filter(|_| !manifest.is_empty()).ok_or(SendError::Nothing)?;
            let name = match sources.len() {
                1 => first.0.clone(),
                several => format!("{} and {} more", first.0, several - 1),
            };
            Ok(Self {
                name,
                text: None,
                manifest: Some(manifest),
                sources,
                share: None,
                beneath: None,
                ticket: None,
                added: None,
            })
        })
        .await
    }

    /// The record of a transfer of this to a peer.
    pub(crate) fn record(&self, id: TransferId, peer: PeerId) -> TransferRecord {
        TransferRecord {
            text: self.text.clone(),
            files: self.manifest.as_ref().map_or(0, Manifest::files),
            bytes: self.manifest.as_ref().map_or(0, Manifest::bytes),
            sources: self.sources.clone(),
            share: self.share,
            beneath: self.beneath.clone(),
            added: self.added.clone(),
            own_ticket: self.ticket,
            ..TransferRecord::new(id, Direction::Send, peer, self.name.clone())
        }
    }
}

fn as_entry(scanned: &ScannedEntry<'_>) -> Entry {
    let kind = match scanned.kind {
        Kind::Folder => EntryKind::Folder,
        Kind::File { size, executable } => EntryKind::File { size, executable, root: None },
    };
    Entry { path: scanned.path.clone(), modified: timestamp(scanned.modified), kind }
}

pub(crate) fn timestamp(time: SystemTime) -> Timestamp {
    let signed = |since: Duration| i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => Timestamp { seconds: signed(since), nanos: since.subsec_nanos() },
        Err(before) => {
            let before = before.duration();
            let part = before.subsec_nanos();
            let seconds = -signed(before) - i64::from(part > 0);
            Timestamp { seconds, nanos: if part > 0 { 1_000_000_000 - part } else { 0 } }
        }
    }
}

/// The way from a transfer's entries to their files.
pub(crate) fn roots(record: &TransferRecord) -> Roots {
    let roots = record.sources.iter().cloned().map(|(name, path)| Root { name, path });
    Roots::new(roots.collect()).within(record.beneath.clone())
}

/// How a session, or the transfer, ended.
enum End {
    Over(State, Option<String>),
    Lost(String),
    /// The receiver came back on another connection: to be gone on with there, at once.
    Renewed,
    ShuttingDown,
}

/// Carries a transfer to its end.
pub(crate) async fn run(transfers: Arc<Transfers>, live: Arc<Live>) {
    let mut wait = FIRST_RETRY;
    loop {
        let end = match reach(&transfers, &live).await {
            Ok(connection) => hold_session(&transfers, &live, connection).await,
            Err(end) => end,
        };
        match end {
            End::Over(state, error) => {
                transfers.swarms.leave(&live, transfers.links.id(), state == State::Finished);
                transfers.enter(&live, state, error);
                return transfers.forget_shared(&live).await;
            }
            End::ShuttingDown => return,
            End::Renewed => continue,
            End::Lost(reason) => {
                if live.state() == State::Active {
                    wait = FIRST_RETRY;
                }
                let paused = live.wanted() == Control::Pause;
                // Before the first answer there is nothing that could be interrupted.
                let running = if live.row().record.accepted { State::Interrupted } else { State::Waiting };
                transfers.enter(&live, if paused { State::Paused } else { running }, (!paused).then_some(reason));
            }
        }
        if !pause_for(&live, &transfers.cancel, wait).await {
            return;
        }
        wait = (wait * 2).min(MAX_RETRY);
    }
}

/// A connection to the receiver: the one that it asked on, or any.
async fn reach(transfers: &Transfers, live: &Live) -> Result<Connection, End> {
    let mut control = live.control.subscribe();
    loop {
        let wanted = *control.borrow_and_update();
        match wanted {
            Control::Cancel => return Err(End::Over(State::Cancelled, None)),
            Control::Pause => transfers.enter(live, State::Paused, None),
            Control::Run => {}
        }
        // A receiver that asks is answered while paused, too: it hears there that it is.
        if let Some(connection) = live.preferred.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(connection);
        }
        tokio::select! {
            () = transfers.cancel.cancelled() => return Err(End::ShuttingDown),
            _ = control.changed() => {}
            () = live.wake.notified(), if wanted == Control::Pause => {}
            reached = connect(transfers, live), if wanted == Control::Run => {
                return reached?.map_err(|error| match error.about(transfers.devices.name(live.peer)) {
                    ReachError::ShuttingDown => End::ShuttingDown,
                    error @ ReachError::Refused { .. } => End::Over(State::Declined, Some(error.to_string())),
                    error => End::Lost(error.to_string()),
                });
            }
        }
    }
}

async fn connect(transfers: &Transfers, live: &Live) -> Result<Result<Connection, ReachError>, End> {
    transfers.until_wanted(live).await.map_err(|error| End::Over(State::Cancelled, Some(error)))?;
    Ok(transfers.links.get(live.peer).await)
}

/// One session, which a shutdown ends wherever it is: writing may wait for a receiver that is gone.
async fn hold_session(transfers: &Arc<Transfers>, live: &Arc<Live>, connection: Connection) -> End {
    tokio::select! {
        () = transfers.cancel.cancelled() => End::ShuttingDown,
        end = session(transfers, live, connection) => end,
    }
}

async fn session(transfers: &Arc<Transfers>, live: &Arc<Live>, connection: Connection) -> End {
    let lost = || End::Lost(format!("the connection to {} was lost", transfers.devices.name(live.peer)));
    // Not even the list of names goes to one who may not see them any more.
    if !transfers.may_send(live, &connection) {
        return End::Over(State::Cancelled, Some(transfers.not_shared_any_more(live)));
    }
    let (offer, manifest) = match offer(transfers, live).await {
        Ok(offer) => offer,
        Err(end) => return end,
    };
    let _hold = connection.hold();
    if live.row().retry {
        match ask_to_retry(live.id, &connection).await {
            Ok(()) => live.row().retry = false,
            Err(Some(CloseCode::UnknownTransfer | CloseCode::Unsupported)) => {
                let (name, offer) = (transfers.devices.name(live.peer), display::shown(&live.row().record.name));
                return End::Over(State::Failed, Some(format!("{name} does not try {offer} again: send it anew")));
            }
            Err(_) => return lost(),
        }
    }
    let Ok((mut send, recv)) = connection.open_request(&added::request(live, offer)).await else { return lost() };
    let inbox = Inbox::new(recv, &transfers.tasks);
    match drive(transfers, live, &connection, &mut send, inbox, manifest).await {
        Ok(end) => end,
        Err(error) => {
            tracing::debug!(%error, transfer = %live.id, "an offer's stream ended");
            if error.is_violation() {
                connection.close(CloseCode::Violation);
                let error = "the other device does not keep to the protocol: update Shoal on both".to_owned();
                return End::Over(State::Failed, Some(error));
            }
            let name = transfers.devices.name(live.peer);
            match error.close_code() {
                Some(CloseCode::Refused) => End::Over(State::Declined, Some(format!("{name} refuses this device"))),
                Some(CloseCode::NotShared) => End::Over(State::Declined, Some(added::refused(live, &name))),
                Some(CloseCode::Unsupported) => End::Over(
                    State::Failed,
                    Some(format!("{name} runs an older Shoal, to which nothing can be added: update it")),
                ),
                _ => lost(),
            }
        }
    }
}

/// Has the receiver want again what failed; otherwise it would answer the offer with how it ended.
async fn ask_to_retry(id: TransferId, connection: &Connection) -> Result<(), Option<CloseCode>> {
    let ask = async {
        let (mut send, mut recv) = connection.open_request(&Request::Retry(id)).await?;
        send.finish();
        recv.done().await
    };
    ask.await.map_err(|error: StreamError| error.close_code())
}

/// The offer as it is made, with the manifest that it describes.
async fn offer(transfers: &Arc<Transfers>, live: &Arc<Live>) -> Result<(Offer, Option<Manifest>), End> {
    let record = live.row().record.clone();
    if let Some(text) = record.text {
        return Ok((Offer { transfer: live.id, name: record.name, content: Content::Text(text) }, None));
    }
    let kept = live.row().manifest.clone();
    let (database, id) = (transfers.database.clone(), live.id);
    let loaded = match kept {
        Some(manifest) => Ok(Some(manifest)),
        None => blocking(move || database.manifest(id)).await,
    };
    let manifest = match loaded {
        Ok(Some(manifest)) => manifest,
        Ok(None) => {
            return Err(End::Over(State::Failed, Some("what was to be sent is no longer recorded: send it again".to_owned())));
        }
        Err(error) => return Err(End::Over(State::Failed, Some(error.to_string()))),
    };
    transfers.shared_memory(live, &manifest).await;
    live.row().manifest = Some(manifest.clone());
    let content = Content::Files {
        files: manifest.files(),
        bytes: manifest.bytes(),
        manifest_len: u32::try_from(manifest.encoded().len()).unwrap_or(u32::MAX),
        manifest: manifest.id(),
    };
    Ok((Offer { transfer: live.id, name: record.name, content }, Some(manifest)))
}

async fn drive(
    transfers: &Arc<Transfers>,
    live: &Arc<Live>,
    connection: &Connection,
    send: &mut SendStream,
    mut inbox: Inbox<FromReceiver>,
    manifest: Option<Manifest>,
) -> Result<End, StreamError> {
    let mut control = live.control.subscribe();
    let mut said_paused = false;
    let mut told = tokio::time::Instant::now();
    let mut manifest_sent = false;
    let mut swarming: Option<watch::Receiver<bool>> = None;
    let name = transfers.devices.name(live.peer);
    loop {
        let wanted = *control.borrow_and_update();
        if wanted == Control::Cancel {
            say(send, &FromSender::Cancelled).await?;
            send.finish();
            return Ok(End::Over(State::Cancelled, None));
        }
        let pause = wanted == Control::Pause;
        if pause != said_paused {
            said_paused = pause;
            say(send, &FromSender::Paused(pause)).await?;
            transfers.enter(live, if pause { State::Paused } else { running(live) }, None);
        }
        let swarm_changed = async {
            match swarming.as_mut() {
                Some(swarming) => swarming.changed().await,
                None => std::future::pending().await,
            }
        };
        let message = tokio::select! {
            _ = control.changed() => continue,
            changed = swarm_changed => {
                match swarming.as_mut() {
                    Some(now) if changed.is_ok() => {
                        let swarms = *now.borrow_and_update();
                        say(send, &FromSender::Swarm(swarms)).await?;
                    }
                    _ => swarming = None,
                }
                continue;
            }
            () = live.wake.notified() => {
                let preferred = live.preferred.lock().unwrap_or_else(PoisonError::into_inner).clone();
                match preferred {
                    // This one is dead, as far as the receiver knows.
                    Some(other) if !other.is(connection) => return Ok(End::Renewed),
                    _ => continue,
                }
            }
            message = inbox.next() => message?,
        };
        match message {
            FromReceiver::WantManifest => {
                // Once: it may be long, and asking costs nothing.
                let Some(manifest) = manifest.as_ref().filter(|_| !manifest_sent) else { return Err(nonsense()) };
                manifest_sent = true;
                tokio::select! {
                    () = transfers.cancel.cancelled() => return Ok(End::ShuttingDown),
                    written = send.write_all(manifest.encoded()) => written?,
                }
                swarming = transfers.swarms.expect(transfers, live, connection, manifest);
                swarming.iter_mut().for_each(watch::Receiver::mark_changed);
            }
            FromReceiver::Asking => transfers.enter(live, State::Waiting, Some(format!("{name} is asked"))),
            FromReceiver::Accepted { files, bytes } => {
                let offered = manifest.as_ref().map_or((0, 0), |manifest| (manifest.files(), manifest.bytes()));
                if files > offered.0 || bytes > offered.1 {
                    return Err(nonsense());
                }
                // Who fetches what is shared with everyone, or takes what anybody may add, is a stranger still.
                if live.row().record.is_for_a_person() {
                    transfers.became_known(live.peer);
                }
                let ticket = live.row().record.own_ticket.filter(|_| !*live.accepted.borrow());
                ticket.into_iter().for_each(|ticket| transfers.rights.used(ticket));
                transfers.keep(live, |row| {
                    row.record.accepted = true;
                    row.record.files = files;
                    row.record.bytes = bytes;
                });
                live.accepted.send_replace(true);
                swarming = manifest.as_ref().and_then(|manifest| transfers.swarms.enter(transfers, live, connection, manifest));
                swarming.iter_mut().for_each(watch::Receiver::mark_changed);
                transfers.enter(live, if said_paused { State::Paused } else { State::Active }, None);
            }
            FromReceiver::Declined(reason) => return Ok(declined(&name, live, &reason)),
            FromReceiver::Progress(progress) => {
                advance(live, progress);
                if !said_paused {
                    transfers.enter(live, State::Active, None);
                }
                if told.elapsed() >= TELL_EVERY {
                    told = tokio::time::Instant::now();
                    transfers.tell_progress(live);
                }
            }
            FromReceiver::Paused(paused) => {
                let (state, error) =
                    if paused { (State::Paused, Some(format!("paused by {name}"))) } else { (running(live), None) };
                let (state, error) = if said_paused { (State::Paused, None) } else { (state, error) };
                transfers.enter(live, state, error);
            }
            FromReceiver::Stuck(obstacle) => {
                live.row().cause = (obstacle == Obstacle::NoSpace).then_some(Cause::NoSpace);
                let error = match obstacle {
                    Obstacle::NoSpace => format!("{name} has no room left: it goes on when there is"),
                    Obstacle::CannotWrite => format!("{name} cannot write to its folder: it goes on when it can"),
                };
                transfers.enter(live, State::Interrupted, Some(error));
            }
            FromReceiver::Cancelled => {
                let _ = say(send, &FromSender::Heard).await;
                let offer = display::shown(&live.row().record.name);
                return Ok(End::Over(State::Cancelled, Some(format!("{name} cancelled {offer}"))));
            }
            FromReceiver::Failed(failure) => {
                let _ = say(send, &FromSender::Heard).await;
                let error = match failure {
                    Failure::Verification => {
                        live.row().cause = Some(Cause::Verification);
                        format!(
                            "what came to {name} was not what was sent: try again, and check both drives and memory if it happens twice"
                        )
                    }
                    Failure::Other => format!("{name} could not finish it: what happened is shown there"),
                };
                return Ok(End::Over(State::Failed, Some(error)));
            }
            FromReceiver::Finished(progress) => {
                let progress = advance(live, progress);
                // Whoever finished will say so again if this is lost.
                let _ = say(send, &FromSender::Heard).await;
                send.finish();
                let failed = progress.files_failed;
                let words = display::count(u64::from(live.row().record.files), "file");
                return Ok(End::Over(State::Finished, (failed > 0).then(|| format!("{failed} of {words} did not arrive"))));
            }
        }
    }
}

/// The receiver says what cannot be.
fn nonsense() -> StreamError {
    StreamError::Codec(codec::CodecError::Malformed)
}

/// Takes the receiver's word for how far it is, as far as that can be.
fn advance(live: &Live, said: Progress) -> Progress {
    let mut row = live.row();
    let files_done = said.files_done.min(row.record.files);
    let progress = Progress {
        files_done,
        files_failed: said.files_failed.min(row.record.files - files_done),
        bytes_done: said.bytes_done.min(row.record.bytes),
        bytes_moved: said.bytes_moved.min(i64::MAX as u64),
    };
    row.advance(progress);
    progress
}

/// What a transfer is that is not paused.
fn running(live: &Live) -> State {
    if live.row().record.accepted { State::Active } else { State::Waiting }
}

fn declined(name: &str, live: &Live, reason: &Decline) -> End {
    let offer = display::shown(&live.row().record.name);
    let (state, error) = match reason {
        Decline::Person => (State::Declined, format!("{name} declined {offer}")),
        Decline::NotAllowed => (State::Declined, format!("{name} does not take {offer} now")),
        // Nobody refused it.
        Decline::Busy => return End::Lost(format!("{name} has too many offers waiting: {offer} is offered when there is room")),
        Decline::Over => (State::Cancelled, format!("{name} does not want {offer} any more")),
        Decline::NoSpace { needed, free } => {
            live.row().cause = Some(Cause::NoSpace);
            let (needed, free) = (display::size(*needed), display::size(*free));
            (State::Failed, format!("{name} has {free} free and {offer} needs {needed}: it was not sent"))
        }
    };
    End::Over(state, Some(error))
}

async fn say(send: &mut SendStream, message: &FromSender) -> Result<(), StreamError> {
    write_message(send, message, MAX_MESSAGE).await
}
