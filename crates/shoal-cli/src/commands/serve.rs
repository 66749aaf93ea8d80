//! `shoal serve`: a peer without a screen; with `--web`, the UI in a browser.

use super::{Accept, absolute};
use crate::{
    exit::Stop,
    session::{Session, reply},
    story::Story,
};
use clap::Args;
use serde::Serialize;
use shoal_api::{Code, Event, Host, Identity, Reply, Request, Subscription};
use shoal_web::{Assets, WebAddress, WebHost};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Run a headless peer until Ctrl-C or SIGTERM
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal serve --name NAS --inbox /srv/inbox --accept verified
  shoal serve --json --port 47474
  shoal serve --web              # in a browser on this machine
  shoal serve --web 0.0.0.0      # in a browser on another device, encrypted")]
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
    /// Show this device in a browser, at IP or IP:PORT; 127.0.0.1 unless told otherwise
    #[arg(long, value_name = "ADDR", num_args = 0..=1)]
    #[allow(clippy::option_option, reason = "not there, there without an address, there with one")]
    web: Option<Option<WebAddress>>,
}

pub(crate) async fn run(session: &Session, args: ServeArgs) -> Result<(), Stop> {
    let mut config = session.config.clone();
    config.name = args.name;
    config.inbox = args.inbox.as_deref().map(absolute).transpose()?;
    config.accept = args.accept.map(Into::into);
    let host = session.own_host(config).await?;
    let mut events = session.subscribe().await?;
    let mut web = match args.web {
        Some(address) => Some(start_web(session, host, address.unwrap_or_default()).await?),
        None => None,
    };
    let done = match ready(session, None, web.as_ref()).await {
        Ok(()) => until_stopped(session, &mut events, web.as_mut()).await,
        Err(stop) => Err(stop),
    };
    if let Some(web) = web {
        web.stop().await;
    }
    done
}

async fn until_stopped(session: &Session, events: &mut Subscription, mut web: Option<&mut WebHost>) -> Result<(), Stop> {
    let mut story = Story::default();
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            next = next_link(&mut web) => {
                session.out.say(format!("A browser was let in. The next one gets in once by {next}"))?;
                session.out.json(&WebLink { event: "web", web: next })?;
                continue;
            }
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

/// The line after a link was used.
#[derive(Debug, Serialize)]
struct WebLink {
    event: &'static str,
    web: String,
}

async fn start_web(session: &Session, host: &Host, address: WebAddress) -> Result<WebHost, Stop> {
    let Some(assets) = Assets::embedded() else {
        let how =
            "this Shoal was built without its pages for a browser: run `npm ci && npm run build` in ui/, and build it again";
        return Err(Stop::because(Code::Failed, how));
    };
    let Host::Local { engine, .. } = host else {
        return Err(Stop::because(Code::Failed, "the Shoal that runs already has no browser host: end it first"));
    };
    let identity = identity(session).await?;
    let own = identity.addresses.iter().filter_map(|address| address.parse::<SocketAddr>().ok()).map(|address| address.ip());
    let options = shoal_web::Options { address, own: own.collect(), data_dir: session.config.data_dir.clone(), assets };
    Ok(WebHost::start(engine.clone(), options).await.map_err(shoal_api::Failure::from)?)
}

/// Waits until the link was used; forever where there is none.
async fn next_link(web: &mut Option<&mut WebHost>) -> String {
    match web {
        Some(web) => {
            web.link_used().await;
            web.link()
        }
        None => std::future::pending().await,
    }
}

async fn identity(session: &Session) -> Result<Identity, Stop> {
    reply!(session.ask(Request::Identity).await?, Reply::Identity(identity) => identity)
}

/// The first line: who this is and where. What is accepted goes to `into` if that is given.
pub(crate) async fn ready(session: &Session, into: Option<&Path>, web: Option<&WebHost>) -> Result<(), Stop> {
    let identity = identity(session).await?;
    session.out.say(format!(
        "{} is here ({}), at {}",
        identity.name,
        crate::words::short(&identity.id),
        identity.addresses.join(", ")
    ))?;
    session.out.say(format!("Accepted files go to {}.", into.unwrap_or(&identity.inbox).display()))?;
    if let Some(web) = web {
        session.out.say(format!("In a browser, once: {}", web.link()))?;
    }
    let fingerprint = web.and_then(WebHost::fingerprint).map(str::to_owned);
    if let Some(fingerprint) = &fingerprint {
        session.out.say(format!(
            "The browser will say that it does not know the certificate. Go on only if its SHA-256 fingerprint is\n{fingerprint}"
        ))?;
    }
    session.out.json(&Event::Ready {
        id: identity.id,
        name: identity.name,
        addresses: identity.addresses,
        web: web.map(WebHost::link),
        web_fingerprint: fingerprint,
    })?;
    Ok(())
}
