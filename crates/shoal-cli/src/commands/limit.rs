//! `shoal limit`: how fast things may move.

use crate::{
    exit::Stop,
    rate::Rate,
    session::{Session, reply},
    words,
};
use clap::Args;
use shoal_api::{Reply, Request};

/// Show or set how fast things may move
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal limit
  shoal limit --up 1.5MB/s --down 10M
  shoal limit --up off")]
pub(crate) struct LimitArgs {
    /// What leaves, in bytes a second: 10M, 500K, 1.5MB/s or off
    #[arg(long, value_name = "RATE")]
    up: Option<Rate>,
    /// What arrives, in bytes a second: 10M, 500K, 1.5MB/s or off
    #[arg(long, value_name = "RATE")]
    down: Option<Rate>,
}

pub(crate) async fn run(session: &Session, args: LimitArgs) -> Result<(), Stop> {
    let mut limits = reply!(session.ask(Request::Limits).await?, Reply::Limits(limits) => limits)?;
    if args.up.is_some() || args.down.is_some() {
        // What is not named stays.
        limits.up = args.up.map_or(limits.up, |rate| rate.0);
        limits.down = args.down.map_or(limits.down, |rate| rate.0);
        session.ask(Request::SetLimits { limits }).await?;
    }
    let said = |limit: Option<u64>| limit.map_or_else(|| "no limit".to_owned(), words::rate);
    session.out.json(&limits)?;
    session.out.say(format!("Up    {}", said(limits.up)))?;
    session.out.say(format!("Down  {}", said(limits.down)))?;
    Ok(())
}
