//! `shoal verify`, `trust` and `forget`: a device's standing here.

use crate::{
    exit::Stop,
    output, question,
    rate::Allowance,
    session::{FIND_SECONDS, Session, reply},
    words,
};
use clap::{Args, ValueEnum};
use shoal_api::{Code, Device, Reply, Request, Trust};

/// Compare a short code with another device, so that you know it is the one you mean
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal verify \"Mira's laptop\"
  shoal verify 192.168.1.20:47474 --json   # only prints the code")]
pub(crate) struct VerifyArgs {
    /// The device
    peer: String,
}

/// Set a device's standing
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal trust \"Mira's laptop\" known
  shoal trust k7xq verified --accept 10G   # takes so much in 24 hours without asking
  shoal trust k7xq verified --accept none
  shoal trust k7xq blocked")]
pub(crate) struct TrustArgs {
    /// The device
    peer: String,
    /// Its standing from now on: known, verified or blocked
    #[arg(value_enum, hide_possible_values = true)]
    standing: Standing,
    /// What it may send in any 24 hours without asking, beyond which you are asked: 10G, 500M or none. Verified devices only
    #[arg(long, value_name = "SIZE")]
    accept: Option<Allowance>,
}

/// Forget a device: its standing and its addresses
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  shoal forget \"Mira's laptop\"")]
pub(crate) struct ForgetArgs {
    /// The device
    peer: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Standing {
    /// You have dealt with it before
    Known,
    /// You compared codes: it is the device you mean
    Verified,
    /// Never talk to it; what runs is cut off
    Blocked,
}

impl From<Standing> for Trust {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Known => Self::Known,
            Standing::Verified => Self::Verified,
            Standing::Blocked => Self::Blocked,
        }
    }
}

pub(crate) async fn verify(session: &Session, args: VerifyArgs) -> Result<(), Stop> {
    let device = find(session, &args.peer).await?;
    let peer = device.id.clone();
    let sas = reply!(session.ask(Request::Verify { peer: peer.clone(), wait_s: FIND_SECONDS }).await?, Reply::Sas(sas) => sas)?;
    session.out.json(&sas)?;
    session
        .out
        .say(format!("This device and {} must both show:\n\n    {}\n    {}\n", device.name, sas.sas_digits, sas.sas_emoji))?;
    if !question::can_ask(session) {
        session.out.say(format!("If they do: shoal trust {} verified", words::short(&peer)))?;
        return Ok(());
    }
    if !question::yes(session, "Do both screens show this?").await? {
        return Err(Stop::because(
            Code::VerificationFailed,
            format_args!("{} is not verified: if the codes differ, somebody stands between, so send it nothing", device.name),
        ));
    }
    session.ask(Request::SetTrust { peer, trust: Trust::Verified }).await?;
    session.out.say(format!("{} is verified.", device.name))?;
    Ok(())
}

pub(crate) async fn trust(session: &Session, args: TrustArgs) -> Result<(), Stop> {
    let allowance = args.accept.map(|allowance| allowance.0);
    if args.standing != Standing::Verified && allowance.flatten().is_some() {
        return Err(Stop::because(Code::Usage, "only verified devices may send without asking: --accept goes with `verified`"));
    }
    if args.standing == Standing::Verified && !is_verified(session, &args.peer).await? {
        let warning = "Nothing was compared: only `shoal verify` shows that this is the device you mean.";
        output::note(warning);
        if question::can_ask(session) && !question::yes(session, "Call it verified all the same?").await? {
            return Err(Stop::because(Code::Failed, format_args!("{} keeps its standing", args.peer)));
        }
    }
    session.ask(Request::SetTrust { peer: args.peer.clone(), trust: args.standing.into() }).await?;
    let standing = match args.standing {
        Standing::Known => "known",
        Standing::Verified => "verified",
        Standing::Blocked => "blocked",
    };
    // Any other standing has taken it back.
    if let (Standing::Verified, Some(bytes)) = (args.standing, allowance) {
        session.ask(Request::SetAllowance { peer: args.peer.clone(), bytes }).await?;
    }
    let unasked = match allowance {
        Some(Some(bytes)) => format!(" and may send {} in 24 hours without asking", words::size(bytes)),
        Some(None) => " and sends nothing without asking".to_owned(),
        None => String::new(),
    };
    session.out.say(format!("{} is {standing}{unasked}.", args.peer))?;
    Ok(())
}

pub(crate) async fn forget(session: &Session, args: ForgetArgs) -> Result<(), Stop> {
    session.ask(Request::Forget { peer: args.peer.clone() }).await?;
    session.out.say(format!("{} is forgotten.", args.peer))?;
    Ok(())
}

/// Whether it was called verified before, which is no news to warn of.
async fn is_verified(session: &Session, peer: &str) -> Result<bool, Stop> {
    let devices = reply!(session.ask(Request::Devices).await?, Reply::Devices { devices } => devices)?;
    let mut fits = devices.iter().filter(|device| device.id.starts_with(peer) || device.name == peer);
    Ok(fits.next().is_some_and(|device| device.trust == Trust::Verified) && fits.next().is_none())
}

async fn find(session: &Session, peer: &str) -> Result<Device, Stop> {
    reply!(session.ask(Request::Find { peer: peer.to_owned(), wait_s: FIND_SECONDS }).await?, Reply::Device(device) => device)
}
