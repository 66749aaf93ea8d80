//! `shoal receive`: waits for offers and asks the person at the terminal.
//!
//! Answers are given here, whether the engine is our own or runs elsewhere: a rule answers at once, the others wait in a queue
//! for the terminal, or for `shoal accept` where there is none.

mod prompt;

use super::{Accept, absolute, serve};
use crate::{
    bars::Bars,
    exit::Stop,
    output, question,
    session::{Session, reply},
    story::Story,
    words,
};
use clap::Args;
use prompt::{Answer, Prompt};
use shoal_api::{AcceptRule, Code, Device, Event, Failure, Reply, Request, Transfer, Trust};
use std::{collections::VecDeque, path::PathBuf};
use tokio::sync::mpsc;

/// Wait for files and be asked whether to take them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal receive
  shoal receive --from \"Mira's laptop\" --into ~/Pictures --once
  shoal receive --accept verified   # these are not asked about")]
pub(crate) struct ReceiveArgs {
    /// Only from this device; others are declined
    #[arg(long, value_name = "PEER")]
    from: Option<String>,
    /// Folder for accepted files; otherwise the inbox
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// End after one transfer
    #[arg(long)]
    once: bool,
    /// Who is accepted without a question: ask (nobody), verified or all
    #[arg(long, value_enum, value_name = "WHO", default_value = "ask", hide_possible_values = true)]
    accept: Accept,
    /// What others see; kept for the next time
    #[arg(long, value_name = "N")]
    name: Option<String>,
}

pub(crate) async fn run(session: &Session, args: ReceiveArgs) -> Result<(), Stop> {
    let terminal = question::can_ask(session);
    if !terminal && !session.out.json && args.accept == Accept::Ask {
        return Err(Stop::because(
            Code::Usage,
            "nobody can be asked here, since this is no terminal: say whom to accept with --accept, or run `shoal serve` and answer \
             with `shoal accept`",
        ));
    }
    let mut config = session.config.clone();
    config.name = args.name.clone();
    // Offers are answered here.
    config.accept = Some(AcceptRule::Ask);
    let into = args.into.as_deref().map(absolute).transpose()?;
    session.unless_stopped(session.host_with(config)).await?;
    let mut events = session.unless_stopped(session.subscribe()).await?;
    serve::ready(session, into.as_deref(), None).await?;

    let (typed, _keep) = if terminal { (question::typed_lines(), None) } else { silent() };
    let mut receiving = Receiving {
        session,
        from: args.from,
        into,
        once: args.once,
        accept: args.accept,
        terminal,
        queue: VecDeque::new(),
        asking: None,
        accepted: Vec::new(),
        bars: Bars::new(session.out.json),
        story: Story::default(),
    };
    let waiting = reply!(session.ask(Request::Transfers { all: false }).await?, Reply::Transfers { transfers } => transfers)?;
    for row in waiting.into_iter().filter(Transfer::is_open_offer) {
        receiving.offered(row).await?;
    }
    receiving.until_done(&mut events, typed).await
}

/// A keyboard that nobody has.
fn silent() -> (mpsc::Receiver<String>, Option<mpsc::Sender<String>>) {
    let (sender, receiver) = mpsc::channel(1);
    (receiver, Some(sender))
}

/// One run of the command.
#[derive(Debug)]
struct Receiving<'a> {
    session: &'a Session,
    from: Option<String>,
    into: Option<PathBuf>,
    once: bool,
    accept: Accept,
    terminal: bool,
    /// Offers that wait for their question.
    queue: VecDeque<Transfer>,
    /// The question on the screen.
    asking: Option<Prompt>,
    /// Transfers that were accepted here.
    accepted: Vec<String>,
    bars: Bars,
    story: Story,
}

impl Receiving<'_> {
    async fn until_done(&mut self, events: &mut shoal_api::Subscription, mut typed: mpsc::Receiver<String>) -> Result<(), Stop> {
        let mut keyboard = true;
        loop {
            tokio::select! {
                event = events.next() => {
                    let Some(event) = event else {
                        return Err(Stop::because(Code::Interrupted, "the running Shoal was ended: start `shoal receive` again"));
                    };
                    if let Some(end) = self.heard(event).await? {
                        return end.map_err(Stop::from);
                    }
                },
                line = typed.recv(), if keyboard => match line {
                    Some(line) => self.typed(&line).await?,
                    None => keyboard = false,
                },
                () = self.session.stopped() => return Err(Stop::Signal),
            }
        }
    }

    /// Takes in an event; with `--once`, says how the command ends when it was the end.
    async fn heard(&mut self, event: Event) -> Result<Option<Result<(), Failure>>, Stop> {
        self.session.out.json(&event)?;
        if let Event::Finished { transfer, .. } | Event::Failed { transfer, .. } = &event {
            self.bars.remove(transfer);
        }
        if let (Some(line), false) = (self.story.tell(&event), matches!(event, Event::Offered { .. })) {
            self.bars.aside(|| self.session.out.say(line))?;
        }
        for row in rows_of(&event).filter(|row| row.is_open_offer()) {
            self.offered(row.clone()).await?;
        }
        for row in rows_of(&event).filter(|row| !row.is_open_offer()) {
            self.no_longer_open(&row.transfer);
        }
        if let Some(id) = event.transfer() {
            self.show(id);
            if matches!(event, Event::Finished { .. } | Event::Failed { .. }) {
                self.no_longer_open(id);
            }
        }
        self.ask_next().await?;
        Ok(self.end(&event))
    }

    /// How `--once` ends, if it does.
    fn end(&self, event: &Event) -> Option<Result<(), Failure>> {
        let is_ours = |id: &str| self.once && self.accepted.iter().any(|accepted| accepted == id);
        match event {
            Event::Finished { transfer, files_failed, .. } if is_ours(transfer) => Some(finished(transfer, *files_failed)),
            Event::Failed { transfer, error, code, .. } if is_ours(transfer) => Some(Err(Failure::new(*code, error))),
            // The end itself may have been among the events that were lost.
            Event::Snapshot(snapshot) => {
                let over = snapshot.transfers.iter().find(|row| is_ours(&row.transfer) && row.state.is_over())?;
                let failure = Failure::of_state(over.state, None, &over.name, over.peer_name(), over.error.as_deref());
                Some(failure.map_or_else(|| finished(&over.transfer, over.files_failed), Err))
            }
            _ => None,
        }
    }

    fn show(&mut self, id: &str) {
        if let Some(row) = self.story.row(id).filter(|row| self.accepted.contains(&row.transfer) && !row.awaits_answer) {
            self.bars.show(row, &row.name);
        }
    }

    /// An offer came in: a rule answers it, or it waits for its question.
    async fn offered(&mut self, row: Transfer) -> Result<(), Stop> {
        if self.knows(&row.transfer) {
            return Ok(());
        }
        self.story.tell(&Event::Transfer(row.clone()));
        if !self.is_from_whom_we_wait(&row) {
            self.session.ask(Request::Decline { transfer: row.transfer }).await.or_else(lost)?;
            return Ok(());
        }
        let sender = self.sender(&row).await?;
        let trust = sender.as_ref().map_or(Trust::Stranger, |device| device.trust);
        match self.accept {
            Accept::All => self.take(row, self.into.clone(), Vec::new()).await,
            Accept::Verified if trust == Trust::Verified => self.take(row, self.into.clone(), Vec::new()).await,
            Accept::Ask | Accept::Verified if self.terminal => {
                self.queue.push_back(row);
                self.ask_next().await
            }
            Accept::Ask | Accept::Verified => {
                let id = words::short(&row.transfer);
                let line = format!("{} offers {} ({}): `shoal accept {id}`", row.peer_name(), row.name, words::what(&row));
                Ok(self.session.out.say(line)?)
            }
        }
    }

    fn knows(&self, id: &str) -> bool {
        self.accepted.iter().any(|accepted| accepted == id)
            || self.queue.iter().any(|row| row.transfer == id)
            || self.asking.as_ref().is_some_and(|prompt| prompt.row.transfer == id)
    }

    fn is_from_whom_we_wait(&self, row: &Transfer) -> bool {
        self.from.as_deref().is_none_or(|from| means(from, row))
    }

    async fn sender(&self, row: &Transfer) -> Result<Option<Device>, Stop> {
        let devices = reply!(self.session.ask(Request::Devices).await?, Reply::Devices { devices } => devices)?;
        Ok(devices.into_iter().find(|device| row.peers.contains(&device.id)))
    }

    /// Puts the next question, unless one is on the screen.
    async fn ask_next(&mut self) -> Result<(), Stop> {
        if self.asking.is_some() {
            return Ok(());
        }
        let Some(row) = self.queue.pop_front() else { return Ok(()) };
        let trust = self.sender(&row).await?.map_or(Trust::Stranger, |device| device.trust);
        let prompt = Prompt::new(row, trust, self.into.clone());
        self.bars.aside(|| {
            output::note(&prompt.introduction());
            question::put(&prompt.question());
        });
        self.asking = Some(prompt);
        Ok(())
    }

    /// The offer was answered elsewhere or taken back: no question about it any more.
    fn no_longer_open(&mut self, id: &str) {
        self.queue.retain(|row| row.transfer != id);
        if self.asking.take_if(|prompt| prompt.row.transfer == id).is_some() {
            output::note("\nThis offer is no longer there.");
        }
    }

    async fn typed(&mut self, line: &str) -> Result<(), Stop> {
        let Some(prompt) = &mut self.asking else { return Ok(()) };
        let Some(answer) = prompt.typed(line) else {
            question::put(&prompt.question());
            return Ok(());
        };
        let Some(prompt) = self.asking.take() else { return Ok(()) };
        match answer {
            Answer::Accept => {
                let (row, into, only) = prompt.consent();
                self.take(row, into, only).await?;
            }
            Answer::Decline => {
                self.session.ask(Request::Decline { transfer: prompt.row.transfer }).await.or_else(lost)?;
            }
            Answer::Block => {
                self.session.ask(Request::Decline { transfer: prompt.row.transfer.clone() }).await.or_else(lost)?;
                for peer in prompt.row.peers {
                    self.session.ask(Request::SetTrust { peer, trust: Trust::Blocked }).await.or_else(lost)?;
                }
            }
        }
        self.ask_next().await
    }

    async fn take(&mut self, row: Transfer, into: Option<PathBuf>, only: Vec<String>) -> Result<(), Stop> {
        // Before the engine is told: its first event may come before its answer.
        self.accepted.push(row.transfer.clone());
        let accept = Request::Accept { transfer: row.transfer.clone(), into, only, entries: Vec::new(), replace: false };
        if let Err(stop) = self.session.ask(accept).await {
            self.accepted.retain(|id| id != &row.transfer);
            if self.once && !self.terminal {
                return Err(stop);
            }
            lost(stop)?;
            // No room, or no such folder: it can be answered otherwise.
            if self.terminal {
                self.queue.push_front(row);
            }
        }
        Ok(())
    }
}

/// The rows that an event brings.
fn rows_of(event: &Event) -> std::slice::Iter<'_, Transfer> {
    match event {
        Event::Offered { row, .. } | Event::Transfer(row) => std::slice::from_ref(row).iter(),
        Event::Snapshot(snapshot) => snapshot.transfers.iter(),
        _ => [].iter(),
    }
}

/// A transfer that ended well, but for files that failed.
fn finished(id: &str, files_failed: u32) -> Result<(), Failure> {
    if files_failed == 0 {
        return Ok(());
    }
    let failed = words::count(files_failed.into(), "file");
    Err(Failure::new(Code::Failed, format_args!("{failed} failed: try again with `shoal retry {}`", words::short(id))))
}

/// An answer that came to nothing (the offer was taken back meanwhile, no room) is said, and the command goes on waiting.
fn lost(stop: Stop) -> Result<Reply, Stop> {
    match stop {
        Stop::Failures(_) => {
            stop.say();
            Ok(Reply::Done)
        }
        Stop::Signal | Stop::OutputClosed => Err(stop),
    }
}

/// Whether `--from` means this offer's sender: its name, or the beginning of its id (4 characters or more).
fn means(from: &str, row: &Transfer) -> bool {
    let by_id = from.len() >= 4 && row.peers.iter().any(|id| id.starts_with(&from.to_lowercase()));
    by_id || row.peer_names.iter().any(|name| name.to_lowercase() == from.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_means_a_name_or_the_beginning_of_an_id() {
        let row = Transfer { peers: vec!["k7xqabcd".into()], ..crate::story::tests::row() };
        assert!(["mira's laptop", "Mira's laptop", "k7xq", "K7XQAB"].into_iter().all(|from| means(from, &row)));
        assert!(!["k7x", "mira", "", "7xqa"].into_iter().any(|from| means(from, &row)));
    }
}
