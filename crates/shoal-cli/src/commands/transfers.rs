//! `shoal transfers`, `pause`, `resume`, `cancel` and `retry`: what moves, and steering it.

use super::offers::found;
use crate::{
    bars::Bars,
    exit::Stop,
    follow::{Follow, follow},
    session::{Session, reply},
    story::Story,
    words,
};
use clap::Args;
use shoal_api::{Direction, Event, Reply, Request, State, Subscription, Transfer};
use std::time::Duration;

/// How long a transfer of an engine of our own may stay interrupted.
const PATIENCE: Duration = Duration::from_secs(30);

/// List transfers, and watch them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal transfers
  shoal transfers --follow
  shoal transfers --all --json")]
pub(crate) struct TransfersArgs {
    /// Go on watching until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Those that are over, too
    #[arg(long)]
    all: bool,
}

macro_rules! steering {
    ($($about:literal $example:literal $name:ident),+ $(,)?) => {$(
        #[doc = $about]
        #[derive(Debug, Args)]
        #[command(after_help = $example)]
        pub(crate) struct $name {
            /// The transfer, or the beginning of its id
            id: String,
        }
    )+};
}

steering! {
    "Pause a transfer" "Example:\n  shoal pause 3f9a" PauseArgs,
    "Go on with a paused or interrupted transfer" "Example:\n  shoal resume 3f9a" ResumeArgs,
    "Give a transfer up; finished files stay" "Example:\n  shoal cancel 3f9a" CancelArgs,
    "Try what failed again" "Example:\n  shoal retry 3f9a" RetryArgs,
}

pub(crate) async fn transfers(session: &Session, args: TransfersArgs) -> Result<(), Stop> {
    let events = if args.follow { Some(session.subscribe().await?) } else { None };
    let rows = reply!(session.ask(Request::Transfers { all: args.all }).await?, Reply::Transfers { transfers } => transfers)?;
    rows.iter().try_for_each(|row| session.out.json(row))?;
    if rows.is_empty() && !args.follow {
        session.out.say("Nothing moves.")?;
    } else if !rows.is_empty() && !session.out.json {
        let table: Vec<[String; 6]> = rows.iter().map(row).collect();
        session.out.table(["ID", "", "WITH", "SIZE", "NAME", "STATE"], &table)?;
    }
    match events {
        Some(events) => watch(session, events, rows).await,
        None => Ok(()),
    }
}

/// Every event as a line for scripts, bars and a line for each end for people; ends with the engine, or with Ctrl-C.
async fn watch(session: &Session, mut events: Subscription, rows: Vec<Transfer>) -> Result<(), Stop> {
    let mut bars = Bars::new(session.out.json);
    let mut story = Story::default();
    for row in rows {
        story.tell(&Event::Transfer(row));
    }
    while let Some(event) = events.next().await {
        let about = event.transfer().map(str::to_owned);
        if about.is_some() || matches!(event, Event::Lagged | Event::Snapshot(_)) {
            session.out.json(&event)?;
        }
        let line = story.tell(&event);
        let Some(id) = about else { continue };
        if matches!(event, Event::Finished { .. } | Event::Failed { .. }) {
            bars.remove(&id);
        }
        if let Some(line) = line {
            bars.aside(|| session.out.say(line))?;
        }
        if let Some(row) = story.row(&id) {
            bars.show(row, &row.name);
        }
    }
    Ok(())
}

pub(crate) async fn pause(session: &Session, args: PauseArgs) -> Result<(), Stop> {
    let row = found(session, &args.id).await?;
    session.ask(Request::Pause { transfer: row.transfer.clone() }).await?;
    report(session, &row, "is paused").await
}

pub(crate) async fn cancel(session: &Session, args: CancelArgs) -> Result<(), Stop> {
    let row = found(session, &args.id).await?;
    session.ask(Request::Cancel { transfer: row.transfer.clone() }).await?;
    report(session, &row, "is cancelled").await
}

pub(crate) async fn resume(session: &Session, args: ResumeArgs) -> Result<(), Stop> {
    set_going(session, &args.id, |transfer| Request::Resume { transfer }).await
}

pub(crate) async fn retry(session: &Session, args: RetryArgs) -> Result<(), Stop> {
    set_going(session, &args.id, |transfer| Request::Retry { transfer }).await
}

/// Sets a transfer going. An engine of our own stays until it is over; one elsewhere goes on without us.
async fn set_going(session: &Session, id: &str, request: impl FnOnce(String) -> Request) -> Result<(), Stop> {
    let events = session.unless_stopped(session.subscribe()).await?;
    let row = session.unless_stopped(found(session, id)).await?;
    session.unless_stopped(session.ask(request(row.transfer.clone()))).await?;
    if !session.host().await?.is_local() {
        // What the other end paused goes on when that end wants it to.
        let paused_there = row.state == State::Paused && row.error.is_some();
        return report(session, &row, if paused_there { "goes on when the other device resumes it" } else { "goes on" }).await;
    }
    let row = found(session, &row.transfer).await?;
    follow(session, events, vec![row], Follow { patience: PATIENCE, halt: true }).await
}

/// The row as it is now, for scripts; a sentence for people.
async fn report(session: &Session, row: &Transfer, now: &str) -> Result<(), Stop> {
    session.out.json(&found(session, &row.transfer).await?)?;
    session.out.say(format!("{} {now}.", row.name))?;
    Ok(())
}

fn row(row: &Transfer) -> [String; 6] {
    let direction = match row.direction {
        Direction::Send => "to",
        Direction::Receive | Direction::Fetch => "from",
    };
    let share = row.bytes_done.saturating_mul(100) / row.bytes.max(1);
    let standing = match row.state {
        State::Active | State::Paused | State::Interrupted => format!("{share}%  {}", words::standing(row)),
        _ => words::standing(row),
    };
    let size = row.text.as_ref().map_or(row.bytes, |text| text.len() as u64);
    [
        words::short(&row.transfer).to_owned(),
        direction.to_owned(),
        row.peer_name().to_owned(),
        words::size(size),
        row.name.clone(),
        standing,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_where_a_transfer_stands() {
        let moving = Transfer { bytes_done: 300_000_000, ..crate::story::tests::row() };
        assert_eq!(row(&moving), ["abababab", "to", "Mira's laptop", "1.2 GB", "holiday", "25%  84 MB/s, 3 min left"]);
        let huge = Transfer { bytes: u64::MAX, bytes_done: u64::MAX, ..moving };
        assert_eq!(row(&huge)[3], "18 EB");
    }
}
