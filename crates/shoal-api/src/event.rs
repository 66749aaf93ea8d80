//! What a front end hears.

use crate::{
    Code, Settings,
    rows::{Device, Sas, Snapshot, State, Transfer, milliseconds, whole_seconds},
    shares::FoundItem,
    tickets::OwnLink,
};
use serde::{Deserialize, Serialize};
use shoal_engine::{self as engine, Engine, PeerFound};
use ts_rs::TS;

/// A change. The first field of its JSON is `event`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The host is up; its first line.
    Ready {
        /// Own id.
        id: String,
        /// Own name.
        name: String,
        /// `ip:port` at which others reach this device.
        addresses: Vec<String>,
        /// The link that opens the UI in a browser, once; when it was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        web: Option<String>,
        /// SHA-256 of the certificate that a browser shows behind that link, when it is not on loopback.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        web_fingerprint: Option<String>,
    },
    /// A device appeared or its row changed.
    Device(Device),
    /// A device's row is gone.
    DeviceGone {
        /// Which.
        id: String,
    },
    /// An offer went out, or came in and waits for an answer.
    Offered {
        /// Id of the other end.
        peer: String,
        /// The whole row, in the same object.
        #[serde(flatten)]
        row: Transfer,
    },
    /// A transfer's row changed; not for mere progress.
    Transfer(Transfer),
    /// How far a transfer is; at most ten a second for each.
    Progress {
        /// Which.
        transfer: String,
        /// Bytes in place or verified.
        bytes_done: u64,
        /// Bytes wanted.
        bytes: u64,
        /// Files in place.
        files_done: u32,
        /// Files wanted.
        files: u32,
        /// Bytes a second.
        rate: u64,
        /// Seconds left, when that can be said.
        eta_s: Option<u64>,
    },
    /// A transfer ended well.
    Finished {
        /// Which.
        transfer: String,
        /// Files in place.
        files: u32,
        /// Bytes in place.
        bytes: u64,
        /// Bytes that crossed the network.
        bytes_moved: u64,
        /// From consent to the end.
        seconds: f64,
        /// Files that failed all the same.
        files_failed: u32,
    },
    /// A transfer stopped and goes on when it can.
    Interrupted {
        /// Which.
        transfer: String,
        /// Why.
        reason: String,
    },
    /// A transfer failed for good, was declined or cancelled.
    Failed {
        /// Which.
        transfer: String,
        /// What happened and what to do.
        error: String,
        /// What to act on.
        code: Code,
        /// How it ended.
        state: State,
    },
    /// An ended transfer left the history; its files stay.
    TransferGone {
        /// Which.
        transfer: String,
    },
    /// The other end asks to compare short authentication strings.
    Verifying {
        /// Id of the other end.
        peer: String,
        /// What both screens must show, in the same object.
        #[serde(flatten)]
        sas: Sas,
    },
    /// A search found something.
    Found {
        /// Which search.
        search: u64,
        /// What; never empty.
        found: Vec<FoundItem>,
    },
    /// A search has heard all that one device found.
    SearchedPeer {
        /// Which search.
        search: u64,
        /// The device's id.
        peer: String,
        /// There was more than was asked for.
        more: bool,
        /// It has looked through everything. Otherwise it is still reading its folders, or went away.
        complete: bool,
    },
    /// A search is over.
    Searched {
        /// Which.
        search: u64,
    },
    /// A watched folder is as this revision of [`crate::Reply::Items`] has it.
    FolderChanged {
        /// Which watch.
        watch: u64,
        /// The revision.
        revision: String,
    },
    /// A watch is over: its device went away, or the folder is not shared with this device any more.
    WatchEnded {
        /// Which.
        watch: u64,
        /// The device is in reach and does not share the folder any more.
        gone: bool,
    },
    /// How far the making of a link is; at most ten a second.
    MakingLink {
        /// Which making.
        making: u64,
        /// Bytes looked at.
        bytes_done: u64,
        /// Bytes in all.
        bytes: u64,
    },
    /// A link was made.
    LinkMade {
        /// Which making.
        making: u64,
        /// The link, in the same object.
        #[serde(flatten)]
        row: OwnLink,
    },
    /// A link was not made.
    LinkFailed {
        /// Which making.
        making: u64,
        /// What happened and what to do.
        error: String,
    },
    /// Own links came, went or were used: ask for them again.
    LinksChanged,
    /// Settings or limits changed, by whomever; or the network interfaces, which are among them.
    Settings(Settings),
    /// Events were lost; a [`Event::Snapshot`] and [`Event::Settings`] follow.
    Lagged,
    /// Everything at this moment, after a lag.
    Snapshot(Snapshot),
}

impl Event {
    /// The transfer that this is about.
    pub fn transfer(&self) -> Option<&str> {
        match self {
            Self::Offered { row, .. } | Self::Transfer(row) => Some(&row.transfer),
            Self::Progress { transfer, .. }
            | Self::Finished { transfer, .. }
            | Self::Interrupted { transfer, .. }
            | Self::Failed { transfer, .. }
            | Self::TransferGone { transfer } => Some(transfer),
            Self::Ready { .. }
            | Self::Device(_)
            | Self::DeviceGone { .. }
            | Self::Verifying { .. }
            | Self::Found { .. }
            | Self::SearchedPeer { .. }
            | Self::Searched { .. }
            | Self::FolderChanged { .. }
            | Self::WatchEnded { .. }
            | Self::MakingLink { .. }
            | Self::LinkMade { .. }
            | Self::LinkFailed { .. }
            | Self::LinksChanged
            | Self::Settings(_)
            | Self::Lagged
            | Self::Snapshot(_) => None,
        }
    }
}

impl From<engine::Event> for Event {
    fn from(event: engine::Event) -> Self {
        match event {
            engine::Event::Device(device) => Self::Device(device.into()),
            engine::Event::DeviceGone(id) => Self::DeviceGone { id: id.to_string() },
            engine::Event::Offered(transfer) => Self::Offered { peer: transfer.peer.to_string(), row: transfer.into() },
            engine::Event::Transfer(transfer) => Self::Transfer(transfer.into()),
            engine::Event::Progress(transfer) => Self::Progress {
                transfer: transfer.id.to_string(),
                bytes_done: transfer.bytes_done,
                bytes: transfer.bytes,
                files_done: transfer.files_done,
                files: transfer.files,
                rate: transfer.rate,
                eta_s: transfer.eta.map(whole_seconds),
            },
            engine::Event::Finished { transfer, took } => Self::Finished {
                transfer: transfer.id.to_string(),
                files: transfer.files_done,
                bytes: transfer.bytes_done,
                bytes_moved: transfer.bytes_moved,
                seconds: milliseconds(took) / 1000.0,
                files_failed: transfer.files_failed,
            },
            engine::Event::Interrupted { transfer, reason } => Self::Interrupted { transfer: transfer.to_string(), reason },
            engine::Event::Failed { transfer, error } => {
                Self::Failed { transfer: transfer.id.to_string(), code: code_of(&transfer), state: transfer.state.into(), error }
            }
            engine::Event::TransferGone(transfer) => Self::TransferGone { transfer: transfer.to_string() },
            engine::Event::Verifying { peer, sas } => Self::Verifying { peer: peer.to_string(), sas: sas.into() },
            engine::Event::Found { search, peer_name, found: PeerFound::Hits { peer, share, hits } } => {
                let found = hits.iter().map(|hit| FoundItem::new(peer, &peer_name, &share, hit)).collect();
                Self::Found { search, found }
            }
            engine::Event::Found { search, found: PeerFound::End { peer, more, complete }, .. } => {
                Self::SearchedPeer { search, peer: peer.to_string(), more, complete }
            }
            engine::Event::Searched { search } => Self::Searched { search },
            engine::Event::FolderChanged { watch, revision } => Self::FolderChanged { watch, revision: revision.to_string() },
            engine::Event::WatchEnded { watch, gone } => Self::WatchEnded { watch, gone },
            engine::Event::MakingTicket { making, bytes_done, bytes } => Self::MakingLink { making, bytes_done, bytes },
            engine::Event::TicketMade { making, ticket } => Self::LinkMade { making, row: ticket.into() },
            engine::Event::TicketFailed { making, error } => Self::LinkFailed { making, error },
            engine::Event::TicketsChanged => Self::LinksChanged,
            engine::Event::Settings(settings) => Self::Settings(settings.into()),
            engine::Event::Lagged => Self::Lagged,
        }
    }
}

/// What a front end acts on when a transfer ended without being finished.
fn code_of(transfer: &engine::Transfer) -> Code {
    match (transfer.cause, transfer.state) {
        (Some(cause), _) => cause.into(),
        (None, engine::State::Declined) => Code::Declined,
        (None, _) => Code::Failed,
    }
}

/// Events of an engine in this process. After a lag the picture is made whole, so nothing is kept for a slow listener.
#[derive(Debug)]
pub struct Feed {
    engine: Engine,
    events: shoal_engine::Events,
    due: Option<Due>,
}

/// What a listener that lagged gets before anything else.
#[derive(Debug)]
enum Due {
    Snapshot,
    Settings,
}

impl Feed {
    /// Events from now on.
    pub fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone(), events: engine.events(), due: None }
    }

    /// The next event; `None` once the engine is shut down.
    pub async fn next(&mut self) -> Option<Event> {
        match self.due {
            Some(Due::Snapshot) => {
                self.due = Some(Due::Settings);
                Some(Event::Snapshot((&self.engine).into()))
            }
            Some(Due::Settings) => {
                let settings = self.engine.settings().await;
                self.due = None;
                Some(Event::Settings(settings.into()))
            }
            None => {
                let event = self.events.next().await?;
                if event == shoal_engine::Event::Lagged {
                    self.due = Some(Due::Snapshot);
                }
                Some(event.into())
            }
        }
    }
}

impl Transfer {
    /// Brings the row up to date with an event about it, so that a front end keeps rows and needs no snapshot for each change.
    pub fn hear(&mut self, event: &Event) {
        if event.transfer() != Some(&self.transfer) {
            return;
        }
        match event {
            Event::Offered { row, .. } | Event::Transfer(row) => self.clone_from(row),
            Event::Progress { bytes_done, bytes, files_done, files, rate, eta_s, .. } => {
                self.state = State::Active;
                (self.bytes_done, self.bytes) = (*bytes_done, *bytes);
                (self.files_done, self.files) = (*files_done, *files);
                (self.rate, self.eta_s) = (*rate, *eta_s);
                (self.error, self.code) = (None, None);
            }
            Event::Finished { files, bytes, bytes_moved, files_failed, .. } => {
                self.state = State::Finished;
                (self.files_done, self.files_failed) = (*files, *files_failed);
                (self.bytes_done, self.bytes_moved) = (*bytes, *bytes_moved);
                (self.rate, self.eta_s) = (0, None);
            }
            Event::Interrupted { reason, .. } => {
                self.state = State::Interrupted;
                self.error = Some(reason.clone());
                (self.rate, self.eta_s) = (0, None);
            }
            Event::Failed { error, state, code, .. } => {
                self.state = *state;
                (self.error, self.code) = (Some(error.clone()), Some(*code));
                (self.rate, self.eta_s) = (0, None);
            }
            Event::Ready { .. }
            | Event::TransferGone { .. }
            | Event::Device(_)
            | Event::DeviceGone { .. }
            | Event::Verifying { .. }
            | Event::Found { .. }
            | Event::SearchedPeer { .. }
            | Event::Searched { .. }
            | Event::FolderChanged { .. }
            | Event::WatchEnded { .. }
            | Event::MakingLink { .. }
            | Event::LinkMade { .. }
            | Event::LinkFailed { .. }
            | Event::LinksChanged
            | Event::Settings(_)
            | Event::Lagged
            | Event::Snapshot(_) => {}
        }
    }
}
