//! Follows transfers until each is over, and decides how the command ends.

use crate::{
    bars::Bars,
    exit::Stop,
    output,
    session::{Session, reply},
    words,
};
use shoal_api::{Code, Direction, Event, Failure, Reply, Request, Snapshot, State, Subscription, Transfer};
use std::time::Duration;
use tokio::time::Instant;

/// How to follow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Follow {
    /// How long a transfer may stay interrupted before the command gives up on it; it can be resumed.
    pub(crate) patience: Duration,
    /// Stopping the command also stops the transfers, wherever the engine runs.
    pub(crate) halt: bool,
}

/// One transfer that is followed.
#[derive(Debug)]
struct Followed {
    row: Transfer,
    /// What its bar is called.
    label: String,
    /// When it was first followed.
    began: Instant,
    /// When it was interrupted, and why.
    interrupted: Option<(Instant, String)>,
    /// How it ended; the failure has one of the contract's codes.
    end: Option<Result<(), Failure>>,
}

/// Asks for transfers and follows them until each is over. One that is refused keeps none of the others from that; it decides how the
/// command ends.
pub(crate) async fn ask_and_follow(session: &Session, requests: Vec<Request>, how: Follow) -> Result<(), Stop> {
    // Before the first is asked for, so that no event of it is missed.
    let events = session.unless_stopped(session.subscribe()).await?;
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for request in requests {
        match session.unless_stopped(session.ask(request)).await {
            Ok(asked) => rows.extend(reply!(asked, Reply::Transfers { transfers } => transfers)?),
            Err(Stop::Failures(failed)) => failures.extend(failed),
            // What was begun is stopped below.
            Err(Stop::Signal) if !rows.is_empty() => break,
            Err(stop) => return Err(stop),
        }
    }
    let followed = if rows.is_empty() { Ok(()) } else { follow(session, events, rows, how).await };
    match followed {
        Ok(()) => {}
        Err(Stop::Failures(more)) => failures.extend(more),
        Err(stop) => return Err(stop),
    }
    if failures.is_empty() { Ok(()) } else { Err(Stop::Failures(failures)) }
}

/// Follows `rows` until each is over. `events` were subscribed to before the transfers began.
pub(crate) async fn follow(session: &Session, mut events: Subscription, rows: Vec<Transfer>, how: Follow) -> Result<(), Stop> {
    let out = session.out;
    let several = rows.len() > 1;
    let began = Instant::now();
    let mut followed: Vec<Followed> = rows.into_iter().map(|row| Followed::new(row, several, began)).collect();
    let mut bars = Bars::new(out.json);
    announce(&followed, &mut bars, session)?;
    while followed.iter().any(|one| one.end.is_none()) {
        let deadline = followed.iter().filter_map(|one| one.gives_up_at(how.patience)).min();
        let event = tokio::select! {
            event = events.next() => event,
            () = session.stopped() => return Err(stop(session, &followed, how).await),
            () = until(deadline) => {
                followed.iter_mut().for_each(|one| one.give_up(how.patience, Instant::now()));
                continue;
            },
        };
        let Some(event) = event else {
            followed.iter_mut().for_each(Followed::engine_is_gone);
            break;
        };
        for one in &mut followed {
            for line in one.heard(&event, Instant::now()) {
                out.json(&line)?;
            }
            match &one.end {
                Some(end) => {
                    bars.remove(&one.row.transfer);
                    if event.transfer() == Some(&one.row.transfer) && end.is_ok() {
                        bars.aside(|| out.say(one.success(&event)))?;
                    }
                }
                None => bars.show(&one.row, &one.label),
            }
        }
    }
    let failures: Vec<Failure> = followed.into_iter().filter_map(|one| one.end.and_then(Result::err)).collect();
    if failures.is_empty() { Ok(()) } else { Err(Stop::Failures(failures)) }
}

fn announce(followed: &[Followed], bars: &mut Bars, session: &Session) -> Result<(), Stop> {
    for one in followed {
        if one.row.text.is_none() {
            let peer = one.row.peers.first().cloned().unwrap_or_default();
            session.out.json(&Event::Offered { peer, row: one.row.clone() })?;
        }
        if bars.are_hidden() && !session.out.json {
            output::note(&format!("{} ({}): {}", one.row.name, words::what(&one.row), words::standing(&one.row)));
        }
        bars.show(&one.row, &one.label);
    }
    Ok(())
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Ctrl-C. An offer that nobody answered is withdrawn; what moves is kept, and the person told how to go on.
async fn stop(session: &Session, followed: &[Followed], how: Follow) -> Stop {
    for one in followed.iter().filter(|one| one.end.is_none()) {
        let (id, name) = (one.row.transfer.clone(), &one.row.name);
        let unanswered = one.row.state == State::Waiting && one.row.direction == Direction::Send;
        let is_ours = session.host().await.is_ok_and(shoal_api::Host::is_local);
        let asked = match (how.halt, unanswered, is_ours) {
            (true, true, _) => session.ask(Request::Cancel { transfer: id.clone() }).await,
            (true, false, false) => session.ask(Request::Pause { transfer: id.clone() }).await,
            // An engine of our own ends with us and keeps what resuming needs; elsewhere it just goes on.
            (true, false, true) | (false, ..) => Ok(shoal_api::Reply::Done),
        };
        match asked {
            Ok(_) if how.halt && unanswered => output::note(&format!("{name} is no longer offered.")),
            Ok(_) if how.halt || is_ours => {
                output::note(&format!("{name} is stopped. Go on with `shoal resume {}`.", words::short(&id)));
            }
            Ok(_) => {}
            Err(error) => error.say(),
        }
    }
    Stop::Signal
}

impl Followed {
    fn new(row: Transfer, several: bool, began: Instant) -> Self {
        let label = if several { row.peer_name().to_owned() } else { row.name.clone() };
        Self { row, label, began, interrupted: None, end: None }
    }

    /// Takes in an event and returns the lines that scripts get for it.
    fn heard(&mut self, event: &Event, now: Instant) -> Vec<Event> {
        if let Event::Snapshot(snapshot) = event {
            return self.caught_up(snapshot, now).into_iter().collect();
        }
        if self.end.is_some() || event.transfer() != Some(&self.row.transfer) {
            return Vec::new();
        }
        self.row.hear(event);
        match event {
            // Its state alone; scripts are told what comes of it.
            Event::Offered { .. } | Event::Transfer(_) => {
                self.unless_interrupted();
                return Vec::new();
            }
            Event::Interrupted { reason, .. } => {
                self.interrupted.get_or_insert_with(|| (now, reason.clone())).1.clone_from(reason);
            }
            Event::Finished { .. } => self.end = Some(self.finished()),
            Event::Failed { code, .. } => self.end = Some(Err(self.failure(Some(*code)))),
            _ => self.unless_interrupted(),
        }
        vec![event.clone()]
    }

    /// Events were lost: what the snapshot says counts, an end among it.
    fn caught_up(&mut self, snapshot: &Snapshot, now: Instant) -> Option<Event> {
        let row = snapshot.transfers.iter().find(|row| row.transfer == self.row.transfer).filter(|_| self.end.is_none())?;
        self.row = row.clone();
        self.unless_interrupted();
        let transfer = row.transfer.clone();
        match row.state {
            State::Finished => {
                self.end = Some(self.finished());
                Some(Event::Finished {
                    transfer,
                    files: row.files_done,
                    bytes: row.bytes_done,
                    bytes_moved: row.bytes_moved,
                    seconds: now.duration_since(self.began).as_secs_f64(),
                    files_failed: row.files_failed,
                })
            }
            State::Failed | State::Cancelled | State::Declined => {
                let failure = self.failure(None);
                let event = Event::Failed { transfer, error: failure.message.clone(), code: failure.code, state: row.state };
                self.end = Some(Err(failure));
                Some(event)
            }
            State::Waiting | State::Active | State::Paused | State::Interrupted => None,
        }
    }

    fn unless_interrupted(&mut self) {
        if self.row.state != State::Interrupted {
            self.interrupted = None;
        }
    }

    /// Finished; files that failed all the same are a failure of the command.
    fn finished(&self) -> Result<(), Failure> {
        if self.row.files_failed == 0 {
            return Ok(());
        }
        Err(Failure::new(
            Code::Failed,
            format_args!(
                "{} of {} of {} failed: try them again with `shoal retry {}`",
                self.row.files_failed,
                words::count(self.row.files.into(), "file"),
                self.row.name,
                words::short(&self.row.transfer)
            ),
        ))
    }

    fn failure(&self, code: Option<Code>) -> Failure {
        let row = &self.row;
        Failure::of_state(row.state, code, &row.name, row.peer_name(), row.error.as_deref())
            .unwrap_or_else(|| Failure::new(Code::Failed, format_args!("{} failed", row.name)))
    }

    fn gives_up_at(&self, patience: Duration) -> Option<Instant> {
        self.interrupted.as_ref().filter(|_| self.end.is_none()).map(|(since, _)| *since + patience)
    }

    fn give_up(&mut self, patience: Duration, now: Instant) {
        if self.gives_up_at(patience).is_some_and(|at| at <= now)
            && let Some((_, reason)) = &self.interrupted
        {
            self.end = Some(Err(self.can_be_resumed(reason)));
        }
    }

    fn engine_is_gone(&mut self) {
        if self.end.is_none() {
            self.end = Some(Err(self.can_be_resumed("the running Shoal was ended")));
        }
    }

    fn can_be_resumed(&self, reason: &str) -> Failure {
        Failure::new(
            Code::Interrupted,
            format_args!("{} stopped ({reason}): go on with `shoal resume {}`", self.row.name, words::short(&self.row.transfer)),
        )
    }

    /// `holiday is with Mira's laptop: 3 files, 1.2 GB in 14 s.`
    fn success(&self, event: &Event) -> String {
        let row = &self.row;
        let took = match event {
            Event::Finished { seconds, .. } => *seconds,
            _ => self.began.elapsed().as_secs_f64(),
        };
        let took = if took < 1.0 { "under a second".to_owned() } else { words::time(took.round() as u64) };
        let whole = format!("{} in {took}", words::what(row));
        match (row.direction, &row.into) {
            (Direction::Send, _) if row.text.is_some() => format!("{} has the text.", row.peer_name()),
            (Direction::Send, _) => format!("{} has {}: {whole}.", row.peer_name(), row.name),
            (Direction::Receive | Direction::Fetch, Some(into)) if row.text.is_none() => {
                format!("{} is in {}: {whole}.", row.name, into.display())
            }
            (Direction::Receive | Direction::Fetch, _) => format!("{} from {}: {whole}.", row.name, row.peer_name()),
        }
    }
}

#[cfg(test)]
mod tests;
