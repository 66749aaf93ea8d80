//! `shoal serve`: a peer without a screen.

use super::{Accept, absolute};
use crate::{
    exit::Stop,
    session::{Session, reply},
    story::Story,
};
use clap::Args;
use shoal_api::{Event, Reply, Request};
use std::path::{Path, PathBuf};

/// Run a headless peer until Ctrl-C or SIGTERM
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal serve --name NAS --inbox /srv/inbox --accept verified
  shoal serve --json --port 47474")]
pub(crate) struct ServeArgs {
    /// What others see; kept for the next time
    #[arg(long, value_name = "N")]
    name: Option<String>,
    /// Folder for accepted files
    #[arg(long, value_name = "DIR")]
    inbox: Option<PathBuf>,
    /// Who is accepted without a question, this time: ask (nobody), verified or all; otherwise what is set, at first nobody
    #[arg(long, value_enum, value_name = "WHO", hide_possible_values = true)]
    accept: Option<Accept>,
}

pub(crate) async fn run(session: &Session, args: ServeArgs) -> Result<(), Stop> {
    let mut config = session.config.clone();
    config.name = args.name;
    config.inbox = args.inbox.as_deref().map(absolute).transpose()?;
    config.accept = args.accept.map(Into::into);
    session.own_host(config).await?;
    let mut events = session.subscribe().await?;
    ready(session, None).await?;
    let mut story = Story::default();
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            // Being stopped is how this ends well.
            () = session.stopped() => return Ok(()),
        };
        let Some(event) = event else { return Ok(()) };
        session.out.json(&event)?;
        if let Some(line) = story.tell(&event) {
            session.out.say(line)?;
        }
    }
}

/// The first line: who this is and where. What is accepted goes to `into` if that is given.
pub(crate) async fn ready(session: &Session, into: Option<&Path>) -> Result<(), Stop> {
    let identity = reply!(session.ask(Request::Identity).await?, Reply::Identity(identity) => identity)?;
    session.out.say(format!(
        "{} is here ({}), at {}",
        identity.name,
        crate::words::short(&identity.id),
        identity.addresses.join(", ")
    ))?;
    session.out.say(format!("Accepted files go to {}.", into.unwrap_or(&identity.inbox).display()))?;
    session.out.json(&Event::Ready { id: identity.id, name: identity.name, addresses: identity.addresses })?;
    Ok(())
}
