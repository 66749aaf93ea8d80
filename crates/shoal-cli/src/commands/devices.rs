//! `shoal id` and `shoal peers`: this device and the others.

use crate::{
    exit::Stop,
    output::Output,
    session::{Session, reply},
    words,
};
use clap::Args;
use qrcode::{QrCode, render::unicode::Dense1x2};
use shoal_api::{Code, Device, Reply, Request, Trust, Via};
use std::time::Duration;

/// How long an engine of our own listens for others before the list is printed, in seconds.
const LISTEN_SECONDS: u64 = 2;

/// Show this device's id, name, addresses and the link that adds it elsewhere
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal id
  shoal id --qr   # to be scanned")]
pub(crate) struct IdArgs {
    /// Show the link as a QR code
    #[arg(long)]
    qr: bool,
}

/// List devices that are known or in reach
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal peers
  shoal peers --wait 5 --json")]
pub(crate) struct PeersArgs {
    /// Look around this long first
    #[arg(long, value_name = "SECS")]
    wait: Option<u64>,
}

pub(crate) async fn id(session: &Session, args: IdArgs) -> Result<(), Stop> {
    let identity = reply!(session.ask(Request::Identity).await?, Reply::Identity(identity) => identity)?;
    let out = session.out;
    out.json(&identity)?;
    out.say(format!("Name       {}", identity.name))?;
    out.say(format!("Id         {}", identity.id))?;
    out.say(format!("Addresses  {}", identity.addresses.join(", ")))?;
    out.say(format!("Link       {}", identity.link))?;
    if args.qr && !out.json {
        show_qr(out, &identity.link)?;
    }
    Ok(())
}

/// A link, to be scanned.
pub(super) fn show_qr(out: Output, link: &str) -> Result<(), Stop> {
    let code = QrCode::new(link.as_bytes())
        .map_err(|_| Stop::because(Code::Failed, "the link is too long for a QR code: use the link itself"))?;
    // Swapped, so that it is dark on light where a terminal is light on dark.
    out.say(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())?;
    Ok(())
}

pub(crate) async fn peers(session: &Session, args: PeersArgs) -> Result<(), Stop> {
    let is_new = session.host().await?.is_local();
    let wait = args.wait.unwrap_or(if is_new && session.config.mdns { LISTEN_SECONDS } else { 0 });
    tokio::time::sleep(Duration::from_secs(wait)).await;
    let mut devices = reply!(session.ask(Request::Devices).await?, Reply::Devices { devices } => devices)?;
    devices.sort_by(|a, b| (!a.online, &a.name, &a.id).cmp(&(!b.online, &b.name, &b.id)));
    devices.iter().try_for_each(|device| session.out.json(device))?;
    if devices.is_empty() {
        session
            .out
            .say("No device is known or near. Start Shoal on another one, or name its address: shoal send FILE --to HOST:PORT")?;
    } else if !session.out.json {
        let rows: Vec<[String; 5]> = devices.iter().map(row).collect();
        session.out.table(["NAME", "ID", "TRUST", "WHERE", "ROUND TRIP"], &rows)?;
    }
    Ok(())
}

fn row(device: &Device) -> [String; 5] {
    let trust = match device.trust {
        Trust::Stranger => "new",
        Trust::Known => "known",
        Trust::Verified => "verified",
        Trust::Blocked => "blocked",
    };
    let unasked = device.accepts.map(|bytes| format!(", {} a day unasked", words::size(bytes))).unwrap_or_default();
    let place = match device.paths.first() {
        _ if !device.online => "away".to_owned(),
        Some(path) if path.via == Via::Mdns => format!("this network, {}", path.address),
        Some(path) => path.address.clone(),
        None => "connected".to_owned(),
    };
    let rtt = device.rtt_ms.map_or_else(String::new, |rtt| format!("{rtt:.1} ms"));
    [device.name.clone(), words::short(&device.id).to_owned(), format!("{trust}{unasked}"), place, rtt]
}
