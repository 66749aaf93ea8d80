//! What may be wrong when no device is to be seen or nothing arrives.

use serde::{Deserialize, Serialize};
use shoal_engine as engine;
use ts_rs::TS;

/// What a front end translates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum HealthCode {
    /// No interface is up but loopback.
    NoNetwork,
    /// Every interface that is up is switched off in the settings.
    InterfacesOff,
    /// The only addresses are those that a host gives itself: no router answered.
    OnlyLinkLocal,
    /// The only way out is a tunnel, and those carry no announcements.
    VpnOnly,
    /// The port of mDNS is not to be had: devices do not find each other by themselves.
    MdnsUnavailable,
    /// mDNS was switched off for this start, on the command line.
    MdnsOff,
    /// The settings say not to announce this device.
    NotDiscoverable,
    /// Nothing can be written to the inbox.
    InboxNotWritable,
    /// The inbox's drive is nearly full.
    LittleSpace,
    /// The system caps the socket's buffers: fast networks lose packets.
    SocketBuffersSmall,
}

/// One thing that may be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HealthNote {
    /// What.
    pub code: HealthCode,
    /// What it is about: what the system said, a folder, interfaces or an amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub detail: Option<String>,
}

impl From<&engine::HealthNote> for HealthNote {
    fn from(note: &engine::HealthNote) -> Self {
        let code = match note {
            engine::HealthNote::NoNetwork => HealthCode::NoNetwork,
            engine::HealthNote::InterfacesOff(_) => HealthCode::InterfacesOff,
            engine::HealthNote::OnlyLinkLocal(_) => HealthCode::OnlyLinkLocal,
            engine::HealthNote::VpnOnly(_) => HealthCode::VpnOnly,
            engine::HealthNote::MdnsUnavailable(_) => HealthCode::MdnsUnavailable,
            engine::HealthNote::MdnsOff => HealthCode::MdnsOff,
            engine::HealthNote::NotDiscoverable => HealthCode::NotDiscoverable,
            engine::HealthNote::InboxNotWritable { .. } => HealthCode::InboxNotWritable,
            engine::HealthNote::LittleSpace(_) => HealthCode::LittleSpace,
            engine::HealthNote::SocketBuffersSmall(_) => HealthCode::SocketBuffersSmall,
        };
        Self { code, detail: note.detail() }
    }
}
