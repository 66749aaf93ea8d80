//! `shoal offers`, `accept` and `decline`: answers from another terminal.

use super::absolute;
use crate::{
    exit::Stop,
    follow::{Follow, follow},
    session::{Session, reply},
    words,
};
use clap::Args;
use shoal_api::{Offer, Reply, Request, Transfer};
use std::{path::PathBuf, time::Duration};

/// How long an accepted transfer of an engine of our own may stay interrupted.
const PATIENCE: Duration = Duration::from_secs(30);

/// List offers that wait for your answer
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  shoal offers")]
pub(crate) struct OffersArgs {}

/// Accept an offer, all or a part
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal accept 3f9a --into ~/Pictures
  shoal accept 3f9a --only \"*.jpg\" --only \"*.png\"")]
pub(crate) struct AcceptArgs {
    /// The offer, or the beginning of its id
    id: String,
    /// Folder to put it in; otherwise the inbox
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Only files whose path or name fits; may be given several times
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,
    /// Replace what has the same name; the old one goes to the trash
    #[arg(long)]
    replace: bool,
}

/// Decline an offer
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  shoal decline 3f9a")]
pub(crate) struct DeclineArgs {
    /// The offer, or the beginning of its id
    id: String,
}

pub(crate) async fn offers(session: &Session, _args: OffersArgs) -> Result<(), Stop> {
    let offers = reply!(session.ask(Request::Offers).await?, Reply::Offers { offers } => offers)?;
    offers.iter().try_for_each(|offer| session.out.json(offer))?;
    if offers.is_empty() {
        session.out.say("Nobody offers anything.")?;
    } else if !session.out.json {
        let rows: Vec<[String; 5]> = offers.iter().map(row).collect();
        session.out.table(["OFFER", "FROM", "FILES", "SIZE", "NAME"], &rows)?;
    }
    Ok(())
}

pub(crate) async fn accept(session: &Session, args: AcceptArgs) -> Result<(), Stop> {
    let into = args.into.as_deref().map(absolute).transpose()?;
    let events = session.unless_stopped(session.subscribe()).await?;
    let offered = session.unless_stopped(found(session, &args.id)).await?;
    let accepted =
        Request::Accept { transfer: offered.transfer.clone(), into, only: args.only, entries: Vec::new(), replace: args.replace };
    session.unless_stopped(session.ask(accepted)).await?;
    session.out.json(&Offer::from(&offered))?;
    session.out.say(format!("Accepted {} from {}.", offered.name, offered.peer_name()))?;
    if !session.host().await?.is_local() {
        return Ok(());
    }
    // Ours is the engine that receives it: it must stay until everything is here.
    let row = found(session, &offered.transfer).await?;
    follow(session, events, vec![row], Follow { patience: PATIENCE, halt: false }).await
}

pub(crate) async fn decline(session: &Session, args: DeclineArgs) -> Result<(), Stop> {
    let offered = found(session, &args.id).await?;
    session.ask(Request::Decline { transfer: offered.transfer.clone() }).await?;
    session.out.json(&Offer::from(&offered))?;
    session.out.say(format!("Declined {} from {}.", offered.name, offered.peer_name()))?;
    Ok(())
}

/// The row of the transfer that a person means.
pub(crate) async fn found(session: &Session, id: &str) -> Result<Transfer, Stop> {
    let rows = reply!(session.ask(Request::FindTransfer { transfer: id.to_owned() }).await?, Reply::Transfers { transfers } => transfers)?;
    rows.into_iter().next().ok_or_else(|| crate::session::unexpected(&Reply::Transfers { transfers: Vec::new() }))
}

fn row(offer: &Offer) -> [String; 5] {
    let (files, size, name) = match &offer.text {
        Some(text) => ("text".to_owned(), words::size(text.len() as u64), first_line(text)),
        None => (offer.files.to_string(), words::size(offer.bytes), offer.name.clone()),
    };
    [words::short(&offer.offer).to_owned(), offer.from_name.clone(), files, size, name]
}

/// A peer's text in one row of a table.
fn first_line(text: &str) -> String {
    let safe = words::text(text).replace('\t', " ");
    let line = safe.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    console::truncate_str(line, 60, "…").into_owned()
}
