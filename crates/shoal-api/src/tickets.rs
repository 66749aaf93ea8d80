//! Links to files: rows of own ones, and requests about them. In the engine they are tickets.

use crate::{Code, Failure, Reply, Request, request::Content};
use serde::{Deserialize, Serialize};
use shoal_engine::{self as engine, Consent, Engine, NewTicket, Ticket, Tracker, shown};
use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use ts_rs::TS;

/// A link, as it is handed on. Whoever has it may fetch by it, so that no log shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LinkText(pub String);

impl fmt::Debug for LinkText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkText")
    }
}

impl LinkText {
    /// Whether a text means to be a link to files, whole or damaged.
    pub fn is_one(text: &str) -> bool {
        Ticket::is_one(text)
    }

    fn ticket(&self) -> Result<Ticket, Failure> {
        self.0.parse().map_err(|error| engine::TicketError::Text(error).into())
    }
}

/// A link that this device made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OwnLink {
    /// To name it by; it says nothing of the link.
    pub id: String,
    /// What is handed on, with the addresses of now.
    #[ts(type = "string")]
    pub link: LinkText,
    /// BLAKE3 of the list of files, in which each has its own.
    pub root: String,
    /// The first file's or folder's name, safe to print.
    pub name: String,
    /// Files.
    pub files: u32,
    /// Their size in bytes.
    pub bytes: u64,
    /// Where they are, safe to print.
    pub paths: Vec<String>,
    /// It is good only on the network around this device.
    pub lan_only: bool,
    /// Where else holders may be asked for.
    pub trackers: Vec<String>,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// When it ends, in seconds since 1970; none: when it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub expires: Option<u64>,
    /// How often somebody took something.
    pub used: u64,
    /// Somebody wanted a file that is gone or changed since; that one is not given any more.
    pub outdated: bool,
}

impl From<engine::OwnTicket> for OwnLink {
    fn from(own: engine::OwnTicket) -> Self {
        Self {
            id: own.id.to_string(),
            link: LinkText(own.ticket.to_string()),
            root: own.ticket.root.to_string(),
            name: own.name,
            files: own.files,
            bytes: own.bytes,
            paths: own.paths.iter().map(|path| shown(&path.to_string_lossy())).collect(),
            lan_only: own.ticket.lan_only,
            trackers: own.ticket.trackers.iter().map(|tracker| (**tracker).to_owned()).collect(),
            created: own.created.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            expires: own.ticket.expires,
            used: own.used,
            outdated: own.is_outdated,
        }
    }
}

/// Does what was asked.
pub(crate) async fn handle(engine: &Engine, request: Request) -> Result<Reply, Failure> {
    match request {
        Request::CreateLink { content, lan_only, trackers, expires_s } => {
            Ok(Reply::MakingLink { making: engine.begin_ticket(new_ticket(content, lan_only, &trackers, expires_s)?) })
        }
        Request::StopLink { making } => {
            engine.stop_ticket(making);
            Ok(Reply::Done)
        }
        Request::Links => Ok(Reply::Links { links: engine.tickets().into_iter().map(Into::into).collect() }),
        Request::RemoveLink { id } => {
            let id = engine.find_ticket(&id)?;
            engine.remove_ticket(id).await?;
            Ok(Reply::Done)
        }
        Request::PreviewLink { link } => {
            let offer = engine.preview_ticket(&link.ticket()?).await?;
            Ok(Reply::Offers { offers: vec![offer.into()] })
        }
        Request::GetLink { link, into, only, replace } => {
            let consent = Consent { into, only, entries: Vec::new(), replace };
            let row = engine.fetch_ticket(&link.ticket()?, consent).await?;
            Ok(Reply::Transfers { transfers: vec![row.into()] })
        }
        // Done elsewhere.
        _ => Err(Failure::new(Code::Usage, "this is no request about links")),
    }
}

fn new_ticket(content: Content, lan_only: bool, trackers: &[String], expires_s: Option<u64>) -> Result<NewTicket, Failure> {
    let Content::Paths { paths } = content else {
        return Err(Failure::new(Code::Usage, "a link is of files: send the text, or put it into a file"));
    };
    let tracker = |text: &String| {
        text.parse::<Tracker>().map_err(|error| Failure::new(Code::Usage, format_args!("{} is {error}", shown(text))))
    };
    let trackers = trackers.iter().map(tracker).collect::<Result<_, _>>()?;
    let end = |seconds| SystemTime::now().checked_add(Duration::from_secs(seconds));
    let too_late = || Failure::new(Code::Usage, "the link would end later than any clock shows: choose an earlier time");
    let expires = expires_s.map(|seconds| end(seconds).ok_or_else(too_late)).transpose()?;
    Ok(NewTicket { paths, lan_only, trackers, expires })
}
