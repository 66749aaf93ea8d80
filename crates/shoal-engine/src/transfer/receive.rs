//! A receiving transfer after consent: keeps a stream to the sender, pulls while it may ([`super::pull`]), reports, ends.

use super::{
    Cause, Direction, State,
    live::{Control, Live, Session},
    pull::{Course, Pull, PullEnd, discard_partials},
    transfers::{Transfers, blocking, pause_for},
};
use crate::{
    connection::Connection,
    error::ReachError,
    store::database::DatabaseError,
    stream::{StreamError, write_message},
    swarm::holders,
};
use shoal_proto::{
    codec::MAX_MESSAGE,
    display,
    message::{CloseCode, Failure, FromReceiver, FromSender, Obstacle, Progress, Request},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Progress is told at most this often.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// The sender refused a request for content: it says why on the offer's stream, or the next request is answered.
const REFUSED_RETRY: Duration = Duration::from_millis(500);

/// A transfer that is stuck looks this often whether it can go on.
const STUCK_RETRY: Duration = Duration::from_secs(2);

/// Waits between attempts to reach the sender: the first, and the longest.
const FIRST_RETRY: Duration = Duration::from_millis(200);
const MAX_RETRY: Duration = Duration::from_secs(3);

/// After asking for the offer again, the sender has this long.
const OFFER_WAIT: Duration = Duration::from_secs(5);

/// After the last message the sender has this long to say that it heard.
const HEARD_WAIT: Duration = Duration::from_secs(5);

/// And this long when the engine shuts down meanwhile.
const HEARD_WAIT_AT_EXIT: Duration = Duration::from_millis(500);

/// How a session, or the transfer, ended.
enum End {
    Over(State, Option<String>),
    Lost(String),
    Superseded(Session),
    ShuttingDown,
}

/// Carries a transfer to its end. `first` is the stream of the offer that was just accepted; `None` after a restart.
pub(crate) async fn run(
    transfers: Arc<Transfers>,
    live: Arc<Live>,
    mut renewed: mpsc::Receiver<Session>,
    mut first: Option<Session>,
) {
    loop {
        let session = match first.take() {
            Some(session) => Ok(session),
            None => reach(&transfers, &live, &mut renewed).await,
        };
        let (mut end, mut session, pull) = match session {
            Ok(mut session) => {
                let (end, pull) = hold_session(&transfers, &live, &mut session, &mut renewed).await;
                (end, Some(session), pull)
            }
            Err(end) => (end, None, None),
        };
        if let Some(pull) = pull {
            session = None;
            end = go_on_without(&transfers, &live, pull, &mut renewed).await;
        }
        match end {
            End::Superseded(session) => first = Some(session),
            End::Lost(reason) => {
                let paused = live.wanted() == Control::Pause;
                let state = if paused { State::Paused } else { State::Interrupted };
                transfers.enter(&live, state, (!paused).then_some(reason));
            }
            End::Over(state, error) => {
                // What failed can be tried again, from what is there.
                if state == State::Cancelled {
                    discard_partials(&transfers, &live).await;
                }
                // Over here before it is told: whoever heard that it is finished finds it so.
                transfers.enter(&live, state, error);
                if let Some(session) = session {
                    say_last_word(&transfers, &live, session, state).await;
                }
                return;
            }
            End::ShuttingDown => return,
        }
    }
}

/// Waits for the sender to offer again, and looks for it meanwhile.
async fn reach(transfers: &Arc<Transfers>, live: &Live, renewed: &mut mpsc::Receiver<Session>) -> Result<Session, End> {
    let mut control = live.control.subscribe();
    let mut wait = FIRST_RETRY;
    loop {
        let wanted = *control.borrow_and_update();
        match wanted {
            Control::Cancel => return Err(End::Over(State::Cancelled, None)),
            Control::Pause => {
                transfers.enter(live, State::Paused, None);
                tokio::select! {
                    () = transfers.cancel.cancelled() => return Err(End::ShuttingDown),
                    session = renewed.recv() => return session.ok_or(End::ShuttingDown),
                    _ = control.changed() => continue,
                }
            }
            Control::Run => {}
        }
        tokio::select! {
            () = transfers.cancel.cancelled() => return Err(End::ShuttingDown),
            session = renewed.recv() => return session.ok_or(End::ShuttingDown),
            _ = control.changed() => continue,
            asked = ask_again(transfers, live) => match asked {
                Ok(connection) => {
                    tokio::select! {
                        () = transfers.cancel.cancelled() => return Err(End::ShuttingDown),
                        session = renewed.recv() => return session.ok_or(End::ShuttingDown),
                        _ = control.changed() => continue,
                        _ = connection.closed() => {}
                        () = tokio::time::sleep(OFFER_WAIT) => {}
                    }
                }
                // It was cancelled there while this end was away. What came of it is of no use without the rest.
                Err(Asked::Gone) => {
                    let (name, offer) = (transfers.devices.name(live.peer), display::shown(&live.row().record.name));
                    let error = format!("{name} does not offer {offer} any more: ask for it to be sent again");
                    return Err(End::Over(State::Cancelled, Some(error)));
                }
                Err(Asked::NotBack(error)) => return Err(End::Over(State::Cancelled, Some(error))),
                Err(Asked::Unreachable(reason)) => transfers.enter(live, State::Interrupted, Some(reason)),
            },
        }
        tokio::select! {
            session = renewed.recv() => return session.ok_or(End::ShuttingDown),
            go_on = pause_for(live, &transfers.cancel, wait) => if !go_on { return Err(End::ShuttingDown) },
        }
        wait = (wait * 2).min(MAX_RETRY);
    }
}

enum Asked {
    Gone,
    NotBack(String),
    Unreachable(String),
}

/// Asks the sender to offer again; it does so on the connection that is returned.
async fn ask_again(transfers: &Transfers, live: &Live) -> Result<Connection, Asked> {
    transfers.until_wanted(live).await.map_err(Asked::NotBack)?;
    let unreachable = |error: ReachError| Asked::Unreachable(error.about(transfers.devices.name(live.peer)).to_string());
    let again = transfers.links.request(live.peer, &Request::Again(live.id)).await;
    let (connection, mut send, mut recv) = again.map_err(unreachable)?;
    send.finish();
    let Err(error) = recv.done().await else { return Ok(connection) };
    tracing::debug!(%error, transfer = %live.id, "the sender does not offer again now");
    match error.close_code() {
        Some(CloseCode::UnknownTransfer) => Err(Asked::Gone),
        _ => Err(Asked::Unreachable(lost_words(transfers, live))),
    }
}

fn lost_words(transfers: &Transfers, live: &Live) -> String {
    format!("the connection to {} was lost", transfers.devices.name(live.peer))
}

/// One stream with the sender, for as long as it lasts. What is pulled from others, too, goes on after it is lost.
async fn hold_session(
    transfers: &Arc<Transfers>,
    live: &Arc<Live>,
    session: &mut Session,
    renewed: &mut mpsc::Receiver<Session>,
) -> (End, Option<Pull>) {
    let mut pull: Option<Pull> = None;
    let end = tokio::select! {
        () = transfers.cancel.cancelled() => End::ShuttingDown,
        end = drive(transfers, live, session, renewed, &mut pull) => end,
    };
    match pull {
        Some(pull) if pull.is_from_several() && matches!(end, End::Lost(_)) => (end, Some(pull)),
        Some(pull) => {
            pull.stop().await;
            (end, None)
        }
        None => (end, None),
    }
}

/// The sender is away: the others of its swarm have what it gave. It is asked for again meanwhile.
async fn go_on_without(transfers: &Arc<Transfers>, live: &Live, mut pull: Pull, renewed: &mut mpsc::Receiver<Session>) -> End {
    let mut control = live.control.subscribe();
    let mut tick = tokio::time::interval(TELL_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = live.row().progress();
    let ask = async {
        loop {
            // What comes of it comes as a renewed offer.
            let _ = ask_again(transfers, live).await;
            tokio::time::sleep(MAX_RETRY).await;
        }
    };
    tokio::pin!(ask);
    let end = loop {
        match *control.borrow_and_update() {
            Control::Cancel => break End::Over(State::Cancelled, None),
            Control::Pause => break End::Lost(lost_words(transfers, live)),
            Control::Run => {}
        }
        tokio::select! {
            () = transfers.cancel.cancelled() => break End::ShuttingDown,
            session = renewed.recv() => break session.map_or(End::ShuttingDown, End::Superseded),
            _ = control.changed() => {}
            () = &mut ask => {}
            _ = tick.tick() => {
                let progress = live.row().progress();
                if progress != told {
                    told = progress;
                    transfers.tell_progress(live);
                }
            }
            ended = pull.ended() => return match ended {
                PullEnd::Finished => End::Over(State::Finished, failed_words(transfers, live).await),
                PullEnd::Failed(failure, error) => {
                    live.row().cause = (failure == Failure::Verification).then_some(Cause::Verification);
                    End::Over(State::Failed, Some(error))
                }
                PullEnd::Stuck(_, reason) => End::Lost(reason),
                PullEnd::Stopped | PullEnd::Lost | PullEnd::Gone => End::Lost(lost_words(transfers, live)),
            },
        }
    };
    pull.stop().await;
    end
}

/// Tells the sender how a transfer ended, and waits until it heard. One that misses it asks on its next connection.
async fn say_last_word(transfers: &Transfers, live: &Live, mut session: Session, state: State) {
    let last_word = match state {
        State::Finished => FromReceiver::Finished(live.row().progress()),
        State::Cancelled => FromReceiver::Cancelled,
        _ => {
            let verification = live.row().cause == Some(Cause::Verification);
            FromReceiver::Failed(if verification { Failure::Verification } else { Failure::Other })
        }
    };
    let say_it = async {
        say(&mut session, &last_word).await?;
        session.inbox.next().await
    };
    let shut_down = async {
        transfers.cancel.cancelled().await;
        tokio::time::sleep(HEARD_WAIT_AT_EXIT).await;
    };
    tokio::select! {
        () = shut_down => {}
        _ = tokio::time::timeout(HEARD_WAIT, say_it) => {}
    }
}

async fn drive(
    transfers: &Arc<Transfers>,
    live: &Arc<Live>,
    session: &mut Session,
    renewed: &mut mpsc::Receiver<Session>,
    pull: &mut Option<Pull>,
) -> End {
    let _hold = session.connection.hold();
    let mut control = live.control.subscribe();
    let mut tick = tokio::time::interval(TELL_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut paused_there, mut said_paused, mut told) = (session.paused, false, Progress::default());
    let mut stuck_until: Option<tokio::time::Instant> = None;
    let mut course = if session.swarms { Course::Swarm } else { Course::Alone };
    // What was asked for here is looked for at others, too.
    let is_fetched = live.row().record.is_fetched();
    let found = holders::until_found(transfers, live);
    tokio::pin!(found);
    let lost = || End::Lost(lost_words(transfers, live));
    let (files, bytes) = {
        let row = live.row();
        (row.record.files, row.record.bytes)
    };
    if say(session, &FromReceiver::Accepted { files, bytes }).await.is_err() {
        return lost();
    }
    let mut heard = None;
    loop {
        // What the sender said already counts before anything is begun.
        while let Some(message) = heard.take().or_else(|| session.inbox.next_here()) {
            match message {
                Ok(FromSender::Paused(paused)) => paused_there = paused,
                Ok(FromSender::Cancelled) => {
                    let error = format!("{} cancelled {}", transfers.devices.name(live.peer), live.row().record.name);
                    return End::Over(State::Cancelled, Some(error));
                }
                Ok(FromSender::Heard) => {}
                Ok(FromSender::Swarm(swarms)) => {
                    let now = if swarms { Course::Swarm } else { Course::Alone };
                    if now != course
                        && let Some(pull) = pull.take()
                    {
                        pull.stop().await;
                    }
                    course = now;
                }
                Err(error) => {
                    if error.is_violation() {
                        session.connection.close(CloseCode::Violation);
                    }
                    return lost();
                }
            }
        }
        let wanted = *control.borrow_and_update();
        if wanted == Control::Cancel {
            return End::Over(State::Cancelled, None);
        }
        let paused_here = wanted == Control::Pause;
        if paused_here != said_paused {
            said_paused = paused_here;
            if say(session, &FromReceiver::Paused(paused_here)).await.is_err() {
                return lost();
            }
        }
        if paused_here || paused_there {
            if let Some(pull) = pull.take() {
                pull.stop().await;
            }
            let error = (!paused_here).then(|| format!("paused by {}", transfers.devices.name(live.peer)));
            transfers.enter(live, State::Paused, error);
        } else if pull.is_none() && stuck_until.is_none() {
            *pull = Some(Pull::start(transfers.clone(), live.clone(), session.connection.clone(), course));
        }
        tokio::select! {
            _ = control.changed() => {}
            session = renewed.recv() => return session.map_or(End::ShuttingDown, End::Superseded),
            message = session.inbox.next() => heard = Some(message),
            () = async { tokio::time::sleep_until(stuck_until.unwrap_or_else(tokio::time::Instant::now)).await }, if stuck_until.is_some() => {
                stuck_until = None;
            }
            () = &mut found, if is_fetched && pull.as_ref().is_some_and(|pull| !pull.is_from_several()) => {
                course = Course::Holders;
                if let Some(pull) = pull.take() {
                    pull.stop().await;
                }
            }
            _ = tick.tick(), if pull.is_some() => {
                let progress = live.row().progress();
                if progress != told {
                    told = progress;
                    transfers.tell_progress(live);
                    if say(session, &FromReceiver::Progress(progress)).await.is_err() {
                        return lost();
                    }
                }
            }
            ended = async { match pull.as_mut() { Some(pull) => pull.ended().await, None => std::future::pending().await } } => {
                *pull = None;
                match ended {
                    PullEnd::Finished => return End::Over(State::Finished, failed_words(transfers, live).await),
                    PullEnd::Stopped => {}
                    PullEnd::Lost => return lost(),
                    PullEnd::Gone => stuck_until = Some(tokio::time::Instant::now() + REFUSED_RETRY),
                    PullEnd::Failed(failure, error) => {
                        live.row().cause = (failure == Failure::Verification).then_some(Cause::Verification);
                        return End::Over(State::Failed, Some(error));
                    }
                    PullEnd::Stuck(obstacle, reason) => {
                        live.row().cause = (obstacle == Obstacle::NoSpace).then_some(Cause::NoSpace);
                        transfers.enter(live, State::Interrupted, Some(reason));
                        stuck_until = Some(tokio::time::Instant::now() + STUCK_RETRY);
                        if say(session, &FromReceiver::Stuck(obstacle)).await.is_err() {
                            return lost();
                        }
                    }
                }
            }
        }
    }
}

async fn say(session: &mut Session, message: &FromReceiver) -> Result<(), StreamError> {
    write_message(&mut session.send, message, MAX_MESSAGE).await
}

/// "7 of 3,112 files failed (film.mkv: it could not be written here): try them again", or nothing.
async fn failed_words(transfers: &Transfers, live: &Live) -> Option<String> {
    let (failed, all) = {
        let row = live.row();
        (row.record.files_failed, row.record.files)
    };
    if failed == 0 {
        return None;
    }
    let (database, id) = (transfers.database.clone(), live.id);
    let read = blocking(move || Ok::<_, DatabaseError>((database.kept(id)?.failures, database.manifest(id)?))).await;
    let (failures, manifest) = read.unwrap_or_else(|error| {
        tracing::error!(%error, "which files failed is not known");
        (BTreeMap::new(), None)
    });
    let first = failures.first_key_value().and_then(|(index, reason)| {
        let name = display::shown(manifest?.entry(*index)?.path.file_name());
        Some(format!(" ({name}: {})", reason.words(Direction::Receive)))
    });
    let files = display::count(u64::from(all), "file");
    Some(format!("{failed} of {files} failed{}: try them again", first.unwrap_or_default()))
}
