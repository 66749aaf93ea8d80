//! Front-end types, and the one place where engine types become them.
//!
//! Ids, names and addresses are strings here: a front end shows them and hands them back. Sizes are bytes, rates bytes a second.

use crate::{PeerLink, failure::Code};
use serde::{Deserialize, Serialize};
use shoal_engine as engine;
use std::{
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use ts_rs::TS;

/// This device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Identity {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `ip:port` at which others reach it.
    pub addresses: Vec<String>,
    /// What adds this device elsewhere, typed or scanned: a [`PeerLink`].
    pub link: String,
    /// Where accepted files go by default.
    #[ts(type = "string")]
    pub inbox: PathBuf,
}

impl From<&engine::Engine> for Identity {
    fn from(engine: &engine::Engine) -> Self {
        // The scope of a link-local address means nothing on another device.
        let elsewhere = |address: &SocketAddr| !matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local());
        let addresses = engine.addresses().into_iter().filter(elsewhere).collect();
        let link = PeerLink { id: engine.id(), addresses, name: Some(engine.name()) };
        Self {
            id: link.id.to_string(),
            name: engine.name(),
            addresses: link.addresses.iter().map(ToString::to_string).collect(),
            link: link.to_string(),
            inbox: engine.inbox(),
        }
    }
}

/// What this device's owner thinks of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// Never accepted anything from it.
    Stranger,
    /// Accepted once.
    Known,
    /// Short authentication strings were compared.
    Verified,
    /// Never talked to.
    Blocked,
}

impl From<engine::Trust> for Trust {
    fn from(trust: engine::Trust) -> Self {
        match trust {
            engine::Trust::Stranger => Self::Stranger,
            engine::Trust::Known => Self::Known,
            engine::Trust::Verified => Self::Verified,
            engine::Trust::Blocked => Self::Blocked,
        }
    }
}

impl From<Trust> for engine::Trust {
    fn from(trust: Trust) -> Self {
        match trust {
            Trust::Stranger => Self::Stranger,
            Trust::Known => Self::Known,
            Trust::Verified => Self::Verified,
            Trust::Blocked => Self::Blocked,
        }
    }
}

/// How an address became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// Announced on this network.
    Mdns,
    /// Typed in.
    Manual,
    /// It worked before.
    Remembered,
}

impl From<engine::Via> for Via {
    fn from(via: engine::Via) -> Self {
        match via {
            engine::Via::Mdns => Self::Mdns,
            engine::Via::Manual => Self::Manual,
            engine::Via::Remembered => Self::Remembered,
        }
    }
}

/// The family of system that a device runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Linux and everything that is none of the others.
    Linux,
    /// Windows.
    Windows,
    /// macOS.
    MacOs,
}

impl From<engine::Platform> for Platform {
    fn from(platform: engine::Platform) -> Self {
        match platform {
            engine::Platform::Linux => Self::Linux,
            engine::Platform::Windows => Self::Windows,
            engine::Platform::MacOs => Self::MacOs,
        }
    }
}

/// One way to reach a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DevicePath {
    /// How it became known.
    pub via: Via,
    /// `ip:port`.
    pub address: String,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Device {
    /// Its id.
    pub id: String,
    /// What it calls itself; safe to print.
    pub name: String,
    /// Its standing here.
    pub trust: Trust,
    /// Bytes in 24 hours that are accepted from it without asking; none: each offer is asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub accepts: Option<u64>,
    /// It is there now.
    pub online: bool,
    /// Ways to reach it.
    pub paths: Vec<DevicePath>,
    /// Round trip of the live connection, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub rtt_ms: Option<f64>,
    /// What it runs, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub platform: Option<Platform>,
    /// The colour that its owner chose, an index of the palette, 0 to 11; null: derived from its id.
    #[serde(default)]
    pub colour: Option<u8>,
}

impl From<engine::Device> for Device {
    fn from(device: engine::Device) -> Self {
        Self {
            id: device.id.to_string(),
            name: device.name,
            trust: device.trust.into(),
            accepts: device.accepts,
            online: device.online,
            paths: device
                .paths
                .into_iter()
                .map(|path| DevicePath { via: path.via.into(), address: path.address.to_string() })
                .collect(),
            rtt_ms: device.rtt.map(milliseconds),
            platform: device.platform.map(Into::into),
            colour: device.colour.map(engine::Colour::index),
        }
    }
}

/// What both screens must show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Sas {
    /// Six digits.
    pub sas_digits: String,
    /// Seven emoji.
    pub sas_emoji: String,
}

impl From<engine::Sas> for Sas {
    fn from(sas: engine::Sas) -> Self {
        Self { sas_digits: sas.digits, sas_emoji: sas.emoji }
    }
}

/// Which way content flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From here.
    Send,
    /// To here, offered.
    Receive,
    /// To here, asked for out of a share.
    Fetch,
}

impl From<engine::Direction> for Direction {
    fn from(direction: engine::Direction) -> Self {
        match direction {
            engine::Direction::Send => Self::Send,
            engine::Direction::Receive => Self::Receive,
        }
    }
}

/// Where a transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// For consent, for its turn, or for the peer.
    Waiting,
    /// Content moves.
    Active,
    /// Somebody paused it.
    Paused,
    /// Stopped by circumstances; goes on by itself.
    Interrupted,
    /// Over, and well.
    Finished,
    /// Over: it cannot be done.
    Failed,
    /// Over: somebody gave it up.
    Cancelled,
    /// Over: the receiver did not want it.
    Declined,
}

impl State {
    /// Nothing changes any more, but for a retry.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Cancelled | Self::Declined)
    }
}

impl From<engine::State> for State {
    fn from(state: engine::State) -> Self {
        match state {
            engine::State::Waiting => Self::Waiting,
            engine::State::Active => Self::Active,
            engine::State::Paused => Self::Paused,
            engine::State::Interrupted => Self::Interrupted,
            engine::State::Finished => Self::Finished,
            engine::State::Failed => Self::Failed,
            engine::State::Cancelled => Self::Cancelled,
            engine::State::Declined => Self::Declined,
        }
    }
}

/// One transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Transfer {
    /// Its id, the same on both ends.
    pub transfer: String,
    /// Which way.
    pub direction: Direction,
    /// Ids of the other ends.
    pub peers: Vec<String>,
    /// Their names, in the same order; safe to print.
    pub peer_names: Vec<String>,
    /// The offer's name; safe to print.
    pub name: String,
    /// Its files are added to a share of the receiver's, unasked: the share's name and the folder in it; safe to print.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub added_to: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Files wanted.
    pub files: u32,
    /// Files in place.
    pub files_done: u32,
    /// Files that failed.
    pub files_failed: u32,
    /// Bytes wanted.
    pub bytes: u64,
    /// Bytes in place or verified.
    pub bytes_done: u64,
    /// Bytes that crossed the network.
    pub bytes_moved: u64,
    /// Bytes a second.
    pub rate: u64,
    /// Seconds left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub eta_s: Option<u64>,
    /// What stands in the way, or what ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub error: Option<String>,
    /// The kind of `error`, where a front end can act on it or say it in another language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub code: Option<Code>,
    /// It came in, and nobody has answered it yet.
    pub awaits_answer: bool,
    /// The text, when it is one; as the peer wrote it, so not safe to print.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub text: Option<String>,
    /// Where received files go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub into: Option<PathBuf>,
    /// Free bytes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub free: Option<u64>,
    /// The first few files of an offer by their paths; safe to print.
    pub first_names: Vec<String>,
    /// When it came to be, in seconds since 1970.
    #[serde(default)]
    pub started: u64,
    /// When it came into its state, in seconds since 1970.
    #[serde(default)]
    pub since: u64,
}

impl Transfer {
    /// The other end's name.
    pub fn peer_name(&self) -> &str {
        self.peer_names.first().map_or("", String::as_str)
    }

    /// An offer that a person here has to answer.
    pub fn is_open_offer(&self) -> bool {
        self.awaits_answer && self.direction == Direction::Receive && !self.state.is_over()
    }
}

impl From<engine::Transfer> for Transfer {
    fn from(transfer: engine::Transfer) -> Self {
        Self {
            transfer: transfer.id.to_string(),
            direction: if transfer.fetched { Direction::Fetch } else { transfer.direction.into() },
            peers: vec![transfer.peer.to_string()],
            peer_names: vec![transfer.peer_name],
            name: transfer.name,
            added_to: transfer.added_to,
            state: transfer.state.into(),
            files: transfer.files,
            files_done: transfer.files_done,
            files_failed: transfer.files_failed,
            bytes: transfer.bytes,
            bytes_done: transfer.bytes_done,
            bytes_moved: transfer.bytes_moved,
            rate: transfer.rate,
            eta_s: transfer.eta.map(whole_seconds),
            error: transfer.error,
            code: transfer.cause.map(Into::into),
            awaits_answer: transfer.awaits_answer,
            text: transfer.text,
            into: transfer.into,
            free: transfer.free,
            first_names: transfer.first_names,
            started: seconds_since_1970(transfer.started),
            since: seconds_since_1970(transfer.since),
        }
    }
}

/// An offer that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Offer {
    /// The transfer that it becomes.
    pub offer: String,
    /// Id of the sender.
    pub from: String,
    /// The sender's name; safe to print.
    pub from_name: String,
    /// What it is called; safe to print.
    pub name: String,
    /// Files offered.
    pub files: u32,
    /// Their size.
    pub bytes: u64,
    /// The text, when it is one; not safe to print.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub text: Option<String>,
}

impl From<engine::Transfer> for Offer {
    fn from(transfer: engine::Transfer) -> Self {
        Self {
            offer: transfer.id.to_string(),
            from: transfer.peer.to_string(),
            from_name: transfer.peer_name,
            name: transfer.name,
            files: transfer.files,
            bytes: transfer.bytes,
            text: transfer.text,
        }
    }
}

impl From<&Transfer> for Offer {
    fn from(row: &Transfer) -> Self {
        Self {
            offer: row.transfer.clone(),
            from: row.peers.first().cloned().unwrap_or_default(),
            from_name: row.peer_name().to_owned(),
            name: row.name.clone(),
            files: row.files,
            bytes: row.bytes,
            text: row.text.clone(),
        }
    }
}

/// Limits in bytes a second; none: no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Limits {
    /// What leaves.
    pub up: Option<u64>,
    /// What arrives.
    pub down: Option<u64>,
}

impl From<engine::Limits> for Limits {
    fn from(limits: engine::Limits) -> Self {
        Self { up: limits.up, down: limits.down }
    }
}

impl From<Limits> for engine::Limits {
    fn from(limits: Limits) -> Self {
        Self { up: limits.up, down: limits.down }
    }
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Snapshot {
    /// This device.
    pub identity: Identity,
    /// Devices known and in reach.
    pub devices: Vec<Device>,
    /// Transfers that are not over, and the recent ones that are.
    pub transfers: Vec<Transfer>,
    /// Limits in force.
    pub limits: Limits,
}

impl From<&engine::Engine> for Snapshot {
    fn from(engine: &engine::Engine) -> Self {
        let snapshot = engine.snapshot();
        Self {
            identity: engine.into(),
            devices: snapshot.devices.into_iter().map(Into::into).collect(),
            transfers: snapshot.transfers.into_iter().map(Into::into).collect(),
            limits: engine.limits().into(),
        }
    }
}

/// Rounded up, so that something that goes on never has zero seconds left.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

fn seconds_since_1970(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// To a thousandth: enough for a round trip on a cable, short enough to read.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
